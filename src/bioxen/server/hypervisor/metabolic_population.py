"""A metabolic process on many cells: the batch of their edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioxen.protocol.base import parse
from bioxen.protocol.bulk import PopulationRun
from bioxen.protocol.metabolic import BatchRequest, FbaRequest, Variant
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.processes import Process

_OF_A_BATCH = frozenset({"process_code", "report", "reactions"})
"""What a batch of flux balance analyses says itself; anything more makes it a batch of analyses."""


class MetabolicPopulation:
    """What is asked of the cells."""

    of_variant = frozenset(Variant.model_fields)
    """The fields in which cells may differ."""

    def __init__(self, run: PopulationRun, process: Process) -> None:
        self.run, self.process = run, process
        self.context: Mapping[str, Any] = run.context
        """What each cell's own request is given."""

    def batch(self, fields: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> BatchRequest:
        """Return the batch of cells that share `fields`, each with its own changes."""
        shared = {name: value for name, value in fields.items() if name in MetabolicRequest.model_fields}
        own = {name: value for name, value in fields.items() if name not in shared}
        batch: dict[str, Any] = {**shared, "process_code": "metabolic_batch", "variants": _parsed(changes)}
        if self.process.request is FbaRequest and own.keys() <= _OF_A_BATCH:
            batch["report"] = self.run.context.get("report", "objective")
            batch["reactions"] = own.get("reactions")
        else:
            batch["analysis"] = own
        return parse(BatchRequest, batch)


def _parsed(changes: Sequence[Mapping[str, Any]]) -> list[Variant]:
    """Return the variants; cells with the same changes have one between them."""
    made: dict[int, Variant] = {}
    for one in changes:
        if id(one) not in made:
            made[id(one)] = parse(Variant, one)
    return [made[id(one)] for one in changes]
