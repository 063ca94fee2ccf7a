"""What the requests of both services share."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, PrivateAttr

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
    """A model by id or sha256 digest, of the repository or one that you keep; never a path."""
    vm_id: Identifier | None = None
    """The virtual cell that asks, for the records; it does not change the answer."""
    deadline: Deadline | None = None
    """The longest the computation may take, s; the service's own limit where absent."""
    _known_as: str | None = PrivateAttr(None)

    @property
    def known_as(self) -> str | None:
        """The id under which its owner keeps the model whose text stands here; it is not sent."""
        return self._known_as

    def bound(self, field: str, text: str, known_as: str) -> Self:
        """Return the request with the text of a model that an owner keeps in the place of its name."""
        request = self.model_copy(update={"model": None, field: text})
        request._known_as = known_as
        return request
