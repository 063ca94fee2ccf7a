"""Third-party tools: one wrapper class computes some process codes, and the core is not touched.

A tool subclasses `BioToolWrapper` and registers under the entry point group `bioxen.tools` (or is named as
`module:Class` when a service starts). COBRApy's and Tellurium's analyses are wrapped in the same way.
"""

from __future__ import annotations

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, ClassVar, cast

from pydantic import BaseModel, JsonValue, RootModel

from bioxen._version import VERSION
from bioxen.errors import ConfigurationError, InvalidModelError, UnknownProcessError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.cells import ProcessCall
from bioxen.protocol.processes import PROCESSES, Service
from bioxen.protocol.request import ComputeRequest
from bioxen.server.bytecode.repository import Repository
from bioxen.server.bytecode.scan import admit
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.base import Engine
from bioxen.server.engines.models import given_text, model_name

ENTRY_POINT_GROUP = "bioxen.tools"


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


class EngineTool(BioToolWrapper):
    """One of BioXen's own engines behind the interface of a tool, in this process."""

    service: ClassVar[Service]

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._programs: dict[str, Any] = {}
        self._repository = Repository()

    def get_supported_processes(self) -> list[str]:
        """Return every code of the engine's service."""
        return [code for process in PROCESSES if process.service == self.service for code in process.codes]

    def initialize(self) -> None:
        """Load the engine and what it imports."""
        self._engine = self._load_engine()

    def _load_engine(self) -> Engine:
        raise NotImplementedError

    def execute_process(self, process_code: str, context: Mapping[str, Any]) -> Mapping[str, JsonValue]:
        """Return the engine's result; `context` has the fields of the process's request."""
        engine = self._engine or self._load_engine()
        request = engine.parse({**context, "process_code": process_code})
        assert isinstance(request, ComputeRequest)  # noqa: S101 - these engines' requests all are
        result = engine.run(request, self._program(engine, request))
        return cast(dict[str, JsonValue], result.model_dump(mode="json"))

    def _program(self, engine: Engine, request: ComputeRequest) -> Any:
        given = given_text(request)
        source = admit(given.text, given.format) if given else self._repository.read(model_name(request))
        if source.digest not in self._programs:
            self._programs[source.digest] = engine.compile(source)
        return self._programs[source.digest]

    def cleanup(self) -> None:
        """Forget every compiled model."""
        self._programs.clear()
        self._engine = None


class CobrapyTool(EngineTool):
    """COBRApy's analyses: flux balance, flux variability, gene knock-outs, metabolic simulation over time."""

    name: ClassVar[str] = "cobrapy"
    service: ClassVar[Service] = "static"

    def _load_engine(self) -> Engine:
        from bioxen.server.engines.metabolic import MetabolicEngine

        return MetabolicEngine()


class TelluriumTool(EngineTool):
    """Tellurium's analyses: ODE and stochastic simulation, steady states, sensitivities, estimation."""

    name: ClassVar[str] = "tellurium"
    service: ClassVar[Service] = "dynamic"

    def _load_engine(self) -> Engine:
        from bioxen.server.engines.kinetic import KineticEngine

        return KineticEngine()


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
