"""Batches over HTTP: cut into shards, streamed, put together, and the same as one by one."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from bioxen.server.orchestrator.sharding import SHARD

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
        assert columns["objective"][number] == alone["optimal_objective"]
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
