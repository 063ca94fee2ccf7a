"""A process asked of a kept cell as a job: what is noted of it, and whoever knows cells.

The request is made when the job begins, from where the cell stands then, and is noted in that transaction: a
server that resumes the job goes on with the same request. The cell moves on in the transaction that ends the
job. So it moves exactly once, however often the server is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection

from bioxen.protocol.base import Message, parse
from bioxen.protocol.cells import CellProcessCall
from bioxen.server.store.cells import CellRecord

BEGINNING = '{"cell":'
"""How the document of such a job begins; no request of a service does."""


class CellCall(Message):
    """What stands in the record of such a job in the place of its request."""

    cell: str
    call: CellProcessCall
    cell_id: int | None = None
    """Which cell of that name it was when the job was accepted."""
    created_at: str | None = None
    """When that one was made: a database may give the number of a cell that is gone again."""
    before: CellRecord | None = None
    """Where the cell stood when the job began."""
    request: str | None = None
    """The request as JSON, made when the job began."""


class CellCalls(Protocol):
    """Whoever makes requests for cells, and moves cells on."""

    def resolve(self, connection: Connection, owner: str, document: str) -> str:
        """Return the document of a job that begins, with its request."""
        ...

    def settle(self, owner: str, document: str, result: bytes) -> Callable[[Connection], None]:
        """Return the change that notes the result on the cell."""
        ...


def is_call(document: str) -> bool:
    """Return whether a job's document is that of a cell's process."""
    return document.startswith(BEGINNING)


def request_in(document: str) -> str:
    """Return the request that a job's document holds, as JSON."""
    request = parse(CellCall, document).request if is_call(document) else document
    assert request is not None  # noqa: S101 - it is noted before anything is computed
    return request


def asked_of_cell(document: str) -> str:
    """Return the fingerprint of what a document asks of its cell, as it was when the job was accepted."""
    asked = parse(CellCall, document)
    return CellCall(cell=asked.cell, call=asked.call).fingerprint()
