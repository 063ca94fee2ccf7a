"""What an analysis found, before the engine signs it with its provenance."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, SkipValidation

from bioxen.errors import ComputationError
from bioxen.protocol.metabolic import BatchColumns, FluxRequest, Outcome
from bioxen.protocol.provenance import Setting
from bioxen.protocol.units import Flux
from bioxen.server.engines.metabolic.families import Ranges, Study
from bioxen.server.engines.metabolic.network import Network, Vector
from bioxen.server.engines.metabolic.problem import Problem, find_reactions
from bioxen.server.engines.metabolic.solver import Optimum
from bioxen.server.engines.signing import part_of

_outcome_of = part_of(Outcome)


class Findings(Outcome):
    """The part of a result that an analysis decides, and what it was decided about."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    problem: Problem
    optimal_objective: float | None = None
    flux_state: Annotated[dict[str, Flux] | None, SkipValidation] = None
    """Made by `flux_state`, which has looked at the numbers as an array: thousands, one by one, take long."""
    batch: BatchColumns | None = None
    settings: dict[str, Setting] = Field(default_factory=dict)
    """Settings of this analysis, beside those of the solver."""

    def but(self, **changes: Any) -> Findings:
        """Return findings that differ in these fields."""
        return Findings(**{**self.__dict__, **changes})

    def outcome(self) -> dict[str, Any]:
        """Return the fields of the outcome by name."""
        return _outcome_of(self)


def flux_state(request: FluxRequest, network: Network, fluxes: Vector) -> dict[str, float] | None:
    """Return reaction id → flux, of those reactions that the request wants; no flux is written as -0.

    Raises:
        UnknownIdentifierError: it wants one that the model does not have.
        ComputationError: a flux is no finite number.
    """
    if request.report == "objective":
        return None
    if not np.isfinite(fluxes).all():
        raise ComputationError("The solver gave a flux that is no finite number.")
    if request.reactions is not None:
        columns = find_reactions(request.reactions, network, "reactions")
        return dict(zip(request.reactions, (fluxes[columns] + 0.0).tolist(), strict=True))
    # Most fluxes of a large network are 0: a copy of all zeros and the few others take a third of the time.
    carrying = np.flatnonzero(fluxes)
    state = network.no_flux.copy()
    names = map(network.reactions.__getitem__, carrying.tolist())
    state.update(zip(names, fluxes[carrying].tolist(), strict=True))
    return state


def solved_by(*parts: Optimum | Study | Ranges) -> dict[str, Setting]:
    """Return the setting that names what solved."""
    solvers = {
        solver for part in parts for solver in ({part.solver} if isinstance(part, Optimum) else part.solvers)
    }
    return {"solver": ", ".join(sorted(solvers))}
