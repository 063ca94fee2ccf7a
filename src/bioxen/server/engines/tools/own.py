"""COBRApy's and Tellurium's analyses behind the interface of a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from pydantic import JsonValue

from bioxen.protocol.processes import PROCESSES, Service
from bioxen.protocol.request import ComputeRequest
from bioxen.server.bytecode.repository import Repository
from bioxen.server.bytecode.scan import admit
from bioxen.server.engines.base import Engine
from bioxen.server.engines.models import given_text, model_name
from bioxen.server.engines.tools.wrapper import BioToolWrapper


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
