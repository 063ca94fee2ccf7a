"""A worker: engines, the programs they compiled, and a loop that answers one task after the other."""

from __future__ import annotations

import os
import socket
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import BaseModel

from bioxen.errors import (
    BioXenException,
    ComputationError,
    ConfigurationError,
    ModelNotFoundError,
    ResourceExhaustionError,
    ValidationError,
    did_you_mean,
)
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines import progress, tally
from bioxen.server.engines.base import EncodingEngine, Engine, MeasuringEngine
from bioxen.server.engines.exactness import is_exact
from bioxen.server.engines.signing import encoded
from bioxen.server.workers import guard
from bioxen.server.workers.frames import (
    Compute,
    Done,
    Failed,
    FrameTooLargeError,
    Lacks,
    Progress,
    Ready,
    Setup,
    decode_compute,
    pack,
    receive,
)
from bioxen.server.workers.loading import load_engine, missing_module

if TYPE_CHECKING:
    from bioxen.server.bytecode.repository import Repository

_TRACEBACK_MAX = 20_000
_WORDS_MAX = 2_000
Run = Callable[[BaseModel, Any], tuple[BaseModel, bytes]]


class LacksTextError(Exception):
    """A model's text stayed behind, and its program is warm no longer."""


class Workbench:
    """The engines of a worker and the programs it keeps warm.

    Args:
        engines: the engines by name.
        repository: folder of models, `None` for the default one.
        capacity: number of programs to keep; the least recently used one goes first.
    """

    def __init__(self, engines: Mapping[str, Engine], repository: str | None, capacity: int) -> None:
        self.engines = engines
        self._run = {name: _running(engine) for name, engine in engines.items()}
        self._folder = repository
        self._repository: Repository | None = None
        self._capacity = capacity
        self._programs: OrderedDict[tuple[str, str, bool], Any] = OrderedDict()

    def compute(self, task: Compute) -> Done:
        """Return the answer to `task`.

        Raises:
            LacksTextError: the model's text has to come along.
        """
        engine = self.engines.get(task.engine)
        if engine is None:
            details = did_you_mean(task.engine, self.engines)
            raise ConfigurationError(f"This pool has no engine {task.engine!r}.", details=details)
        if task.measure:
            return self._measured(engine, task)
        request = engine.parse(_decode_payload(task.payload))
        program = None if task.digest is None else self._program(engine, task.digest, task)
        result, text = self._run[task.engine](request, program)
        return Done(text, is_exact(request, result), tally.take())

    def _measured(self, engine: Engine, task: Compute) -> Done:
        if not isinstance(engine, MeasuringEngine) or task.digest is None:
            raise ConfigurationError(f"The engine {engine.name!r} has nothing to measure.")
        program = self._program(engine, task.digest, task)
        found = engine.measure(_decode_payload(task.payload), program)
        tally.take()  # what fell back meanwhile was no request of anybody's
        return Done(encoded(found))

    def clear(self) -> None:
        """Forget every program."""
        self._programs.clear()

    def _program(self, engine: Engine, digest: str, task: Compute) -> Any:
        key = (engine.name, digest, not task.by_text)  # a program knows whether its model has a name
        if key not in self._programs and not task.by_text and not self._is_kept(digest):
            key = (engine.name, digest, False)  # a text that came before, if it is still warm
        if key in self._programs:
            self._programs.move_to_end(key)
            return self._programs[key]
        if task.by_text and task.source is None:
            raise LacksTextError
        if len(self._programs) >= self._capacity:  # before compiling: two large programs may not fit
            self._programs.popitem(last=False)
        program = self._programs[key] = engine.compile(self._source(digest, task.source))
        return program

    def _is_kept(self, digest: str) -> bool:
        """Return whether the repository has the model."""
        try:
            return bool(self._open_repository().find(digest))
        except ModelNotFoundError:
            return False

    def _source(self, digest: str, source: ModelSource | None) -> ModelSource:
        if source is None:
            return self._open_repository().read(digest)
        # A text under another's digest would answer everybody's later requests for that model.
        if source.digest != digest or digest_of(source.text) != digest:
            raise ValidationError("The model's text does not have the digest it came with.")
        return source

    def _open_repository(self) -> Repository:
        if self._repository is None:
            from bioxen.server.bytecode.repository import Repository  # many never need it

            self._repository = Repository(Path(self._folder)) if self._folder else Repository()
        return self._repository


