"""Every mistake is answered with its code, its place and what would be right, and the service goes on."""

from typing import Any

import httpx2
import pytest

from bioxen.client import BiologicalComputationClient
from bioxen.errors import BioXenException
from bioxen.server.supervisor import Supervisor

BOMB = """<?xml version="1.0"?>
<!DOCTYPE sbml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="&b;"/></sbml>"""
DEEP = (
    '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">'
    + "<model>" * 5000
    + "</model>" * 5000
    + "</sbml>"
)
FBA = {"process_code": "metabolic_fba"}
ODE = {"process_code": "kinetic_ode"}

METABOLIC: list[tuple[str, dict[str, Any], int, str, str | None]] = [
    ("unknown reaction", FBA | {"constraints": {"EX_o2": [0.0, 1.0]}}, 422, "BX013", "EX_o2_e"),
    ("unknown objective", FBA | {"objective": "BIOMASS"}, 422, "BX013", "Biomass_Ecoli_core"),
    ("unknown gene", FBA | {"gene_knockouts": ["b00001"]}, 422, "BX013", "b000"),
    ("unknown exchange", FBA | {"medium": {"EX_glc": 10.0}}, 422, "BX013", "EX_glc__D_e"),
    ("no exchange", FBA | {"medium": {"PFK": 10.0}}, 422, "BX013", None),
    ("unknown model", FBA | {"model": "textbok"}, 404, "BX011", "textbook"),
    ("a kinetic model", FBA | {"model": "repressilator"}, 422, "BX012", "metabolic"),
    ("unknown chassis", FBA | {"chassis_type": "ecolli"}, 422, "BX008", None),
    ("unknown process", {"process_code": "metabolic_fbaa"}, 422, "BX014", "metabolic_fba"),
    ("a process of the other service", {"process_code": "kinetic_ode"}, 422, "BX014", None),
    ("no process", {}, 422, "BX008", None),
    ("unknown field", FBA | {"constraint": {}}, 422, "BX008", "constraints"),
    ("reversed bounds", FBA | {"constraints": {"PFK": [5.0, 1.0]}}, 422, "BX008", None),
    ("a text for a number", FBA | {"constraints": {"PFK": ["0", 1.0]}}, 422, "BX008", None),
    ("a path for a model", FBA | {"model": "../../etc/passwd"}, 422, "BX008", None),
    ("a path for a text", FBA | {"sbml": "/etc/passwd"}, 422, "BX012", "text"),
    ("a URL for a text", FBA | {"sbml": "http://example.org/model.xml"}, 422, "BX012", "text"),
    ("an entity bomb", FBA | {"sbml": BOMB}, 422, "BX012", None),
    ("deep nesting", FBA | {"sbml": DEEP}, 422, "BX012", None),
    ("broken XML", FBA | {"sbml": "<sbml><model></sbml>"}, 422, "BX012", None),
    ("broken JSON", FBA | {"cobra_json": '{"reactions": ['}, 422, "BX012", None),
    ("deep JSON", FBA | {"cobra_json": "[" * 100_000}, 422, "BX012", None),
    ("two models", FBA | {"model": "textbook", "sbml": "<sbml/>"}, 422, "BX008", None),
]
KINETIC: list[tuple[str, dict[str, Any], int, str, str | None]] = [
    ("unknown species", ODE | {"initial_conditions": {"Protien": 1.0}}, 422, "BX013", None),
    ("unknown parameter", ODE | {"parameters": {"nothing_like_it": 1.0}}, 422, "BX013", None),
    ("unknown output", ODE | {"outputs": ["nothing_like_it"]}, 422, "BX013", None),
    ("end before start", ODE | {"time_start": 10.0, "time_end": 5.0}, 422, "BX008", None),
    ("too many points", ODE | {"time_points": 10_000_000}, 422, "BX008", None),
    ("an Antimony import", ODE | {"kinetic_code": 'import "/etc/passwd"\nA -> B; 1'}, 422, "BX012", None),
    ("a hidden import", ODE | {"kinetic_code": 'import/* */"/etc/passwd"\nA -> B; 1'}, 422, "BX012", None),
    ("broken Antimony", ODE | {"kinetic_code": "A -> -> B; k*A"}, 422, "BX012", None),
    ("a path", ODE | {"kinetic_code": "/etc/passwd"}, 422, "BX012", None),
    ("a negative seed", {"process_code": "kinetic_ssa", "seed": -1}, 422, "BX008", None),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "word"), [m[1:] for m in METABOLIC], ids=[m[0] for m in METABOLIC]
)
def test_metabolic(
    http: httpx2.Client, body: dict[str, Any], status: int, code: str, word: str | None
) -> None:
    check(http.post("/compute/metabolic", json=body), status, code, word)


