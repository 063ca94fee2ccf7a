"""What the requests of both services share."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from bioxen.protocol.base import Message
from bioxen.protocol.units import Deadline, Identifier, ModelName

BiologicalType = Literal["ecoli", "yeast", "syn3a", "minimal_cell", "orthogonal", "base", "generic"]


def _require_code(schema: dict[str, Any]) -> None:
    """On the wire `process_code` tells the type, so it must be there; in Python the type tells it."""
    required = schema.setdefault("required", [])
    if "process_code" not in required:
        required.append("process_code")


class ComputeRequest(Message):
    """One process asked of a service. A request names everything: nothing is remembered after it."""

    model_config = ConfigDict(json_schema_extra=_require_code)

    title: ClassVar[str]
    """What the process is called, for a person."""
    kisao: ClassVar[str | None] = None
    """The algorithm's id in the KiSAO ontology."""

    chassis_type: BiologicalType = "ecoli"
    """The organism; it chooses the model where the request names none."""
    model: ModelName | None = None
    """A model of the repository by id or sha256 digest; never a path."""
    vm_id: Identifier | None = None
    """The virtual cell that asks, for the records; it does not change the answer."""
    deadline: Deadline | None = None
    """The longest the computation may take, s; the service's own limit where absent."""
