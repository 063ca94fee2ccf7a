"""An id that nothing can have is told as such, and never becomes another path."""

from __future__ import annotations

from typing import Any

import pytest

from bioxen.client import BiologicalComputationClient
from bioxen.errors import JobNotFoundError, VmNotFoundError

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "f?limit=1", "f#", "a\r\nX-Y: z", "%2e", "a" * 129])
def test_no_such_id_is_asked_for(name: str) -> None:
    with BiologicalComputationClient(None, None, NOWHERE) as client:
        asks: list[tuple[Any, type[Exception]]] = [
            (lambda: client.cells.get(name), VmNotFoundError),
            (lambda: client.cells.destroy(name), VmNotFoundError),
            (lambda: client.cells.history(name), VmNotFoundError),
            (lambda: client.jobs.get(name), JobNotFoundError),
            (lambda: client.jobs.cancel(name), JobNotFoundError),
        ]
        for ask, error in asks:
            with pytest.raises(error):
                ask()
