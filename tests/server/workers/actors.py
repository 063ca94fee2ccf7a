"""Engines that misbehave, one way each; the pools under test load them by `actors:<Name>`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from bioxen.errors import UnknownIdentifierError
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines import progress


class Ask(BaseModel):
    """A request: what to say, and how many seconds to take for it."""

    model_config = ConfigDict(extra="forbid")

    say: str = ""
    seconds: float = 0.0


class Said(BaseModel):
    """A result: what was said, by which process, on which program."""

    say: str
    pid: int
    program: str | None = None


class Actor:
    """What all actors share; each overrides `run` or `compile`."""

    name = "actor"

    def version(self) -> str:
        return "actor 1"

    def process_codes(self) -> tuple[str, ...]:
        return ("act",)

    def parse(self, payload: Mapping[str, Any]) -> Ask:
        return Ask.model_validate(payload)

    def compile(self, source: ModelSource) -> str:
        return source.text.upper()

    def run(self, request: Ask, program: str | None) -> BaseModel:
        return Said(say=request.say, pid=os.getpid(), program=program)


class EchoEngine(Actor):
    """Behaves."""

    name = "echo"


class SlowEngine(Actor):
    """Takes its time."""

    name = "slow"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        time.sleep(request.seconds)
        return super().run(request, program)


class NeverEngine(Actor):
    """Loops for ever, deaf to every signal that one can be deaf to."""

    name = "never"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            pass


class CLoopEngine(Actor):
    """Hangs inside of a C call that keeps the interpreter's lock."""

    name = "c-loop"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        ctypes.PyDLL(None).sleep(3600)
        return super().run(request, program)


class CrashEngine(Actor):
    """Dies in the way it is asked to."""

    name = "crash"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        if request.say == "null":
            ctypes.string_at(0)
        elif request.say == "exit":
            os._exit(3)
        elif request.say == "words":
            ctypes.CDLL(None).puts(b"assertion failed: mitochondria")
            os.kill(os.getpid(), signal.SIGABRT)
        os.kill(os.getpid(), signal.SIGSEGV)
        return super().run(request, program)


class CompileCrashEngine(Actor):
    """Dies when it compiles a model that says so."""

    name = "compile-crash"

    def compile(self, source: ModelSource) -> str:
        if "poison" in source.text:
            ctypes.string_at(0)
        return super().compile(source)


class OnceEngine(Actor):
    """Dies at the first try, and leaves a file behind so that the second one succeeds."""

    name = "once"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        try:
            os.close(os.open(request.say, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return super().run(request, program)
        os._exit(1)


class TellingEngine(Actor):
    """Tells how far it is, ten steps of `seconds` each; at the first try it dies after the sixth.

    It leaves a file behind so that the second one succeeds; without a name for it, the first one does.
    """

    name = "telling"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        first = bool(request.say) and not os.path.exists(request.say)  # noqa: PTH110
        if first:
            os.close(os.open(request.say, os.O_CREAT))
        for number in range(10):
            time.sleep(request.seconds)
            progress.tell(number, 10, "first" if first else "steps")
            if first and number == 6:
                os._exit(1)
        return super().run(request, program)


class LookingEngine(Actor):
    """Says whether it is to look closely how far it is."""

    name = "looking"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        with progress.one_run():
            return super().run(request.model_copy(update={"say": str(progress.closely())}), program)


class HungryEngine(Actor):
    """Takes memory without end, slowly or as fast as the machine gives it."""

    name = "hungry"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        plates = []
        step = (1 << 20) if request.say == "slowly" else (64 << 20)
        while True:
            plates.append(b"x" * step)
            if request.say == "slowly":
                time.sleep(0.002)


class NoisyEngine(Actor):
    """Prints from C and from Python, also a lot."""

    name = "noisy"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        libc = ctypes.CDLL(None)
        for _ in range(100):
            libc.puts(b"\x05\x00\x00\x00noise" + b"z" * 1000)
        print("noise from Python")
        sys.stderr.write("noise on the other stream")
        return super().run(request, program)


class RudeEngine(Actor):
    """Raises things nobody expects."""

    name = "rude"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        raise _rude(request.say)


def _rude(say: str) -> BaseException:
    if say == "unspeakable":
        return UnspeakableError(lambda: None)
    if say == "typed":
        return UnknownIdentifierError("No reaction X.", details={"place": "constraints.X", "odd": object()})
    if say == "circular":
        details: dict[str, Any] = {}
        details["self"] = details
        return UnknownIdentifierError("No reaction X.", details=details)
    if say == "exit":
        return SystemExit(3)
    if say == "memory":
        return MemoryError()
    return ZeroDivisionError("nought")


class UnspeakableError(Exception):
    """An error that can be neither pickled nor printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class ForkingEngine(Actor):
    """Starts a process of its own that would outlive it."""

    name = "forking"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        child = os.fork()
        if child == 0:
            time.sleep(3600)
            os._exit(0)
        if request.say == "die":
            os.write(1, f"child {child}\n".encode())
            os.kill(os.getpid(), signal.SIGSEGV)
        return Said(say=str(child), pid=os.getpid())


class VandalEngine(Actor):
    """Writes nonsense into its own socket."""

    name = "vandal"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        for fd in range(3, 64):
            try:
                os.write(fd, b"\xff" * 64)
            except OSError:
                continue
        return super().run(request, program)


class UnbornEngine(Actor):
    """Dies when it is made."""

    name = "unborn"

    def __init__(self) -> None:
        ctypes.string_at(0)


class NeedyEngine(Actor):
    """Needs a package that is not there."""

    name = "needy"

    def __init__(self) -> None:
        import a_package_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401


class GrumblingEngine(Actor):
    """Prints like a solver does before it gives up: raises, or goes on for ever."""

    name = "grumbling"

    def run(self, request: Ask, program: str | None) -> BaseModel:
        ctypes.CDLL(None).puts(b"CVode: the step became too small")
        if request.say == "raise":
            raise ValueError("it gave up")
        if request.say == "known":
            raise UnknownIdentifierError("no such species")
        if request.say == "never":
            time.sleep(60)
        return super().run(request, program)
