"""The pool's side of its zygote: starts it, asks it for workers, and hears of their deaths."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence

import msgspec

from bioxen.errors import BioXenException, EngineCrashError, ServiceUnavailableError
from bioxen.server.workers.capture import Capture, without_traceback
from bioxen.server.workers.frames import (
    Exited,
    Failed,
    Fork,
    Frame,
    FrameReader,
    FrameTooLargeError,
    Kill,
    Loaded,
    Setup,
    decode_from_zygote,
    pack,
)

_log = logging.getLogger(__name__)
_GRACE = 5.0
"""Seconds in which the zygote confirms a death or leaves, before it is killed itself."""

# One thread each: forking is sound only from a single thread, and sums in another order are other bytes.
# A fixed seed: sets of strings keep their order from one start of the service to the next.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


class Nursery:
    """A zygote, replaced by the next `start` after it died.

    Args:
        setup: what the zygote loads.
        timeout: seconds it may take to load.
        on_exited: called with a worker and its exit status, `None` when it died with its zygote.
    """

    def __init__(self, setup: Setup, timeout: float, on_exited: Callable[[int, int | None], None]) -> None:
        self._setup = setup
        self._timeout = timeout
        self._on_exited = on_exited
        self._starting = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._capture: Capture | None = None
        self._reader = FrameReader()
        self._loaded: asyncio.Future[Loaded] | None = None
        self._alive: set[int] = set()
        self._overdue: dict[int, asyncio.TimerHandle] = {}

    @property
    def pid(self) -> int | None:
        """The zygote's process id, for people who look at their machine."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the zygote and wait until its engines are loaded; nothing happens when it lives.

        Raises:
            MissingModuleError: a package that an engine needs is not installed.
            ConfigurationError: an engine does not exist.
            EngineCrashError: the zygote died while it loaded them.
        """
        async with self._starting:
            if self._sock is not None:
                return
            await self._bury()
            self._launch()
            assert self._loaded is not None  # noqa: S101 - by _launch
            try:
                loaded = await asyncio.wait_for(self._loaded, self._timeout)
            except TimeoutError:
                self._lose()
                words = f"The engines did not load within {self._timeout:g} s."
                raise ServiceUnavailableError(words) from None
            except BaseException:
                self._lose()
                raise
        if loaded.threads > 1:
            _log.warning("The engines started %d threads; forked workers may hang.", loaded.threads - 1)

    def fork(self, worker: int, sock: socket.socket, capture: Capture) -> None:
        """Ask for a worker that speaks on `sock` and prints into `capture`; it ends in `on_exited`."""
        self._alive.add(worker)
        self._send(Fork(worker), [sock.fileno(), capture.fileno()])

    def kill(self, worker: int) -> None:
        """Kill a worker; when its death is not confirmed soon, the zygote hangs and is killed itself."""
        if worker in self._alive and worker not in self._overdue:
            self._overdue[worker] = asyncio.get_running_loop().call_later(_GRACE, self._lose)
            self._send(Kill(worker))

    async def close(self) -> None:
        """End the zygote and with it every worker."""
        for overdue in self._overdue.values():
            overdue.cancel()
        self._alive.clear()
        self._hang_up()
        await self._bury()

    def _launch(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._capture = Capture()
        arguments = ["-P", "-m", "bioxen.server.workers.zygote", str(theirs.fileno()), str(os.getpid())]
        with theirs:
            # From this thread and not from an executor's: the kernel ties the zygote's life to it.
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._capture.fileno(),
                stderr=self._capture.fileno(),
                env=os.environ | ENVIRONMENT,
                start_new_session=True,
            )
        self._sock, self._reader, self._loaded = ours, FrameReader(), loop.create_future()
        loop.add_reader(ours, self._on_readable)
        self._send(self._setup)

    def _send(self, message: Frame, fds: Sequence[int] = ()) -> None:
        data = pack(message)
        try:
            if self._sock is None or socket.send_fds(self._sock, [data], fds) < len(data):
                raise BlockingIOError
        except OSError:  # dead, or so stuck that it does not empty its socket: of no use either way
            self._lose()

    def _on_readable(self) -> None:
        assert self._sock is not None  # noqa: S101 - the reader is removed with the socket
        try:
            data = self._sock.recv(1 << 16)
            for body in self._reader.feed(data):
                self._hear(decode_from_zygote(body))
        except (ConnectionError, FrameTooLargeError, msgspec.DecodeError):
            data = b""
        if not data:
            self._lose()

    def _hear(self, message: Loaded | Exited | Failed) -> None:
        if isinstance(message, Exited):
            self._forget(message.worker, message.status)
        elif self._loaded is not None and not self._loaded.done():
            if isinstance(message, Loaded):
                self._loaded.set_result(message)
            else:
                self._loaded.set_exception(BioXenException.from_problem(message.problem))

    def _forget(self, worker: int, status: int | None) -> None:
        self._alive.discard(worker)
        overdue = self._overdue.pop(worker, None)
        if overdue is not None:
            overdue.cancel()
        self._on_exited(worker, status)

    def _lose(self) -> None:
        """Give the zygote up; its workers die with it."""
        self._hang_up()
        if self._process is not None:
            self._process.kill()
        if self._loaded is not None and not self._loaded.done():
            words = self._capture.tail() if self._capture else ""
            details = {"diagnostics": without_traceback(words)}
            self._loaded.set_exception(
                EngineCrashError("The engines' process died while loading.", None, details)
            )
        for worker in list(self._alive):
            self._forget(worker, None)

    def _hang_up(self) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()
            self._sock = None

    async def _bury(self) -> None:
        process, capture, self._process, self._capture = self._process, self._capture, None, None
        if process is not None:
            await _end_of(process)
        if capture is not None:
            if words := capture.tail():
                _log.debug("The zygote said: %s", words)
            capture.close()


async def _end_of(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of `process`, and kill it where that does not come; needs no thread.

    At the exit of an interpreter no thread can be started any more, and a pool may be closed there.
    """
    patience = asyncio.get_running_loop().time() + _GRACE
    while process.poll() is None:
        if asyncio.get_running_loop().time() > patience:
            process.kill()
        await asyncio.sleep(_LOOK_AGAIN)


_LOOK_AGAIN = 0.005
"""Seconds between looks at a process that is ending."""
