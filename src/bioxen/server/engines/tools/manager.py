"""Which tool computes which process code."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import JsonValue

from bioxen.errors import ConfigurationError, UnknownProcessError, did_you_mean
from bioxen.server.engines.tools.wrapper import BioToolWrapper

ENTRY_POINT_GROUP = "bioxen.tools"


class ToolIntegrationManager:
    """Maps process codes to tools, and runs a process on the tool that has it."""

    def __init__(self, tools: Iterable[BioToolWrapper] = ()) -> None:
        self._tools: dict[str, BioToolWrapper] = {}
        self._by_code: dict[str, BioToolWrapper] = {}
        self._ready: set[str] = set()
        for tool in tools:
            self.register(tool)

    @classmethod
    def discover(cls, extra: Iterable[str] = ()) -> ToolIntegrationManager:
        """Return a manager of every registered tool, and of those given as `module:Class`.

        Raises:
            ConfigurationError: a tool cannot be imported, or two tools claim one process code.
        """
        registered = (point.value for point in entry_points(group=ENTRY_POINT_GROUP))
        return cls(load_tool(target) for target in (*registered, *extra))

    def register(self, tool: BioToolWrapper) -> None:
        """Add a tool.

        Raises:
            ConfigurationError: another tool has that name or one of its process codes.
        """
        if tool.name in self._tools:
            raise ConfigurationError(
                f"A tool named {tool.name!r} is registered.",
                details={"remedy": "Give the tool another name."},
            )
        for code in tool.get_supported_processes():
            owner = self._by_code.get(code)
            if owner is not None:
                raise ConfigurationError(
                    f"{tool.name} claims the process {code!r}, which {owner.name} computes.",
                    details={"remedy": "Give the process another code."},
                )
        self._tools[tool.name] = tool
        self._by_code.update(dict.fromkeys(tool.get_supported_processes(), tool))

    def tools(self) -> dict[str, list[str]]:
        """Return each tool's name with its process codes."""
        return {name: tool.get_supported_processes() for name, tool in self._tools.items()}

    def execute(self, process_code: str, context: Mapping[str, Any] | None = None) -> dict[str, JsonValue]:
        """Return the result of `process_code` from the tool that computes it.

        Raises:
            UnknownProcessError: no tool computes it; the near matches are named.
        """
        tool = self._by_code.get(process_code)
        if tool is None:
            raise UnknownProcessError(
                f"No tool computes the process {process_code!r}.",
                details={"place": "process_code", **did_you_mean(process_code, self._by_code)},
            )
        if tool.name not in self._ready:
            tool.initialize()
            self._ready.add(tool.name)
        return dict(tool.execute_process(process_code, context or {}))

    def cleanup(self) -> None:
        """Clean up every tool that was initialized."""
        for name in sorted(self._ready):
            self._tools[name].cleanup()
        self._ready.clear()


def load_tool(target: str) -> BioToolWrapper:
    """Return a new tool of the class named `module:Class`.

    Raises:
        ConfigurationError: there is no such class, or it is no tool.
    """
    module, _, name = target.partition(":")
    try:
        tool_class = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"The tool {target!r} cannot be loaded: {error}.",
            details={"place": "tools", "remedy": "Name it as module:Class, importable by the services."},
        ) from error
    if not (isinstance(tool_class, type) and issubclass(tool_class, BioToolWrapper)):
        raise ConfigurationError(
            f"{target} is no BioToolWrapper.",
            details={"place": "tools", "remedy": "Derive it from BioToolWrapper."},
        )
    return tool_class()
