"""Kinetic studies over HTTP: cut into shards, streamed, put together, and the same as in one piece."""

import json
from typing import Any

import httpx2
import pytest

MEMBERS = 50
"""Members of a block, of so small a study."""
COUNT = 2 * MEMBERS + 7
DECAY = "species A = 10; A => ; k*A; k = 0.5; y := k*2 + j; j = 1;"


def ensemble(**fields: Any) -> dict[str, Any]:
    return {
        "process_code": "kinetic_ensemble",
        "kinetic_code": DECAY,
        "members": COUNT,
        "distributions": {"k": {"kind": "uniform", "lower": 0.1, "upper": 1.0}},
        "time_end": 2.0,
        "time_points": 3,
        **fields,
    }


def events(http: httpx2.Client, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    with http.stream("POST", "/compute/kinetic/stream", json=body) as answer:
        assert answer.status_code == 200
        return [(event.event, json.loads(event.data)) for event in httpx2.EventSource(answer)]


@pytest.mark.parametrize("through", ["http", "dynamic"])
def test_shards_are_the_members_of_the_whole(through: str, request: pytest.FixtureRequest) -> None:
    client: httpx2.Client = request.getfixturevalue(through)
    whole = client.post("/compute/kinetic", json=ensemble(report="values")).json()
    members = whole["members"]
    assert members["values"]["shape"] == [COUNT, 3, 1]
    assert len(members["varied"]["k"]) == len(members["status"]) == COUNT
    assert whole["provenance"]["settings"]["method"] == f"lanes tsit5: {COUNT}"
    assert whole["audit"]["members"] == 3
    for first in (0, MEMBERS - 1, MEMBERS, COUNT - 1):
        part = {"first": first, "count": 1}
        alone = client.post("/compute/kinetic", json=ensemble(report="values", part=part)).json()["members"]
        assert alone["varied"]["k"] == [members["varied"]["k"][first]]
        assert alone["values"]["numbers"] == members["values"]["numbers"][3 * first : 3 * first + 3]


def test_a_summary_over_shards(http: httpx2.Client) -> None:
    summary = http.post("/compute/kinetic", json=ensemble(report="summary")).json()
    values = http.post("/compute/kinetic", json=ensemble(report="values")).json()["members"]["values"][
        "numbers"
    ]
    assert summary["members"] is None
    assert summary["time_vector"] == [0.0, 1.0, 2.0]
    assert summary["summary"]["members"] == COUNT
    assert summary["summary"]["mean"]["numbers"] == pytest.approx(
        [sum(values[i::3]) / COUNT for i in range(3)]
    )


def test_a_study_gives_the_same_bytes_each_time(http: httpx2.Client) -> None:
    body = {
        "process_code": "kinetic_sobol",
        "kinetic_code": DECAY,
        "factors": {name: {"lower": 0.0, "upper": 1.0} for name in ("k", "j")},
        "samples": 32,
        "outputs": ["y"],
        "time_end": 1.0,
    }
    answers = {http.post("/compute/kinetic", json=body).content for _ in range(2)}
    assert len(answers) == 1
    found = {one["factor"]: one["total"] for one in json.loads(answers.pop())["global_sensitivity"]["sobol"]}
    assert found == pytest.approx({"k": 0.8, "j": 0.2}, abs=0.1)  # variances 4/12 and 1/12


def test_a_stream_has_every_part_its_progress_and_the_conclusion(http: httpx2.Client) -> None:
    got = events(http, ensemble(report="summary"))
    parts = [data for name, data in got if name == "shard"]
    assert sorted(data["offset"] for data in parts) == [0, MEMBERS, 2 * MEMBERS]
    assert parts[-1]["done"] == COUNT
    name, end = got[-1]
    assert (name, end["done"], end["total"]) == ("end", COUNT, COUNT)
    assert end["result"] == http.post("/compute/kinetic", json=ensemble(report="summary")).json()


def test_a_stream_of_members_ends_without_a_conclusion(http: httpx2.Client) -> None:
    name, end = events(http, ensemble())[-1]
    assert (name, sorted(end)) == ("end", ["done", "total"])


def test_what_is_too_large_to_put_together_is_refused(http: httpx2.Client) -> None:
    body = ensemble(members=200_000, report="summary", time_points=1001)
    problem = http.post("/compute/kinetic", json=body).json()
    assert (problem["code"], problem["place"]) == ("BX008", "report")
    assert dict(events(http, body))["problem"]["place"] == "report"


def test_a_mistake_is_a_problem(http: httpx2.Client) -> None:
    body = ensemble(distributions={"kk": {"kind": "uniform", "lower": 0.1, "upper": 1.0}})
    problem = http.post("/compute/kinetic", json=body).json()
    assert (problem["code"], problem["place"]) == ("BX013", "distributions.kk")
    assert dict(events(http, body))["problem"]["place"] == problem["place"]
