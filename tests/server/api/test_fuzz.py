"""Schemathesis against the served documents: what fits them and what does not is answered as they say."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bioxen.server.supervisor import Supervisor

EXAMPLES = 10
SEED = 1
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Supervisor]:
    """Services of their own: fuzzing registers replicas and makes cells."""
    with Supervisor(compute_arguments=["--workers", "1"], arguments=["--deadline", "5"]) as running:
        yield running


@pytest.mark.timeout(900)  # a minute or two on two quiet cores
@pytest.mark.parametrize("name", ["metabolic", "kinetic", "orchestrator"])
def test_the_service_keeps_to_its_document(fuzzed: Supervisor, name: str) -> None:
    url = next(service.url for service in fuzzed.services if service.name == name)
    # Without replicas an orchestrator answers 503 to everything; its other tests take them away.
    options = ["--exclude-operation-id", "delete_service_services_delete"]
    if name == "orchestrator":  # the services' own documents have these too, and they take the longest
        options += ["--exclude-path-regex", "^/compute/(metabolic|kinetic)"]
    options += ["--max-examples", str(EXAMPLES), "--seed", str(SEED), "--request-timeout", "60"]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "--no-color", "run"]
    run = subprocess.run(
        [*command, url + "/openapi.json", *options], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-20_000:]
