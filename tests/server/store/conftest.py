"""A store of its own for a test, with one owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.stores import store_at

from bioxen.server.store.owners import add_owner
from bioxen.server.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = store_at(tmp_path).open()
    store.write_now(add_owner, "ada")
    yield store
    store.close()
