"""The engine that a worker process runs tools with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, RootModel

from bioxen._version import VERSION
from bioxen.errors import ConfigurationError, InvalidModelError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import ProcessCall
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.tools.manager import ToolIntegrationManager

LIST_TOOLS = "tools.list"
"""The code that asks a worker which tools it has."""


class ToolCall(ProcessCall):
    """What a worker is told: the call, and the tools that are known beside the registered ones."""

    tools: list[str]
    """`module:Class` of each."""


class ToolEngine:
    """The engine that runs tools inside a worker process."""

    name = "tools"

    def __init__(self) -> None:
        self._managers: dict[tuple[str, ...], ToolIntegrationManager] = {}

    def version(self) -> str:
        """Return the version of BioXen: a tool's own belongs into its result."""
        return VERSION

    def process_codes(self) -> tuple[str, ...]:
        """Return every code that a registered tool computes."""
        return tuple(code for codes in self._manager(()).tools().values() for code in codes)

    def _manager(self, targets: tuple[str, ...]) -> ToolIntegrationManager:
        if targets not in self._managers:
            self._managers[targets] = ToolIntegrationManager.discover(targets)
        return self._managers[targets]

    def parse(self, payload: Mapping[str, Any]) -> ToolCall:
        """Return the call."""
        return parse(ToolCall, payload)

    def compile(self, source: ModelSource) -> Any:
        """Refuse: tools are called without a model of BioXen's."""
        raise InvalidModelError(f"Tools run no model of the repository; {source.id} was given.")

    def run(self, request: BaseModel, program: Any) -> BaseModel:  # noqa: ARG002 - the engine interface
        """Return the tool's result.

        Raises:
            ConfigurationError: the tool gave something that is not JSON.
        """
        assert isinstance(request, ToolCall)  # noqa: S101 - `parse` made it
        manager = self._manager(tuple(request.tools))
        if request.process_code == LIST_TOOLS:
            return RootModel[dict[str, list[str]]](manager.tools())
        answer = manager.execute(request.process_code, request.context)
        try:
            return RootModel[dict[str, Any]](json.loads(json.dumps(answer, allow_nan=False)))
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"The tool's result for {request.process_code} is not JSON: {error}.",
                details={"remedy": "Return numbers, texts, lists and mappings; null for what is not finite."},
            ) from error
