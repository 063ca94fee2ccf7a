"""What the tests of faults share: services of their own, and a record of how long each took to recover."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(
    0, str(Path(__file__).parents[2])
)  # makes `tests.faults` importable wherever pytest is started

from tests.faults.recovery import RECORD, Record
from tests.faults.scene import Scene
from tests.server.stores import place_of

from bioxen.server.supervisor import Supervisor


@pytest.fixture(scope="session")
def recovery(request: pytest.FixtureRequest) -> Iterator[Record]:
    """Where a test notes how long something took to be right again."""
    yield RECORD
    if (path := request.config.getoption("--recovery-table")) is not None:
        RECORD.write(path)


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """A disk of 64 MiB, in memory; `None` where this user may mount none."""
    place = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session")
def ground(disk: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Services that may be harmed: two workers each of 450 MiB, no cache, and a store on the small disk."""
    folder = (disk or tmp_path_factory.mktemp("kept")) / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOXEN_HOME", str(folder))  # for the results, where the database is PostgreSQL's
        with Supervisor(
            compute_arguments=["--workers", "2", "--memory-mb", "450", "--cache-mb", "0"],
            orchestrator_arguments=["--store", place_of(folder)],
        ) as services:
            yield Scene(services)


@pytest.fixture
def unharmed(ground: Scene) -> Iterator[Scene]:
    """The same, healthy before the test; afterwards it must be healthy again and give the right answer."""
    ground.until_healthy()
    yield ground
    ground.until_healthy()
    ground.answers_rightly()
