"""A metabolic model in hand: the same kernel as the service's, in this process, with no server.

For whoever has a `cobra.Model`, or an SBML or COBRA JSON file:

    from bioxen.server.metabolic import Model

    model = Model(cobra_model)
    model.fba(constraints={"EX_o2_e": [0, 1000]}).optimal_objective
    model.fva(fraction_of_optimum=0.9).to_frame()

The analyses and their fields are those of the service (`bioxen.protocol.metabolic`). A model here is a copy:
it keeps the state that the given one had, and no analysis changes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from bioxen.protocol.metabolic import MetabolicResult
from bioxen.server.bytecode.files import read_model_file
from bioxen.server.bytecode.repository import Repository
from bioxen.server.bytecode.scan import admit
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.metabolic import MetabolicEngine
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.reader import text_of

REMEDY = "Give an SBML or COBRA JSON file, or a cobra.Model."


class Model:
    """One model, compiled once.

    Args:
        model: a `cobra.Model`, or the path of an SBML or COBRA JSON file (`.gz` too).

    Raises:
        ConfigurationError: the file cannot be read.
        InvalidModelError: it holds no model for constraint-based analysis.
    """

    def __init__(self, model: Any) -> None:
        direction = None
        if isinstance(model, str | Path):
            source = admit(read_model_file(Path(model), place="model", remedy=REMEDY))
        else:
            source, direction = admit(text_of(model), "cobra-json"), str(model.objective_direction)
        self._take(source, direction)

    def _take(self, source: ModelSource, direction: str | None) -> None:
        self._engine = MetabolicEngine()
        self._program: Program = self._engine.compile(source)
        self._direction = direction
        """The direction of a `cobra.Model`, which COBRA JSON does not hold."""

    @classmethod
    def from_repository(cls, name: str) -> Self:
        """Return the model of that id or digest, such as `iJO1366`.

        Raises:
            ModelNotFoundError: there is none.
        """
        model = cls.__new__(cls)
        model._take(Repository().read(name), None)
        return model

    @property
    def reactions(self) -> tuple[str, ...]:
        """The reactions' ids, in the model's order."""
        return self._program.network.reactions

    @property
    def metabolites(self) -> tuple[str, ...]:
        """The metabolites' ids, in the model's order."""
        return self._program.network.metabolites

    @property
    def genes(self) -> tuple[str, ...]:
        """The genes' ids, in the model's order."""
        return self._program.network.genes

    def run(self, process_code: str, **fields: Any) -> MetabolicResult:
        """Return the result of any metabolic process, such as `metabolic_moma`.

        Args:
            process_code: see `bioxen.protocol.processes`.
            fields: the fields of its request: medium, constraints, gene_knockouts, …

        Raises:
            UnknownProcessError: no metabolic process has that code.
            ValidationError: a field is not of its form.
            UnknownIdentifierError: the model has no such reaction, gene or metabolite.
        """
        if self._direction is not None:
            fields.setdefault("objective_direction", self._direction)
        request = self._engine.parse({**fields, "process_code": process_code})
        return self._engine.run(request, self._program)

    def fba(self, **fields: Any) -> MetabolicResult:
        """Flux balance analysis; raises as `run`."""
        return self.run("metabolic_fba", **fields)

    def pfba(self, **fields: Any) -> MetabolicResult:
        """Parsimonious flux balance analysis; raises as `run`."""
        return self.run("metabolic_pfba", **fields)

    def fva(self, **fields: Any) -> MetabolicResult:
        """Flux variability analysis; raises as `run`."""
        return self.run("metabolic_fva", **fields)

    def single_gene_deletion(self, **fields: Any) -> MetabolicResult:
        """The best objective without each gene; raises as `run`."""
        return self.run("metabolic_single_gene_deletion", **fields)

    def single_reaction_deletion(self, **fields: Any) -> MetabolicResult:
        """The best objective without each reaction; raises as `run`."""
        return self.run("metabolic_single_reaction_deletion", **fields)

    def batch(self, variants: list[dict[str, Any]], **fields: Any) -> MetabolicResult:
        """Flux balance analysis of many variants; raises as `run`."""
        return self.run("metabolic_batch", variants=variants, **fields)
