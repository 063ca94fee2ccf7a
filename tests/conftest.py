"""Running services for the tests that need them: real processes, real workers, real HTTP on free ports."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest
from hypothesis import HealthCheck, settings

import bioxen
from bioxen.server.supervisor import Supervisor
from bioxen.vm.hypervisor import BioXenHypervisor

# The tests do not depend on who runs them: not on this user's servers, models and proxies, nor on a terminal.
OURS = {
    *("BIOXEN_CACHE", "BIOXEN_FAULTS", "BIOXEN_LANES", "BIOXEN_SHARED_DATA"),
    *("BIOXEN_TEST_DATABASE", "BIOXEN_TEST_DATABASE_MISSING"),
}
"""What says how to run the tests."""
TERMINAL = {
    *("CLICOLOR_FORCE", "FORCE_COLOR", "GITHUB_ACTIONS", "NO_COLOR", "PY_COLORS"),
    *("TERMINAL_WIDTH", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
}
for name in list(os.environ):
    foreign = name.startswith("BIOXEN_") and name not in OURS
    if foreign or name in TERMINAL or name.lower().endswith("_proxy"):
        del os.environ[name]
_home = TemporaryDirectory(prefix="bioxen-tests-", ignore_cleanup_errors=True)
os.environ["BIOXEN_HOME"] = _home.name
os.environ["COLUMNS"] = "200"
# What is measured differs from machine to machine; tests of measuring ask for it themselves.
os.environ["BIOXEN_ROUTES"] = "fixed"

# How long an example takes is the machine's business. The same examples each time: a failure is never chance.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("others", PATIENT, derandomize=False)  # for `--hypothesis-profile=others`
settings.register_profile("same", PATIENT, derandomize=True)
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--recovery-table", type=Path, help="where the tests of faults write what they measured")


@pytest.fixture(scope="session")
def services() -> Iterator[Supervisor]:
    """Every service, with one worker each, for the whole run."""
    with Supervisor(compute_arguments=["--workers", "1"]) as running:
        yield running


@pytest.fixture(scope="session")
def http(services: Supervisor) -> Iterator[httpx2.Client]:
    """A plain HTTP client of the orchestrator, as a user of another language has one."""
    with httpx2.Client(base_url=services.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def static(services: Supervisor) -> Iterator[httpx2.Client]:
    """A plain HTTP client of the metabolic service itself."""
    with httpx2.Client(base_url=services.services[0].url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def dynamic(services: Supervisor) -> Iterator[httpx2.Client]:
    """A plain HTTP client of the kinetic service itself."""
    with httpx2.Client(base_url=services.services[1].url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def _local() -> Iterator[BioXenHypervisor]:
    with bioxen.local(workers=1) as running:
        yield running


@pytest.fixture
def hypervisor(_local: BioXenHypervisor) -> Iterator[BioXenHypervisor]:
    """Services in this process, and a cell `plain` that runs; every cell is gone after the test."""
    _local.create_vm("plain", "ecoli").start()
    yield _local
    for status in _local.list_vms():
        _local.destroy_vm(status.vm_id)
