"""Batches over HTTP: cut into shards, streamed, put together, and the same as one by one."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, cast

import httpx2
import pytest
from tests.server.engines.metabolic.bench import program, run, source

from bioxen.protocol.base import parse
from bioxen.protocol.metabolic import BatchRequest
from bioxen.server.bytecode.repository import Repository
from bioxen.server.bytecode.scan import admit
from bioxen.server.bytecode.source import ModelFormat, ModelSource
from bioxen.server.orchestrator.computation import ComputationService
from bioxen.server.orchestrator.cutting import DOUBLE_PARTS, SHARD, SHARD_OF_ANALYSES
from bioxen.server.workers.base import Solved, Task, WorkerPool

COUNT = 2 * SHARD + 7


def batch(count: int = COUNT, **fields: Any) -> dict[str, Any]:
    variants = [{"constraints": {"EX_glc__D_e": [-number / 10, 1000.0]}} for number in range(count)]
    return {"process_code": "metabolic_batch", "variants": variants, **fields}


def events(http: httpx2.Client, body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    with http.stream("POST", "/compute/metabolic/stream", json=body) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for event in httpx2.EventSource(answer):
            yield event.event, json.loads(event.data)


@pytest.mark.parametrize("through", ["http", "static"])
def test_a_batch_is_what_its_variants_are_alone(through: str, request: pytest.FixtureRequest) -> None:
    client: httpx2.Client = request.getfixturevalue(through)
    whole = client.post("/compute/metabolic", json=batch(report="fluxes", reactions=["PFK", "CYTBD"])).json()
    columns = whole["batch"]
    assert len(columns["status"]) == len(columns["objective"]) == len(columns["fluxes"]["PFK"]) == COUNT
    for number in (0, 3, SHARD - 1, SHARD, COUNT - 1):
        alone = client.post(
            "/compute/metabolic",
            json={"process_code": "metabolic_fba", "constraints": {"EX_glc__D_e": [-number / 10, 1000.0]}},
        ).json()
        assert columns["status"][number] == alone["status"]
        assert columns["objective"][number] == alone["optimal_objective"]  # with fluxes: solved one by one
        if alone["flux_state"] is not None:
            assert columns["fluxes"]["PFK"][number] == alone["flux_state"]["PFK"]
    assert columns["status"][0] == "infeasible"
    assert columns["fluxes"]["PFK"][0] is None


def test_a_batch_gives_the_same_bytes_each_time(http: httpx2.Client) -> None:
    assert len({http.post("/compute/metabolic", json=batch()).content for _ in range(3)}) == 1


def test_a_stream_has_every_part_and_its_progress(http: httpx2.Client) -> None:
    got = list(events(http, batch()))
    parts = [data for name, data in got if name == "shard"]
    assert [data["done"] for data in parts][-1] == COUNT
    assert sorted(data["offset"] for data in parts) == [0, SHARD, 2 * SHARD]
    assert got[-1] == ("end", {"done": COUNT, "total": COUNT})
    whole = http.post("/compute/metabolic", json=batch()).json()["batch"]["objective"]
    for data in parts:
        part = data["result"]["batch"]["objective"]
        assert part == whole[data["offset"] : data["offset"] + len(part)]


def test_every_kind_of_change_counts(http: httpx2.Client) -> None:
    variants: list[dict[str, Any]] = [
        {},
        {"gene_knockouts": ["b3916", "b1723"]},
        {"reaction_knockouts": ["PGI"]},
        {
            "medium": {
                "EX_glc__D_e": 5.0,
                "EX_o2_e": 1000.0,
                "EX_nh4_e": 1000.0,
                "EX_pi_e": 1000.0,
                "EX_h_e": 10.0,
            }
        },
        {"objective": "ATPM"},
        {"objective_direction": "min"},
    ]
    body = {"process_code": "metabolic_batch", "variants": variants}
    growth = http.post("/compute/metabolic", json=body).json()["batch"]["objective"]
    assert growth[0] == pytest.approx(0.873922, abs=1e-6)
    assert growth[1] == pytest.approx(0.704037, abs=1e-6)
    assert growth[2] == pytest.approx(0.863160, abs=1e-5)
    assert 0 < growth[3] < growth[0]
    assert growth[4] == pytest.approx(175, abs=1e-6)
    assert growth[5] == pytest.approx(0, abs=1e-9)


def test_a_mistake_in_one_variant_names_it(http: httpx2.Client) -> None:
    body = batch()
    body["variants"][SHARD + 3] = {"constraints": {"EX_o2": [0.0, 1.0]}}
    problem = http.post("/compute/metabolic", json=body).json()
    assert (problem["code"], problem["place"]) == ("BX013", f"variants.{SHARD + 3}.constraints.EX_o2")
    assert dict(events(http, body))["problem"]["place"] == problem["place"]


def test_a_batch_without_variants_is_refused(http: httpx2.Client) -> None:
    assert http.post("/compute/metabolic", json=batch(0)).json()["code"] == "BX008"


@pytest.mark.parametrize("through", ["http", "static"])
def test_a_whole_genome_comes_in_parts_and_is_the_same_as_at_once(
    through: str, request: pytest.FixtureRequest
) -> None:
    client: httpx2.Client = request.getfixturevalue(through)
    body: dict[str, Any] = {"process_code": "metabolic_double_gene_deletion", "model": "textbook"}
    for more in ({}, {"packed": True}, {"report": "interactions"}, {"report": "synthetic_lethal"}):
        answer = client.post("/compute/metabolic", json={**body, **more})
        whole = run("textbook", body["process_code"], **more).model_dump(mode="json")
        got = answer.json()
        for field in ("deletion_matrix", "deletion_pairs", "optimal_objective", "message", "certificate"):
            assert got[field] == whole[field], field
        assert got["provenance"]["settings"] == whole["provenance"]["settings"]
    assert (
        client.post("/compute/metabolic", json=body).content
        == client.post("/compute/metabolic", json=body).content
    )


def test_a_double_deletion_streams_its_parts(http: httpx2.Client) -> None:
    body = {"process_code": "metabolic_double_reaction_deletion", "model": "textbook"}
    got = list(events(http, body))
    parts = [data for name, data in got if name == "shard"]
    assert sorted(data["offset"] for data in parts) == list(range(DOUBLE_PARTS))
    assert [data["done"] for data in parts] == list(range(1, DOUBLE_PARTS + 1))
    assert got[-1] == ("end", {"done": DOUBLE_PARTS, "total": DOUBLE_PARTS})
    rows = [
        name
        for data in sorted(parts, key=lambda data: int(data["offset"]))
        for name in data["result"]["deletion_matrix"]["ids_a"]
    ]
    assert rows == list(program("textbook").network.reactions)


def test_a_small_study_has_one_part(http: httpx2.Client) -> None:
    body = {"process_code": "metabolic_double_gene_deletion", "genes_a": ["b0720", "b0114"]}
    names = [(name, data["done"], data["total"]) for name, data in events(http, body)]
    assert names == [("shard", 1, 1), ("end", 1, 1)]
    (_, part), *_ = events(http, {"process_code": "metabolic_fba"})
    assert part["result"]["optimal_objective"] == pytest.approx(0.873922, abs=1e-6)


@pytest.mark.parametrize("through", ["http", "static"])
def test_a_study_without_an_optimum_says_so_once(through: str, request: pytest.FixtureRequest) -> None:
    client: httpx2.Client = request.getfixturevalue(through)
    body = {
        "process_code": "metabolic_double_gene_deletion",
        "model": "textbook",
        "constraints": {"EX_glc__D_e": [0.0, 0.0]},
    }
    answer = client.post("/compute/metabolic", json=body).json()
    assert (answer["status"], answer["deletion_matrix"]) == ("infeasible", None)
    assert "EX_glc__D_e" in answer["message"]


def test_a_batch_of_another_analysis_runs_in_parts(http: httpx2.Client) -> None:
    uptakes = [2.0 + number for number in range(2 * SHARD_OF_ANALYSES + 1)]
    body = {
        "process_code": "metabolic_batch",
        "model": "textbook",
        "variants": [{"constraints": {"EX_glc__D_e": [-uptake, 1000.0]}} for uptake in uptakes],
        "analysis": {"process_code": "metabolic_fva", "reactions": ["PGI"], "fraction_of_optimum": 0.9},
    }
    batch = http.post("/compute/metabolic", json=body).json()["batch"]
    assert batch["status"] == ["optimal"] * len(uptakes)
    alone = run(
        "textbook",
        "metabolic_fva",
        reactions=["PGI"],
        fraction_of_optimum=0.9,
        constraints={"EX_glc__D_e": [-uptakes[6], 1000.0]},
    )
    assert alone.flux_ranges is not None
    assert batch["results"][6]["flux_ranges"]["PGI"] == alone.flux_ranges["PGI"].model_dump()


class AnsweringPool:
    """Answers every task with nothing, and remembers the texts that came along."""

    def __init__(self) -> None:
        self.texts: list[str | None] = []

    async def solve(self, task: Task) -> Solved:
        self.texts.append(task.source.text if task.source else None)
        return Solved(b"{}")


def test_a_stream_looks_at_the_models_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []

    def counting(text: str, form: ModelFormat) -> ModelSource:
        looked.append(form)
        return admit(text, form)

    monkeypatch.setattr("bioxen.server.bytecode.lately.admit", counting)
    pool, text = AnsweringPool(), source("textbook").text
    service = ComputationService("static", cast("WorkerPool", pool), Repository())

    async def parts() -> int:
        return len([part async for part in service.parts(parse(BatchRequest, {**batch(), "sbml": text}))])

    assert asyncio.run(parts()) == 3
    assert (pool.texts, looked) == ([text] * 3, ["sbml"])


@pytest.mark.parametrize("through", ["http", "static"])
def test_more_numbers_than_json_should_hold_are_refused_before_the_work(
    through: str, request: pytest.FixtureRequest
) -> None:
    client: httpx2.Client = request.getfixturevalue(through)
    body = {"process_code": "metabolic_double_reaction_deletion", "model": "iJO1366"}
    problem = client.post("/compute/metabolic", json=body).json()
    assert (problem["code"], problem["place"]) == ("BX008", "packed")
    assert "3,337,236 pairs" in problem["detail"]
