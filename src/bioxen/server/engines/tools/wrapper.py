"""The interface that a tool implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import JsonValue


class BioToolWrapper(ABC):
    """What a tool does: it says which processes it computes, and computes them.

    One instance lives in one worker process. It may crash or hang there: only its own request fails.
    """

    name: ClassVar[str]
    """The tool's name, as results and `bioxen doctor` show it."""

    def initialize(self) -> None:  # noqa: B027 - many tools have nothing to set up
        """Load what the tool needs; called once, before the first process."""

    @abstractmethod
    def get_supported_processes(self) -> list[str]:
        """Return the process codes that the tool computes; must work before `initialize`."""

    @abstractmethod
    def execute_process(self, process_code: str, context: Mapping[str, Any]) -> Mapping[str, JsonValue]:
        """Return the result of a process as a JSON-ready mapping.

        A key `biological_output` (one line with units) is shown to people as the outcome.

        Args:
            process_code: one of `get_supported_processes()`.
            context: what the caller gave, with the cell's `chassis_type`, `vm_id` and `delta`.
        """

    def cleanup(self) -> None:  # noqa: B027 - many tools have nothing to give back
        """Give back what `initialize` took."""
