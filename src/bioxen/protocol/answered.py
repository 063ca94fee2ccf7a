"""What every result of a service begins with."""

from __future__ import annotations

from bioxen.protocol.base import Message


class Answered(Message):
    """The first field of a result on the wire, so that one answer can be given to several cells."""

    vm_id: str | None = None
    """The virtual cell that asked."""
