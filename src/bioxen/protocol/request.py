"""What the requests of both services share."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.units import Deadline, Identifier

BiologicalType = Literal["ecoli", "yeast", "syn3a", "minimal_cell", "orthogonal", "base", "generic"]


class ComputeRequest(Message):
    """One process asked of a service. A request names everything: nothing is remembered between two of them."""

    title: ClassVar[str]
    """What the process is called, for a person."""
    kisao: ClassVar[str | None] = None
    """The algorithm's id in the KiSAO ontology."""

    chassis_type: BiologicalType = "ecoli"
    """The organism; it chooses the model where the request names none."""
    model: Identifier | None = Field(default=None, pattern=r"^[A-Za-z0-9_.:\-]+$")
    """A model of the repository by id or sha256 digest; never a path."""
    vm_id: Identifier | None = None
    """The virtual cell that asks, for the records; it does not change the answer."""
    deadline: Deadline | None = None
    """The longest the computation may take, s; the service's own limit where absent."""
