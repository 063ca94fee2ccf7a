"""What an engine is: it compiles a model once, and then answers requests on the compiled program.

An engine runs inside a worker process only. It may crash or hang there; the pool deals with that. Its
promise: a request leaves no trace in the program, so the same request gives the same bytes in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from bioxen.server.bytecode.source import ModelSource


@runtime_checkable
class Engine(Protocol):
    """One engine, one instance per worker process."""

    name: str
    """Short name, such as `metabolic`; the one of its `bioxen.engines` entry point."""

    def version(self) -> str:
        """Return the versions of the engine and of the libraries that compute."""
        ...

    def process_codes(self) -> tuple[str, ...]:
        """Return every process code the engine computes, aliases included."""
        ...

    def parse(self, payload: Mapping[str, Any]) -> BaseModel:
        """Return the typed request that `payload`, a decoded JSON object, stands for.

        Raises:
            ValidationError: the payload has another form.
            UnknownProcessError: its `process_code` is none of this engine's.
        """
        ...

    def compile(self, source: ModelSource) -> Any:
        """Return the program that `source` compiles to; the worker keeps it warm under the source's digest.

        Raises:
            InvalidModelError: the text is malformed, or holds a construct this engine does not run.
        """
        ...

    def run(self, request: BaseModel, program: Any) -> BaseModel:
        """Return the result of `request` on `program`.

        A scientific outcome (infeasible, failed integration) is a status in the result.

        Raises:
            UnknownIdentifierError: the request names what the model does not have.
            ValidationError: the request asks for more than the engine gives.
        """
        ...


@runtime_checkable
class MeasuringEngine(Engine, Protocol):
    """An engine that can compute a request in several ways, and find out which is the fastest here."""

    def measure(self, payload: Mapping[str, Any], program: Any) -> BaseModel:
        """Return what was measured on `program`; it changes no answer but through what is decided by it.

        Raises:
            BioXenException: what is to be measured is not possible.
        """
        ...


@runtime_checkable
class EncodingEngine(Engine, Protocol):
    """An engine that writes its results itself, where that is quicker than by way of a whole message."""

    def run_encoded(self, request: BaseModel, program: Any) -> tuple[BaseModel, bytes]:
        """Return the result that `run` returns, perhaps without its large numbers, and all of it as JSON.

        The bytes are those that the result of `run` has as JSON; raises as `run` does.
        """
        ...
