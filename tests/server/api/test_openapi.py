"""The served OpenAPI document: committed, complete, and true under fuzzing."""

import json
import re
from pathlib import Path

import httpx2
import pytest
from tools.write_openapi import document

from bioxen.protocol.processes import PROCESSES
from bioxen.server.app import orchestrator_app, service_app
from bioxen.server.settings import ServiceSettings

COMMITTED = Path(__file__).parents[3] / "openapi.json"


def test_the_committed_document_is_the_served_one(http: httpx2.Client) -> None:
    assert COMMITTED.read_text() == document(), "run `make openapi` and commit openapi.json"
    assert http.get("/openapi.json").json() == json.loads(COMMITTED.read_text())


@pytest.mark.parametrize("service", ["static", "dynamic"])
def test_the_orchestrator_has_every_route_of_the_services(service: str) -> None:
    settings = ServiceSettings(workers=1)
    whole = orchestrator_app(settings, []).openapi()["paths"]
    part = service_app(service, settings).openapi()["paths"]  # type: ignore[arg-type]
    for path, methods in part.items():  # it has more methods at some of them: models are kept there alone
        assert methods == {method: whole[path][method] for method in methods}


def test_every_process_and_unit_is_documented() -> None:
    text = COMMITTED.read_text()
    for process in PROCESSES:
        for code in process.codes:
            assert f'"{code}"' in text
    for unit in ("mmol/gDW/h", "gDW/L", "model time"):
        assert f'"x-unit": "{unit}"' in text


def test_every_error_is_a_problem_body() -> None:
    for path in json.loads(COMMITTED.read_text())["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and status != "503":
                    assert list(response["content"]) == ["application/problem+json"]


def test_the_documents_page_needs_no_other_machine(http: httpx2.Client) -> None:
    page = http.get("/docs").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    for address in addresses:
        assert address.startswith("/"), address
        assert http.get(address).status_code == 200
