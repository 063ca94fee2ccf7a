"""Models at hand for the tests of the metabolic engine, each compiled once."""

from __future__ import annotations

import gzip
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from tests.shared_data import shared

from bioxen.protocol.metabolic import MetabolicResult
from bioxen.server.bytecode.scan import admit
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.metabolic import MetabolicEngine
from bioxen.server.engines.metabolic.program import Program

ENGINE = MetabolicEngine()


def packaged(name: str) -> Path:
    """Return the path of a model in COBRApy's package."""
    spec = importlib.util.find_spec("cobra")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "data" / f"{name}.xml.gz"


@cache
def source(name: str) -> ModelSource:
    """Return `textbook` or `iJO1366` from COBRApy's package, or a file of the validation data."""
    path = packaged(name) if "." not in name else shared("gem", name)
    data = path.read_bytes()
    return admit((gzip.decompress(data) if path.suffix == ".gz" else data).decode())


@cache
def program(name: str) -> Program:
    """Return the compiled model."""
    return ENGINE.compile(source(name))


def run(model: str | Program, process_code: str = "metabolic_fba", **fields: Any) -> MetabolicResult:
    """Return the answer to one request."""
    request = ENGINE.parse({"process_code": process_code, **fields})
    return ENGINE.run(request, program(model) if isinstance(model, str) else model)


def toy(
    *reactions: tuple[str, dict[str, float], float, float], objective: str = "OUT", **more: Any
) -> Program:
    """Return a small model: (id, stoichiometry, lower, upper) for each reaction."""
    metabolites = sorted({name for _, stoichiometry, _, _ in reactions for name in stoichiometry})
    content = {
        "id": "toy",
        "metabolites": [{"id": name, "compartment": name.rpartition("_")[2]} for name in metabolites],
        "genes": [],
        "compartments": {"c": "", "e": ""},
        "reactions": [
            {
                "id": name,
                "name": name,
                "metabolites": stoichiometry,
                "lower_bound": lower,
                "upper_bound": upper,
                "gene_reaction_rule": "",
                "objective_coefficient": float(name == objective),
            }
            for name, stoichiometry, lower, upper in reactions
        ],
        **more,
    }
    return ENGINE.compile(admit(json.dumps(content)))


def encoded(result: MetabolicResult) -> str:
    """Return the result as the JSON that a worker sends."""
    return result.model_dump_json()