@pytest.mark.parametrize(
    ("body", "status", "code", "word"), [k[1:] for k in KINETIC], ids=[k[0] for k in KINETIC]
)
def test_kinetic(http: httpx2.Client, body: dict[str, Any], status: int, code: str, word: str | None) -> None:
    check(http.post("/compute/kinetic", json=body), status, code, word)


JOBS: list[tuple[str, Any, int, str, str, str]] = [
    ("unknown field", FBA | {"constraint": {}}, 422, "BX008", "request.constraint", "constraints"),
    ("kinetic field", ODE | {"time_points": 1}, 422, "BX008", "request.time_points", "time_points"),
    (
        "end before start",
        ODE | {"time_start": 9.0, "time_end": 5.0},
        422,
        "BX008",
        "request.time_end",
        "after",
    ),
    (
        "inside a distribution",
        {"process_code": "kinetic_ensemble", "distributions": {"k": {"kind": "uniform", "lower": 1.0}}},
        422,
        "BX008",
        "request.distributions.k.upper",
        "required",
    ),
    ("unknown process", {"process_code": "kinetic_od"}, 422, "BX014", "request.process_code", "kinetic_ode"),
    ("no process", {}, 422, "BX008", "request.process_code", "missing"),
    ("no request", 3, 422, "BX008", "request", "dictionary"),
]


@pytest.mark.parametrize(
    ("request_", "status", "code", "place", "word"), [one[1:] for one in JOBS], ids=[one[0] for one in JOBS]
)
def test_jobs_say_it_of_the_process_that_was_asked_for(
    http: httpx2.Client,
    services: Supervisor,
    request_: Any,
    status: int,
    code: str,
    place: str,
    word: str,
) -> None:
    answer = http.post("/jobs", json={"request": request_})
    check(answer, status, code, word)
    assert answer.json()["place"] == place
    assert len(answer.json()["detail"]) < 200
    with BiologicalComputationClient(None, None, services.url) as client:
        for ask in (client.jobs.submit, client.jobs.estimate):
            with pytest.raises(BioXenException) as error:
                ask(request_)
            assert (error.value.code.value, error.value.place) == (code, place)


def test_a_process_of_the_other_service_is_not_called_unknown(http: httpx2.Client) -> None:
    problem = http.post("/compute/metabolic", json=ODE).json()
    assert problem["detail"] == "The process 'kinetic_ode' cannot be asked for here."
    assert "/compute/kinetic" in problem["remedy"]


def test_a_word_that_is_none_of_those_there_are_says_which_is_like_it(http: httpx2.Client) -> None:
    check(
        http.post("/vms", json={"vm_id": "a", "biological_type": "ecolli"}),
        422,
        "BX008",
        "Did you mean ecoli",
    )


def test_a_message_of_no_kind_says_which_kinds_there_are(http: httpx2.Client) -> None:
    check(http.post("/vms/bulk", json={"action": "stopp"}), 422, "BX008", "Did you mean stop")
    missing = http.post("/vms/bulk", json={})
    check(missing, 422, "BX008", "it is missing")
    assert missing.json()["place"] == "action"


