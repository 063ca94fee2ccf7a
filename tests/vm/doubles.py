"""Fictional organisms and a service that answers from memory: no test here needs a server or a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
from tests.carrier import HandlerTransport

from bioxen.client import BiologicalComputationClient

FICTIONAL = """
biological_type = "{name}"
organism = "Fictio {name}"
summary = "An organism for tests."
default_model = "textbook"
default_kinetic_program = "gene_expression"
metabolic_models = ["textbook"]
kinetic_programs = ["gene_expression"]
objective = "Biomass_Ecoli_core"

[facts.doubling_time]
value = 30
unit = "min"
condition = "fictional medium"
source = "Nobody 2000"

[facts.mrna_half_life]
value = 5.0
unit = "min"
source = "Nobody 2001"

[medium]
EX_glc__D_e = 10.0
"""

PROVENANCE = {
    "model_id": "textbook",
    "model_digest": "d" * 64,
    "engine": "fake",
    "engine_version": "1",
    "bioxen_version": "0",
}


def metabolic_answer(request: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what a metabolic service might say."""
    return {
        "process_code": request["process_code"],
        "vm_id": request.get("vm_id"),
        "status": "optimal",
        "message": "optimal",
        "objective": {"Biomass_Ecoli_core": 1.0},
        "objective_direction": "max",
        "optimal_objective": 0.8739215,
        "flux_state": {"Biomass_Ecoli_core": 0.8739215, "EX_glc__D_e": -10.0},
        "model_key": "d" * 64,
        "provenance": PROVENANCE,
        **changes,
    }


def kinetic_answer(request: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what a kinetic service might say."""
    return {
        "process_code": request["process_code"],
        "vm_id": request.get("vm_id"),
        "status": "completed",
        "message": "completed",
        "time_vector": [0.0, 100.0],
        "species_trajectories": {"mRNA": [0.0, 2.5]},
        "final_state": {"mRNA": 2.5},
        "output_units": {"mRNA": "nM"},
        "program_key": "e" * 64,
        "provenance": {**PROVENANCE, "model_id": "gene_expression", "seed": request.get("seed")},
        **changes,
    }


class FakeServices:
    """Every service behind one transport: it records requests and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.processes: list[dict[str, Any]] = []
        self.changes: dict[str, Any] = {}
        """Fields that answers have in place of their own."""
        self.fault: Callable[[httpx2.Request], httpx2.Response] | None = None
        """What happens to compute requests instead of an answer."""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.paths.append(path)
        if path == "/processes":
            return httpx2.Response(200, json=self.processes)
        if path == "/health":
            return httpx2.Response(503, text="no report")
        body = json.loads(request.content)
        self.requests.append(body)
        if self.fault is not None:
            return self.fault(request)
        if path == "/compute/process":
            return httpx2.Response(200, json={"biological_output": "folded", **self.changes})
        answer = metabolic_answer if path == "/compute/metabolic" else kinetic_answer
        return httpx2.Response(200, json=answer(body, **self.changes))

    def client(self) -> BiologicalComputationClient:
        """Return a client of these services."""
        urls = ("http://static", "http://dynamic", "http://tools")
        return BiologicalComputationClient(*urls, transport=HandlerTransport(self))
