"""Kinetic studies over HTTP: cut into shards, streamed, put together, and the same as in one piece."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from bioxen.vm.hypervisor import BioXenHypervisor

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
def test_any_analysis_can_be_streamed_as_one_part(through: str, request: pytest.FixtureRequest) -> None:
    client: httpx2.Client = request.getfixturevalue(through)
    ode = {"process_code": "kinetic_ode", "kinetic_code": DECAY, "time_end": 2.0, "time_points": 3}
    shard, end = events(client, ode)
    assert shard[1]["result"] == client.post("/compute/kinetic", json=ode).json()
    assert (shard[0], shard[1]["offset"], shard[1]["total"]) == ("shard", 0, 1)
    assert end == ("end", {"done": 1, "total": 1})


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


def test_what_is_counted_adds_up_over_shards(http: httpx2.Client) -> None:
    """Approximate quantiles and requested histograms: no member's numbers travel, whatever the parts are."""
    edges = [{"feature": "final", "edges": [2.0, 4.0, 8.0]}, {"feature": "maximum", "edges": [10.0, 11.0]}]
    body = ensemble(features=["final", "maximum"], outputs=["[A]"])
    values = np.array(http.post("/compute/kinetic", json=body).json()["members"]["features"]["numbers"])
    final = values.reshape(COUNT, 2)[:, 0]
    body |= {"report": "summary", "edges": edges, "quantile_method": "approximate", "quantiles": [0.05, 0.5]}
    told = events(http, body)
    for event, data in told[:-1]:
        assert event == "shard"
        members = data["result"]["members"]
        assert members["values"] is None and members["features"]["shape"][1] == 0
        assert sum(members["histograms"][1]["counts"]) == len(members["status"])
    result = http.post("/compute/kinetic", json=body).json()
    assert told[-1][1]["result"] == result
    summary = result["summary"]
    assert summary["quantile_method"] == "approximate"
    assert max(summary["accuracy"]["numbers"]) <= 0.005
    found = np.array(summary["quantiles"]["numbers"]).reshape(2, 3)
    assert found[:, 0].tolist() == [10.0, 10.0]  # all members start alike
    assert found[:, -1] == pytest.approx(np.quantile(final, [0.05, 0.5]), rel=0.005)
    one, other = summary["histograms"]
    assert one["counts"] == np.histogram(final, [2.0, 4.0, 8.0])[0].tolist()
    assert (one["below"], one["above"]) == (int((final < 2).sum()), int((final > 8).sum()))
    assert (other["feature"], other["counts"], other["below"]) == ("maximum", [COUNT], 0)


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


def loaded(http: httpx2.Client, array: dict[str, Any]) -> np.ndarray:
    reference = array["reference"]
    answer = http.get(reference["path"])
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == reference["digest"]
    assert len(answer.content) == reference["size"]
    assert answer.headers["etag"] == f'"{reference["digest"]}"'
    found: np.ndarray = np.load(io.BytesIO(answer.content), allow_pickle=False)
    assert list(found.shape) == array["shape"]
    return found


@pytest.mark.parametrize("members", [7, COUNT], ids=["whole", "shards"])
def test_arrays_by_reference_are_files_of_numpys(http: httpx2.Client, members: int) -> None:
    body = ensemble(report="values", members=members)
    plain = http.post("/compute/kinetic", json=body).json()
    referred = http.post("/compute/kinetic", json=body | {"encoding": "reference"}).json()
    for name in ("values", "features"):
        array = referred["members"].pop(name)
        assert array["numbers"] is array["base64"] is None
        assert loaded(http, array).ravel().tolist() == plain["members"].pop(name)["numbers"]
    assert referred == plain


def test_a_job_keeps_its_arrays(http: httpx2.Client) -> None:
    body = ensemble(report="values", encoding="reference")
    job = http.post("/jobs", json={"request": body}).json()
    with http.stream("GET", f"/jobs/{job['job_id']}/events") as answer:
        assert [json.loads(event.data) for event in httpx2.EventSource(answer)][-1]["job"]["state"] == "done"
    kept = http.get(f"/jobs/{job['job_id']}/result").json()
    assert kept == http.post("/compute/kinetic", json=body).json()
    assert loaded(http, kept["members"]["values"]).shape == (COUNT, 3, 1)


def test_a_summary_is_never_by_reference(http: httpx2.Client) -> None:
    body = ensemble(report="summary", encoding="reference")
    summary = http.post("/compute/kinetic", json=body).json()["summary"]
    assert summary["mean"]["base64"] is not None
    assert events(http, body)[-1][1]["result"]["summary"] == summary


def test_streamed_parts_may_be_by_reference(http: httpx2.Client) -> None:
    told = [data for event, data in events(http, ensemble(encoding="reference")) if event == "shard"]
    sizes = [loaded(http, part["result"]["members"]["features"]).shape[0] for part in told]
    assert sorted(sizes) == [7, MEMBERS, MEMBERS]


