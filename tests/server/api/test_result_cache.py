"""The result cache and the estimates as clients meet them: real services, real engines."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from tests.server.api.test_observability import samples

from bioxen.client import BiologicalComputationClient
from bioxen.server.bytecode.repository import Repository
from bioxen.server.supervisor import Supervisor
from bioxen.vm.hypervisor import BioXenHypervisor

METABOLIC, KINETIC = "/compute/metabolic", "/compute/kinetic"
MISS, HIT, BYPASS = "bioxen; fwd=miss", "bioxen; hit", "bioxen; fwd=bypass"


def fba(uptake: float, **more: Any) -> dict[str, Any]:
    """Return a request that no other test makes."""
    return {"process_code": "metabolic_fba", "constraints": {"EX_glc__D_e": [-uptake, 1000]}, **more}


def ask(client: httpx2.Client, path: str, body: dict[str, Any]) -> tuple[bytes, str]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.content, answer.headers["cache-status"]


def test_a_hit_has_the_bytes_of_the_miss_on_every_way(http: httpx2.Client, static: httpx2.Client) -> None:
    first, status = ask(http, METABOLIC, fba(7.1231))
    assert status == MISS
    for client in (http, static):
        assert ask(client, METABOLIC, fba(7.1231)) == (first, HIT)
        assert ask(client, METABOLIC, fba(7.1231, report="fluxes", deadline=9.0)) == (first, HIT)
    named, status = ask(static, METABOLIC, fba(7.1231, vm_id='c "1"'))
    assert status == HIT
    assert json.loads(named) == json.loads(first) | {"vm_id": 'c "1"'}
    assert ask(http, METABOLIC, fba(7.1232))[1] == MISS


def test_who_asks_for_it_gets_an_answer_that_is_computed_now(http: httpx2.Client) -> None:
    first, _ = ask(http, METABOLIC, fba(7.1233))
    anew = http.post(METABOLIC, json=fba(7.1233), headers={"cache-control": "max-age=0, no-cache"})
    assert (anew.content, anew.headers["cache-status"]) == (first, BYPASS)
    assert ask(http, METABOLIC, fba(7.1233)) == (first, HIT)


def test_a_replay_computes(http: httpx2.Client, static: httpx2.Client) -> None:
    """A kept answer is always the same, so it would show nothing."""
    cell = "/vms/replayed"
    http.post("/vms", json={"vm_id": "replayed", "biological_type": "ecoli"})
    http.post(f"{cell}/actions/start")
    for _ in range(2):
        http.post(f"{cell}/processes", json={"process_code": "metabolic_fba"})
    done = ("bioxen_tasks_completed_total", frozenset({("engine", "metabolic")}))
    before = samples(static)[done]
    replay = http.post(f"{cell}/replay").json()
    assert (replay["same"], len(replay["entries"])) == (True, 2)
    assert samples(static)[done] == before + 2
    http.delete(cell)


def test_kinetic_answers_are_kept_by_their_seed(http: httpx2.Client) -> None:
    body = {"process_code": "kinetic_ssa", "time_end": 7.125}
    first, status = ask(http, KINETIC, body)
    assert status == MISS
    assert ask(http, KINETIC, body | {"seed": 0}) == (first, HIT)
    other, status = ask(http, KINETIC, body | {"seed": 1})
    assert status == MISS
    assert other != first


def test_what_fell_short_is_computed_again(http: httpx2.Client) -> None:
    short = {"process_code": "metabolic_sampling", "samples": 10, "chains": 2, "thinning": 1, "min_ess": 1e6}
    for _ in range(2):
        answer, status = ask(http, METABOLIC, short)
        assert json.loads(answer)["status"] == "feasible"
        assert status == MISS
    lost = fba(7.124, objective="nope")
    for _ in range(2):
        assert http.post(METABOLIC, json=lost).status_code == 422


def test_infeasible_is_an_answer_that_is_kept(http: httpx2.Client) -> None:
    body = fba(0.0, medium={}, gene_knockouts=[])
    first, status = ask(http, METABOLIC, body)
    assert (json.loads(first)["status"], status) == ("infeasible", MISS)
    assert ask(http, METABOLIC, body) == (first, HIT)


def test_a_text_is_found_by_those_alone_who_have_it(http: httpx2.Client) -> None:
    """A private model's answers are under the digest of its text, which nobody can name for it."""
    text = Repository().read("textbook").text.replace("<model", "<!-- private --><model", 1)
    first, status = ask(http, METABOLIC, fba(7.125, sbml=text))
    assert status == MISS
    assert ask(http, METABOLIC, fba(7.125, sbml=text)) == (first, HIT)
    digest = json.loads(first)["model_key"]
    refused = http.post(METABOLIC, json=fba(7.125, model=digest))
    assert (refused.status_code, refused.json()["code"]) == (404, "BX011")


def test_a_text_of_a_known_model_does_not_take_its_name(http: httpx2.Client) -> None:
    text = Repository().read("textbook").text
    named = json.loads(ask(http, METABOLIC, fba(7.126, model="textbook"))[0])
    given, status = ask(http, METABOLIC, fba(7.126, sbml=text))
    assert status == MISS
    assert named["provenance"].pop("model_id") == "textbook"
    assert json.loads(given)["provenance"]["model_id"] is None
    assert json.loads(ask(http, METABOLIC, fba(7.127, model="textbook"))[0])["provenance"]["model_id"]


