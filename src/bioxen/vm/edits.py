"""How a cell is made to differ from its chassis, in COBRApy's words.

Identifiers are checked by the service, against the model that a request names: a cell holds no model.
An unknown one is an error there, never skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta
from bioxen.vm.requests import ADDED_UP, MERGED, NO_DELTA


class Edits:
    """The edits of a cell. Each raises ValidationError on a malformed value, and changes nothing then."""

    __slots__ = ("_delta",)
    _delta: Delta

    def _replace_delta(self, delta: Delta) -> None:
        raise NotImplementedError

    @property
    def delta(self) -> Delta:
        """How the cell differs from its chassis; the copy is the caller's own."""
        return self._delta.model_copy(deep=True)

    def set_delta(self, delta: Delta | Mapping[str, Any]) -> None:
        """Replace every edit by those of `delta`."""
        given = delta.model_dump(exclude_defaults=True) if isinstance(delta, Delta) else delta
        self._replace_delta(parse(Delta, given))

    def reset_delta(self) -> None:
        """Undo every edit."""
        self._replace_delta(NO_DELTA)

    def knock_out_genes(self, *gene_ids: str) -> None:
        """Take genes out; a reaction whose gene rule is then false carries no flux."""
        self._change(gene_knockouts=_united(self._delta.gene_knockouts, gene_ids))

    def knock_out_reactions(self, *reaction_ids: str) -> None:
        """Take reactions out: they carry no flux."""
        self._change(reaction_knockouts=_united(self._delta.reaction_knockouts, reaction_ids))

    def set_medium(self, medium: Mapping[str, float] | None) -> None:
        """Set the whole medium: exchange id → largest uptake, mmol/gDW/h; null for the model's own."""
        self._change(medium=None if medium is None else dict(medium))

    def set_bounds(self, reaction_id: str, lower: float | None, upper: float | None) -> None:
        """Bound a reaction's flux, mmol/gDW/h; null for no bound on that side."""
        self._change(constraints={**self._delta.constraints, reaction_id: (lower, upper)})

    def set_parameters(self, parameters: Mapping[str, float] | None = None, /, **named: float) -> None:
        """Set kinetic parameters, in the model's units; those not named keep their value."""
        self._change(parameters={**self._delta.parameters, **(parameters or {}), **named})

    def set_initial_conditions(self, values: Mapping[str, float] | None = None, /, **named: float) -> None:
        """Set amounts `S` or concentrations `[S]` at the start, in the model's units."""
        given = {**(values or {}), **named}
        self._change(initial_conditions={**self._delta.initial_conditions, **given})

    def set_seed(self, seed: int | None) -> None:
        """Set the seed of the cell's stochastic runs; null for the one that follows from its id."""
        self._change(seed=seed)

    def _change(self, **changes: Any) -> None:
        self._replace_delta(parse(Delta, {**self._delta.model_dump(exclude_defaults=True), **changes}))


def changed(delta: Delta, changes: Delta) -> Delta:
    """Return `delta` with `changes` on top: knock-outs add up, medium and seed replace, the rest by key."""
    merged = {name: {**getattr(delta, name), **getattr(changes, name)} for name in MERGED}
    united = {name: _united(getattr(delta, name), tuple(getattr(changes, name))) for name in ADDED_UP}
    replaced = {name: value for name in ("medium", "seed") if (value := getattr(changes, name)) is not None}
    return delta.model_copy(update={**merged, **united, **replaced})


def _united(present: list[str], added: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys([*present, *added]))
