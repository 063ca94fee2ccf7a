"""What the tests of faults share: services of their own, and a record of how long each took to recover."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # makes `tests.faults` importable wherever pytest is started

from tests.faults.recovery import RECORD, Record
from tests.faults.scene import Scene

from bioxen.server.supervisor import Supervisor


@pytest.fixture(scope="session")
def recovery(request: pytest.FixtureRequest) -> Iterator[Record]:
    """Where a test notes how long something took to be right again."""
    yield RECORD
    if (path := request.config.getoption("--recovery-table")) is not None:
        RECORD.write(path)


@pytest.fixture(scope="session")
def ground() -> Iterator[Scene]:
    """Services that may be harmed: two workers each of 450 MiB; nothing is kept."""
    with Supervisor(compute_arguments=["--workers", "2", "--memory-mb", "450"]) as services:
        yield Scene(services)


@pytest.fixture
def unharmed(ground: Scene) -> Iterator[Scene]:
    """The same, healthy before the test; afterwards it must be healthy again and give the right answer."""
    ground.until_healthy()
    yield ground
    ground.until_healthy()
    ground.answers_rightly()