def _running(engine: Engine) -> Run:
    """Return what gives a result of `engine` and its JSON."""
    if isinstance(engine, EncodingEngine):
        return engine.run_encoded

    def run(request: BaseModel, program: Any) -> tuple[BaseModel, bytes]:
        result = engine.run(request, program)
        return result, encoded(result)

    return run


def serve(sock: socket.socket, setup: Setup) -> None:
    """Answer tasks from `sock` until the pool closes it."""
    try:
        engines = _make_engines(setup.engines)
    except BaseException as error:
        sock.sendall(pack(_failure(error)))
        return
    bench = Workbench(engines, setup.repository, setup.programs)
    versions = tuple((name, engine.version()) for name, engine in engines.items())
    sock.sendall(pack(Ready(os.getpid(), versions)))
    while True:
        guard.forget_output()
        body, _ = receive(sock)
        if not body:
            return
        sock.sendall(_heard(sock, bench, decode_compute(body)))


def _heard(sock: socket.socket, bench: Workbench, task: Compute) -> bytes:
    """Return the answer; tell meanwhile how far it is."""

    def tell(done: float, phase: str) -> None:
        sock.sendall(pack(Progress(done, phase)))

    with progress.heard_by(tell, closely=task.closely):
        return _answer(bench, task)


def _make_engines(names: tuple[str, ...]) -> dict[str, Engine]:
    engines: dict[str, Engine] = {}
    for name in names:
        try:
            engine = load_engine(name)()
        except ImportError as error:
            raise missing_module(name, error) from error
        engines[engine.name] = engine
    return engines


def _answer(bench: Workbench, task: Compute) -> bytes:
    try:
        done = bench.compute(task)
        done.output = guard.output_so_far()
        return pack(done)
    except LacksTextError:
        return pack(Lacks())
    except FrameTooLargeError as error:
        return pack(Failed(ResourceExhaustionError(f"The result is too large. {error}").to_problem()))
    except BaseException as error:  # an engine may raise anything, SystemExit included
        if _is_out_of_memory(error):
            bench.clear()
            guard.lift_memory_limit()
            return pack(Failed(_memory_problem(), retire=True, output=guard.output_so_far()))
        return _pack_failure(error)


def _pack_failure(error: BaseException) -> bytes:
    try:
        return pack(_failure(error))
    except Exception as unsaid:  # the error's details are nothing that can be sent
        return pack(
            _failure(ComputationError(f"{_words(error)} (its details cannot be told: {_words(unsaid)})"))
        )


def _failure(error: BaseException) -> Failed:
    if isinstance(error, BioXenException):
        return Failed(error.to_problem(), output=guard.output_so_far())
    kind = type(error).__qualname__
    problem = ComputationError(f"The engine failed with {_words(error)}", details={"exception": kind})
    return Failed(problem.to_problem(), _traceback(error), output=guard.output_so_far())


def _is_out_of_memory(error: BaseException) -> bool:
    # Bindings of C++ libraries hand `std::bad_alloc` on as a RuntimeError.
    return isinstance(error, MemoryError) or "bad_alloc" in _words(error)


def _memory_problem() -> dict[str, Any]:
    words = "The computation asked for more memory than a worker may have."
    remedy = "Ask for less at once, or give the workers a higher memory limit."
    return ResourceExhaustionError(words, details={"remedy": remedy}).to_problem()


def _words(error: BaseException) -> str:
    try:
        return f"{type(error).__qualname__}: {error}"[:_WORDS_MAX]
    except Exception:  # its __str__ may be as broken as what raised it
        return f"{type(error).__qualname__}, which has no words for itself"


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))[-_TRACEBACK_MAX:]
    except Exception:
        return "(no traceback can be written)"


def _decode_payload(payload: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ValidationError(f"The request is not a JSON object: {error}") from error
