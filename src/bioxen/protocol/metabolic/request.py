"""What every metabolic request and result shares."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.units import Bounds, Identifier, ModelText, Objective, Uptake

MetabolicStatus = Literal["optimal", "feasible", "infeasible", "unbounded", "numeric"]
"""`feasible`: the fluxes are possible, and short of what was asked: a gap is left, or samples are too few."""


class MetabolicRequest(ComputeRequest):
    """What every metabolic analysis can be given: a model and the changes to it."""

    sbml: ModelText | None = None
    """The model itself as SBML text, instead of `model`."""
    cobra_json: ModelText | None = None
    """The model itself as COBRA JSON text, instead of `model`."""
    objective: Objective | None = None
    """A reaction's id, or reaction ids with their coefficients; the model's own objective where absent."""
    objective_direction: Literal["max", "min"] | None = None
    """Whether to maximise or minimise; the model's own direction where absent."""
    constraints: dict[Identifier, Bounds] = Field(default_factory=dict)
    """Reaction id → [lower, upper], mmol/gDW/h."""
    medium: dict[Identifier, Uptake] | None = None
    """Exchange id → largest uptake, mmol/gDW/h; every exchange not named is closed for uptake."""
    gene_knockouts: list[Identifier] = Field(default_factory=list)
    """Genes without a product; a reaction whose gene rule is then false carries no flux."""
    reaction_knockouts: list[Identifier] = Field(default_factory=list)
    """Reactions that carry no flux."""

    @model_validator(mode="after")
    def _one_model(self) -> MetabolicRequest:
        given = [name for name in ("model", "sbml", "cobra_json") if getattr(self, name) is not None]
        if len(given) > 1:
            words = f"give one of model, sbml and cobra_json, not {' and '.join(given)}"
            raise mistake_at(given[-1], words)
        return self


class Certificate(Message):
    """How far an answer is from proof, in the numbers that prove it."""

    residual: float
    """max |S·v|, mmol/gDW/h: how far from steady state."""
    bound_violation: float
    """The largest excess of a flux over its bounds, mmol/gDW/h."""
    duality_gap: float | None
    """|primal − dual objective|, for a mixed-integer program |objective − bound|; null where neither is."""
    kkt_residual: float | None = None
    """How far a quadratic program's multipliers are from stationarity; null for any other program."""
