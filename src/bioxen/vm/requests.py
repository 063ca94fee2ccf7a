"""From (cell, process code, context) to the typed request that goes to a service.

A request names everything: the chassis, the model, how the cell differs from its chassis, and what the
caller's context says. The context wins key by key in constraints, parameters and initial conditions, it
replaces the medium as a whole (as COBRApy's `medium` does), and knock-outs add up.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from bioxen.chassis import ChassisConfig, find_chassis
from bioxen.chassis.registry import BUILT_IN
from bioxen.errors import ValidationError
from bioxen.protocol.base import parse, plain
from bioxen.protocol.cells import Delta, ExecutionMode
from bioxen.protocol.kinetic import StochasticRequest, TauLeapingRequest
from bioxen.protocol.processes import Process
from bioxen.protocol.request import ComputeRequest
from bioxen.vm.config import checked_mode

if TYPE_CHECKING:
    from bioxen.vm.cache import ResultCache

NO_DELTA = Delta()
OF_THE_CELL = ("process_code", "vm_id", "chassis_type")
"""Fields of a request that no context can set."""
ADDED_UP = ("gene_knockouts", "reaction_knockouts")
MERGED = ("constraints", "parameters", "initial_conditions")
MODEL_FIELDS = ("model", "sbml", "cobra_json", "kinetic_code")
GENE_EXPRESSION = "kinetic_gene_expression"
"""The process that always runs the chassis' gene-expression program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmContext:
    """A cell as an execution sees it: data alone, no engine and no connection."""

    vm_id: str
    chassis: ChassisConfig
    mode: ExecutionMode = "hybrid"
    model: str | None = None
    """The cell's own metabolic model; the chassis' default where absent."""
    kinetic_model: str | None = None
    """The cell's own kinetic program; the chassis' default where absent."""
    delta: Delta = NO_DELTA
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The context the caller gave: fields of the process's request."""
    priority: int = 50
    cache: ResultCache | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.fields, Mapping):
            raise ValidationError(
                f"The context is of the type {type(self.fields).__name__}, and not a mapping.",
                details={"place": "context", "remedy": "Give fields of the process's request, by name."},
            )

    @classmethod
    def of(cls, cell: VmContext | Mapping[str, Any]) -> VmContext:
        """Return `cell`, or what a mapping says: `vm_id`, `biological_type`, `execution_mode`, and context.

        Raises:
            ChassisError: no chassis has that name.
            ConfigurationError: no execution mode has that name.
        """
        if isinstance(cell, VmContext):
            return cell
        fields = dict(cell)
        mode = checked_mode(fields.pop("execution_mode", "hybrid"))
        biological_type = fields.pop("biological_type", fields.pop("chassis_type", "ecoli"))
        return cls(
            vm_id=fields.pop("vm_id", "unnamed"),
            chassis=find_chassis(biological_type),
            mode=mode,
            fields=fields,
        )

    @property
    def chassis_type(self) -> str:
        """The chassis as services know it; one from elsewhere is `base` there, with its own model."""
        return self.chassis.biological_type if self.chassis.biological_type in BUILT_IN else "base"

    @property
    def seed(self) -> int:
        """The seed of the cell's stochastic runs."""
        return zlib.crc32(self.vm_id.encode()) if self.delta.seed is None else self.delta.seed


def build_request(process: Process, code: str, cell: VmContext) -> ComputeRequest:
    """Return the request for `process`, asked under `code` by `cell`.

    Raises:
        ValidationError: the context has a field that the process does not know, or a value of another form.
    """
    known = process.request.model_fields
    for name in OF_THE_CELL:
        if name in cell.fields:
            raise ValidationError(
                f"{name}: a context cannot set it; it belongs to the cell and the call.",
                details={"place": name, "remedy": f"Leave {name} out."},
            )
    fields = {
        "process_code": code,
        "vm_id": cell.vm_id,
        "chassis_type": cell.chassis_type,
        **_model(process, code, cell),
        **_of_delta(cell.delta, known),
        **({"seed": cell.seed} if process.request in (StochasticRequest, TauLeapingRequest) else {}),
    }
    for name, value in cell.fields.items():
        fields[name] = _merged(name, fields.get(name), plain(value) if name in ADDED_UP else value)
    return parse(process.request, fields)


def _model(process: Process, code: str, cell: VmContext) -> dict[str, str]:
    """Return the model the cell brings, unless the context gives one of its own."""
    if any(cell.fields.get(name) is not None for name in MODEL_FIELDS):
        return {}
    if code == GENE_EXPRESSION:
        return {"model": cell.chassis.gene_expression_program}
    if process.service == "static":
        return {"model": cell.model or cell.chassis.default_model}
    return {"model": cell.kinetic_model or cell.chassis.default_kinetic_program}


def _of_delta(delta: Delta, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the delta this kind of request can carry, and only what differs from the chassis."""
    if delta is NO_DELTA:
        return {}
    present = {name: getattr(delta, name) for name in Delta.model_fields if name in known and name != "seed"}
    if delta.medium is None:
        present.pop("medium", None)
    return {name: value for name, value in present.items() if value or name == "medium"}  # {} closes all


def _merged(name: str, own: Any, given: Any) -> Any:
    """Return the cell's `own` value changed by the `given` one; a malformed one is left for validation."""
    if name in ADDED_UP and _is_list(given):
        return list(dict.fromkeys([*(own or ()), *given]))
    if name in MERGED and isinstance(given, Mapping):
        named = {_species(key) for key in given}
        kept = {key: value for key, value in (own or {}).items() if _species(key) not in named}
        return {**kept, **given}
    return dict(given) if isinstance(given, Mapping) else given


def _is_list(value: Any) -> TypeGuard[list[str] | tuple[str, ...]]:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _species(key: Any) -> Any:
    """Return the species of a selection: `S` and `[S]` set the same start and must not both be sent."""
    return key.removeprefix("[").removesuffix("]") if isinstance(key, str) else key