def test_a_service_without_a_store_has_no_references(dynamic: httpx2.Client) -> None:
    answer = dynamic.post("/compute/kinetic", json=ensemble(encoding="reference"))
    assert answer.status_code == 422
    assert answer.json()["place"] == "encoding"
    assert dynamic.get(f"/arrays/{'0' * 64}").status_code == 404


@pytest.mark.parametrize(("digest", "status"), [("0" * 64, 404), ("../" * 3, 404), ("0" * 63, 422)])
def test_an_array_that_is_not_there(http: httpx2.Client, digest: str, status: int) -> None:
    assert http.get(f"/arrays/{digest}").status_code == status


def test_a_result_of_a_job_is_no_array(http: httpx2.Client) -> None:
    job = http.post("/jobs", json={"request": ensemble(members=2)}).json()
    with http.stream("GET", f"/jobs/{job['job_id']}/events") as answer:
        list(httpx2.EventSource(answer))
    digest = http.get(f"/jobs/{job['job_id']}").json()["result_digest"]
    answer = http.get(f"/arrays/{digest}")
    assert (answer.status_code, answer.json()["code"]) == (404, "BX022")


def test_a_cell_loads_arrays_in_every_encoding(hypervisor: BioXenHypervisor, tmp_path: Path) -> None:
    found = {}
    for encoding in ("numbers", "base64", "reference"):
        context = ensemble(members=3, report="values", encoding=encoding)
        code = context.pop("process_code")
        result = hypervisor.get_vm("plain").execute_biological_process(code, context)
        array = result["service_results"]["members"]["values"]
        found[encoding] = hypervisor.load_array(array)
    assert found["numbers"].shape == (3, 3, 1)
    assert np.array_equal(found["numbers"], found["base64"])
    assert np.array_equal(found["numbers"], found["reference"])
    client = hypervisor.router(None).client
    assert client is not None
    saved = np.load(client.arrays.save(array, tmp_path / "values.npy"), mmap_mode="r")
    assert np.array_equal(saved, found["reference"])


@pytest.mark.parametrize("method", ["ode", "steady_state", "control"])
def test_a_summary_without_quantiles_sends_no_members(http: httpx2.Client, method: str) -> None:
    """Its sums are those of all numbers, though only sums of each part travelled."""
    body = ensemble(method=method, outputs=["A"], kinetic_code=f"{DECAY} => A; 3;")
    summary = http.post("/compute/kinetic", json=body | {"report": "summary", "quantiles": []}).json()
    report = "values" if method == "ode" else "features"
    whole = http.post("/compute/kinetic", json=body | {"report": report}).json()["members"]
    values = np.array(whole[report]["numbers"]).reshape(COUNT, -1)
    assert summary["summary"]["mean"]["numbers"] == pytest.approx(values.mean(axis=0))
    assert summary["summary"]["standard_deviation"]["numbers"] == pytest.approx(values.std(axis=0, ddof=1))
    parts = events(http, body | {"report": "summary", "quantiles": [], "bins": 0})
    for event, data in parts[:-1]:
        assert event == "shard"
        members = data["result"]["members"]
        assert members["values"] is None
        assert members["features"]["shape"][1] == 0
        assert members["varied"] == {}
        assert members["moments"]["values"]["members"] == len(members["status"])
    if method == "control":
        mean = np.array(whole["control"]["flux_control"]["numbers"]).reshape(COUNT, -1).mean(axis=0)
        assert summary["summary"]["control"]["flux_control"]["mean"]["numbers"] == pytest.approx(mean)
        assert summary["summary"]["steady"]["stable"] == COUNT


def test_a_route_is_told_and_taken(http: httpx2.Client, dynamic: httpx2.Client) -> None:
    body = ensemble(members=20)
    for asked in (http, dynamic):
        told = asked.post("/compute/kinetic/route", json=body).json()
        assert told == {"lanes": 64, "gpu": None, "source": "fixed", "note": None}
        for given, runs in ((None, "libRoadRunner"), ({"lanes": 20}, "lanes"), ({}, "libRoadRunner")):
            route = {} if given is None else {"route": given}
            answer = asked.post("/compute/kinetic", json=body | route)
            settings = answer.json()["provenance"]["settings"]
            assert settings["method"].startswith(runs)
            assert settings["route"] == ("fixed" if given is None else "request")
            assert settings["lanes_from"] == (64 if given is None else given.get("lanes"))
    refused = http.post("/compute/kinetic", json=body | {"engine": "lanes", "route": {"lanes": 20}})
    assert refused.status_code == 422
    unnamed = {name: value for name, value in body.items() if name != "kinetic_code"}
    unknown = http.post("/compute/kinetic/route", json=unnamed | {"model": "no_such_model"})
    assert unknown.status_code == 404