def check(answer: httpx2.Response, status: int, code: str, word: str | None = None) -> None:
    problem = answer.json()
    assert answer.status_code == status, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["remedy"], problem
    assert word is None or word in str(problem), problem


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1]", b'{"process_code": NaN}', b'"text"'])
def test_bodies_that_are_no_request(http: httpx2.Client, body: bytes) -> None:
    answer = http.post("/compute/metabolic", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("BX008", "BX014")
    assert answer.json()["remedy"]


@pytest.mark.parametrize("bounds", ["[NaN, 1]", "[-Infinity, 1]", "[1e999, 2]", "[0]", "[0, 1, 2]", "null"])
def test_bounds_that_are_none(http: httpx2.Client, bounds: str) -> None:
    body = f'{{"process_code": "metabolic_fba", "constraints": {{"PFK": {bounds}}}}}'
    answer = http.post("/compute/metabolic", content=body, headers={"content-type": "application/json"})
    if bounds == "[-Infinity, 1]":  # Python's JSON has it; it means no bound
        assert answer.status_code == 200
    else:
        check(answer, 422, "BX008", "PFK")


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("GET", "/jobs?foo=1", "limit"),
        ("GET", "/jobs?stat=done", "state"),
        ("GET", "/vms?biological_typ=yeast", "biological_type"),
        ("GET", "/vms?biological_type=zz", "yeast"),
        ("GET", "/models?x", "none"),
        ("POST", "/compute/metabolic?deadline=1", "none"),
    ],
)
def test_a_query_that_nothing_knows_is_refused(
    http: httpx2.Client, method: str, path: str, word: str
) -> None:
    body = FBA if method == "POST" else None
    answer = http.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "BX008")
    assert answer.json()["place"] == path.partition("?")[2].partition("=")[0]
    assert word in answer.json()["remedy"]


def test_a_body_where_none_is_read_is_refused(http: httpx2.Client) -> None:
    answer = http.post("/vms/nobody/replay", json={"limit": 1})
    assert answer.status_code == 422
    assert "takes no body" in answer.json()["detail"] and "limit" in answer.json()["remedy"]
    assert http.post("/vms/nobody/replay").status_code == 404


def test_an_oversized_body(http: httpx2.Client) -> None:
    answer = http.post(
        "/compute/metabolic",
        content=b'{"sbml": "' + b" " * (65 * 1024 * 1024) + b'"}',
        headers={"content-type": "application/json"},
    )
    check(answer, 413, "BX008")


def test_an_oversized_body_that_does_not_say_its_size(http: httpx2.Client) -> None:
    pieces = (b" " * 1024 * 1024 for _ in range(65))
    answer = http.post("/compute/metabolic", content=pieces, headers={"content-type": "application/json"})
    check(answer, 413, "BX008")


def test_unknown_paths_and_methods(http: httpx2.Client) -> None:
    check(http.get("/compute/metabolism"), 404, "BX008")
    check(http.get("/compute/metabolic"), 405, "BX008")
    check(http.get("/vms/nobody"), 404, "BX010")


def test_a_foreign_host_name_is_refused(http: httpx2.Client) -> None:
    check(http.get("/health", headers={"host": "evil.example.org"}), 421, "BX008", "loopback")


def test_after_all_that_the_service_goes_on(http: httpx2.Client) -> None:
    assert http.post("/compute/metabolic", json=FBA).json()["status"] == "optimal"
    assert http.post("/compute/kinetic", json=ODE).json()["status"] == "completed"


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/vnd.bioxen+json"])
def test_other_words_for_json(http: httpx2.Client, media_type: str) -> None:
    body = b'{"process_code": "metabolic_fba"}'
    plain = http.post("/compute/metabolic", content=body, headers={"content-type": "application/json"})
    other = http.post("/compute/metabolic", content=body, headers={"content-type": media_type})
    assert (other.status_code, other.content) == (200, plain.content)


def test_a_web_page_cannot_post_a_form(http: httpx2.Client) -> None:
    answer = http.post(
        "/compute/metabolic",
        content=b'{"process_code": "metabolic_fba"}',
        headers={"content-type": "text/plain"},
    )
    assert answer.status_code == 422
