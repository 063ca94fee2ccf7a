"""What a warm time course takes over REST, beyond the integration and beyond the request in process."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from functools import partial
from statistics import quantiles

from benchmarks.kinetic.models import GENE, REPRESSILATOR, chain, sbml_of
from benchmarks.round_trip import Ask, BareSocket, in_turns

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.kinetic import TimeCourseRequest
from bioxen.server.bytecode.repository import Repository
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.integrate import Tolerances, integrate
from bioxen.server.engines.kinetic.outputs import selections_of
from bioxen.server.supervisor import Supervisor

ROUNDS = 300
TEXTS = {"gene expression": sbml_of(GENE), "repressilator": sbml_of(REPRESSILATOR), "chain of 50": chain(50)}


def rest() -> None:
    """Print a Markdown table. The program stays warm; requests bring the model's text, or name it."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["BIOXEN_HOME"] = home  # the services that start below know the models in it
        for name, sbml in TEXTS.items():
            Repository().add(sbml, id=_id(name), chassis="base", title=name, licence="CC0-1.0")
        _table()


def _table() -> None:
    print(
        "Milliseconds beyond the integration: median / 90th percentile; wall-clock time. The last column is"
    )
    print("the bare socket beyond the same request in process: read, integrated, its result as JSON.\n")
    print(
        "| model, integration, request in process | points | model given as | bare socket | BioXen's client "
        "| orchestrator, bare | with client | bare socket, beyond the request |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with Supervisor(compute_arguments=["--workers", "1", "--cache-mb", "0"]) as services:
        kinetic = next(one for one in services.services if one.name == "kinetic")
        urls = {"direct": kinetic.url, "orchestrator": services.url}
        for name, sbml in TEXTS.items():
            for points in (2, 101):
                _row(name, sbml, points, urls)


def _row(name: str, sbml: str, points: int, urls: dict[str, str]) -> None:
    named = TimeCourseRequest(model=_id(name), time_end=10.0, time_points=points)
    brought = TimeCourseRequest(kinetic_code=sbml, time_end=10.0, time_points=points)
    for given, request in (("text", brought), ("name", named)):
        rivals: dict[str, Ask] = dict(_in_process(sbml, points, request))
        for where, url in urls.items():
            for how, ask in _askers(url, request).items():
                rivals[f"{where} {how}"] = ask
        taken = in_turns(rivals, ROUNDS)
        alone = statistics.median(taken.pop("integration"))
        whole = statistics.median(taken.pop("request"))
        beyond = statistics.median(taken["direct bare"]) - whole
        cells = [
            f"{statistics.median(one) - alone:.2f} / {quantiles(one, n=10)[8] - alone:.2f}"
            for one in taken.values()
        ]
        model = f"{name}, {alone:.2f}, {whole:.2f} ms"
        print(f"| {model} | {points} | {given} | {' | '.join(cells)} | {beyond:.2f} |")


def _id(name: str) -> str:
    return name.replace(" ", "_") + "_of_the_benchmark"


def _in_process(sbml: str, points: int, request: TimeCourseRequest) -> dict[str, Ask]:
    """Return two ways to compute on a warm model in this process.

    `integration` is the least: reset, set, simulate, look at the state. `request` is what a worker does.
    """
    engine = KineticEngine()
    program = engine.compile(ModelSource(sbml, "sbml", digest_of(sbml)))
    selections = selections_of(None, program.facts)
    payload = request.model_dump(mode="json", exclude_none=True, exclude={"kinetic_code", "model"})
    return {
        "integration": partial(
            integrate, program, [], (0.0, 10.0, points), selections, Tolerances(1e-6, 1e-12)
        ),
        "request": lambda: engine.run_encoded(engine.parse(payload), program),
    }


def _askers(url: str, request: TimeCourseRequest) -> dict[str, Ask]:
    """Return the ways to ask one service: with the server's share alone, and as a user does."""
    body = json.dumps(
        request.model_dump(mode="json", exclude_defaults=True) | {"process_code": "kinetic_ode"}
    )
    bare, client = BareSocket(url), BiologicalComputationClient(None, url)
    return {
        "bare": partial(bare.post, "/compute/kinetic", body.encode()),
        "client": partial(client.request_dynamic_computation, request),
    }
