"""Members a second of ensembles through the service over REST: in lanes and on libRoadRunner, in turns.

    python benchmarks/ensembles.py [FOLDER]

FOLDER holds SBML models to measure beside two shipped ones. The service has one worker. Every request is cut
into shards, computed, audited and put together; the answer has the final values of each member. The medians
of the turns count, and the largest difference that the audits found stands beside them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.kinetic import KineticResult
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.kinetic.facts import Facts
from bioxen.server.engines.kinetic.loader import load
from bioxen.server.supervisor import Supervisor

TURNS = 3
MEMBERS = {"lanes": 4000, "libroadrunner": 200}
SHIPPED = Path(__file__).parents[1] / "src" / "bioxen" / "server" / "bytecode" / "data" / "base"


def main() -> None:
    """Print a table, a row a model and method."""
    folders = [Path(name) for name in sys.argv[1:2]]
    models = [SHIPPED / "gene_expression.ant", SHIPPED / "repressilator.ant"]
    models += [path for folder in folders for path in sorted(folder.rglob("*.xml"))]
    print("| model | members | lanes, members/s | libRoadRunner, members/s | ratio | largest difference |")
    print("|---|---|---|---|---|---|")
    with Supervisor(compute_arguments=["--workers", "1", "--cache-mb", "0"]) as services:
        client = BiologicalComputationClient(None, services.url)
        for path in models:
            text = path.read_text()
            source = ModelSource(text, "sbml" if path.suffix == ".xml" else "antimony", digest_of(text))
            facts = load(source).facts
            for method in ("ode", "ssa"):
                if method == "ode" or (path.parent == SHIPPED and not facts.soundness.hurdles):
                    _row(client, path.stem, _request(text, facts, method))


def _request(text: str, facts: Facts, method: str) -> dict[str, Any]:
    spread = {"kind": "lognormal", "median": 1.0, "sigma": 0.1, "relative": True}
    varied = facts.free_parameters[:3]
    return {
        "process_code": "kinetic_ensemble",
        "kinetic_code": text,
        "distributions": dict.fromkeys(varied, spread),
        "method": method,
        "time_end": 100.0,
        "time_points": 101,
        "encoding": "base64",
    }


def _row(client: BiologicalComputationClient, name: str, request: dict[str, Any]) -> None:
    if not request["distributions"]:
        return
    rates: dict[str, list[float]] = {engine: [] for engine in MEMBERS}
    answers: dict[str, KineticResult] = {}
    for turn in range(TURNS + 1):
        for engine, members in MEMBERS.items():
            start = time.perf_counter()
            answers[engine] = client.request_dynamic_computation(
                {**request, "engine": engine, "members": members}
            )
            if turn > 0:  # the first turn compiles the model
                rates[engine].append(members / (time.perf_counter() - start))
    lanes, alone = median(rates["lanes"]), median(rates["libroadrunner"])
    audit = answers["lanes"].audit
    off = "-" if audit is None else f"{audit.largest_relative:.1g}, {audit.refused} refused"
    print(
        f"| {name}, {request['method']} | {MEMBERS['lanes']} | {lanes:.0f} | {alone:.0f} "
        f"| {lanes / alone:.1f} | {off} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
