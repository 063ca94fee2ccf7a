"""One kinetic engine for every test, as a worker has one."""

import pytest

from bioxen.server.engines.kinetic import KineticEngine


@pytest.fixture(scope="session")
def engine() -> KineticEngine:
    """The engine; whatever order the tests run in, no answer may depend on it."""
    return KineticEngine()
