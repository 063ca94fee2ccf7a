from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.vm.doubles import FICTIONAL, FakeServices

from bioxen.chassis import registry


@pytest.fixture(autouse=True)
def _fictional_chassis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_built_in_text", lambda name: FICTIONAL.format(name=name))
    registry.find_chassis.cache_clear()
    yield
    registry.find_chassis.cache_clear()


@pytest.fixture
def services() -> FakeServices:
    """Return services that answer at once."""
    return FakeServices()