def test_a_batch_is_a_hit_where_all_of_its_parts_are(http: httpx2.Client) -> None:
    variants = [{"constraints": {"EX_glc__D_e": [-7.128 - number / 1e4, 1000]}} for number in range(300)]
    body = {"process_code": "metabolic_batch", "variants": variants}
    first, status = ask(http, METABOLIC, body)
    assert status == MISS
    assert ask(http, METABOLIC, body) == (first, HIT)
    longer = body | {"variants": [*variants, {}]}  # its first part is known
    assert ask(http, METABOLIC, longer)[1] == MISS


def test_cells_share_answers_and_cannot_change_them(hypervisor: BioXenHypervisor) -> None:
    context = {"constraints": {"EX_glc__D_e": [-7.129, 1000]}}
    first = hypervisor.execute_process("plain", "metabolic_fba", context)
    hypervisor.create_vm("other", "ecoli").start()
    assert not first.cache_hit
    assert first.service_results is not None
    before = json.dumps(first.service_results | {"vm_id": "other"}, sort_keys=True)
    first.service_results["flux_state"]["PGI"] = 1e9
    second = hypervisor.execute_process("other", "metabolic_fba", context)
    assert second.cache_hit
    assert json.dumps(second.service_results, sort_keys=True) == before


def test_the_metrics_tell_of_the_cache(static: httpx2.Client) -> None:
    engine = frozenset({("engine", "metabolic")})
    before = samples(static)
    ask(static, METABOLIC, fba(7.130))
    ask(static, METABOLIC, fba(7.130))
    after = samples(static)
    for name, grown in (("hits_total", 1), ("misses_total", 1), ("answers", 1), ("evictions_total", 0)):
        key = (f"bioxen_cache_{name}", engine)
        assert after[key] == before[key] + grown
    assert before[("bioxen_cache_bytes", engine)] < after[("bioxen_cache_bytes", engine)]
    assert after[("bioxen_cache_limit_bytes", engine)] == 256 << 20
    assert 0 < after[("bioxen_cache_hit_ratio", engine)] < 1


def test_fallbacks_are_counted(static: httpx2.Client, dynamic: httpx2.Client) -> None:
    def count(client: httpx2.Client, **labels: str) -> float:
        return samples(client).get(("bioxen_fallbacks_total", frozenset(labels.items())), 0.0)

    kernel = {"engine": "metabolic", "kind": "kernel", "reason": "infeasible"}
    before = count(static, **kernel)
    ask(static, METABOLIC, fba(7.131, constraints={"ATPM": [900, 1000]}))
    assert count(static, **kernel) > before
    code = "A -> ; k*A^2; A = -1; k = 1"  # grows without limit at time 1
    before = sum_of(dynamic, "integrator")
    answer = json.loads(ask(dynamic, KINETIC, {"process_code": "kinetic_ode", "kinetic_code": code})[0])
    assert answer["status"] == "failed"
    assert sum_of(dynamic, "integrator") > before


def sum_of(client: httpx2.Client, kind: str) -> float:
    found = samples(client).items()
    return sum(value for (name, labels), value in found if ("kind", kind) in labels and "fallbacks" in name)


def test_a_job_says_what_it_will_take(http: httpx2.Client, services: Supervisor) -> None:
    body = {"request": {"process_code": "metabolic_robustness", "reaction": "EX_o2_e", "points": 401}}
    asked = http.post("/jobs/estimate", json=body)
    assert asked.status_code == 200
    assert set(asked.json()) == {"seconds", "memory_bytes", "basis"}
    assert asked.json()["basis"] == "assumed"
    accepted = http.post("/jobs", json=body).json()
    assert accepted["estimate"] == asked.json()
    with BiologicalComputationClient(None, None, services.url) as client:
        done = client.jobs.wait(accepted["job_id"], timeout=200)
        assert done.state == "done"
        assert done.estimate is not None
        assert done.estimate.model_dump() == asked.json()
        again = client.jobs.estimate({"process_code": "metabolic_robustness", "reaction": "EX_o2_e"})
        assert again.basis == "measured"
        assert 0.01 * done.seconds < again.seconds < 100 * done.seconds
        known = client.jobs.wait(http.post("/jobs", json=body).json()["job_id"], timeout=200)
        assert known.seconds < done.seconds  # what was known is no computing time
    unknown = http.post("/jobs/estimate", json={"request": fba(1.0, model="nowhere")})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "BX011")


def test_a_job_that_cannot_fit_is_refused_with_both_numbers(http: httpx2.Client) -> None:
    body = {
        "process_code": "kinetic_ensemble",
        "members": 1_000_000,
        "method": "ssa",
        "report": "values",
        "time_points": 100_001,
    }
    for path in ("/jobs", "/jobs/estimate"):
        refused = http.post(path, json={"request": body})
        assert (refused.status_code, refused.json()["code"]) == (507, "BX009")
        details = refused.json()["details"]
        assert details["estimate"] > details["limit"]
