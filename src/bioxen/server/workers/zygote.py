"""The zygote: a process that imports the engines once and forks a worker whenever the pool asks for one.

A fork takes milliseconds where importing the engines takes seconds. The zygote itself runs no engine and
reads no model, so what kills a worker does not reach it. It is the workers' parent: a pid it has not reaped
belongs to no other process, so killing by pid is exact on every system.

Why not `multiprocessing.forkserver`: it imports the user's `__main__` again, so a script without the guard
`if __name__ == "__main__"` would run itself once more.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import selectors
import signal
import socket
import sys
import traceback

from bioxen.errors import BioXenException, ComputationError
from bioxen.server.workers import guard
from bioxen.server.workers.frames import (
    Exited,
    Failed,
    Fork,
    Frame,
    Kill,
    Loaded,
    Setup,
    decode_to_zygote,
    pack,
    receive,
)
from bioxen.server.workers.loading import load_engine
from bioxen.server.workers.worker import serve


class Zygote:
    """The workers of a pool and the socket its orders come from."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._workers: dict[int, int] = {}
        """The worker of each pid; each worker leads a process group, so that what it started dies with it."""

    def load(self) -> Setup:
        """Import the engines the pool names."""
        body, _ = receive(self._control)
        setup = decode_to_zygote(body)
        assert isinstance(setup, Setup)  # noqa: S101 - the pool speaks first, and says this
        sys.path[:0] = [path for path in setup.sys_path if path not in sys.path]
        for name in setup.engines:
            warm_up = getattr(load_engine(name), "warm_up", None)
            if warm_up is not None:  # machine code that each worker would otherwise load or compile itself
                warm_up()
        self._tell(Loaded(guard.count_threads()))
        return setup

    def serve(self, setup: Setup) -> None:
        """Fork, kill and reap until the pool closes the socket; leave no worker behind."""
        wakeup = _wake_on_child()
        # Memory the collector never writes to stays shared with the workers.
        gc.collect()
        gc.freeze()
        try:
            self._loop(setup, wakeup)
        except ConnectionError:
            pass
        finally:
            for pid in self._workers:
                _kill_group(pid)
                os.waitpid(pid, 0)

    def _loop(self, setup: Setup, wakeup: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(wakeup, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if wakeup in ready:
                    wakeup.recv(4096)
                    self._reap()
                if self._control in ready and not self._obey(setup):
                    return

    def _obey(self, setup: Setup) -> bool:
        body, fds = receive(self._control, max_fds=2)
        if not body:
            return False
        order = decode_to_zygote(body)
        if isinstance(order, Fork):
            self._fork(order.worker, fds[0], fds[1], setup)
        elif isinstance(order, Kill):
            for pid, worker in self._workers.items():
                if worker == order.worker:
                    _kill_group(pid)
        return True

    def _fork(self, worker: int, sock: int, capture: int, setup: Setup) -> None:
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # no process or memory left: the pool waits a little longer each time
            self._tell(Exited(worker, 1))
        else:
            if pid == 0:
                self._control.close()
                _become_worker(zygote, socket.socket(fileno=sock), capture, setup)
            with contextlib.suppress(OSError):  # here too: a Kill may come before the worker has done so
                os.setpgid(pid, pid)
            self._workers[pid] = worker
        os.close(sock)
        os.close(capture)

    def _reap(self) -> None:
        # A look first: until the worker is reaped, its process group can be nobody else's.
        while self._workers and (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
            pid = dead.si_pid
            _kill_group(pid)
            _, status = os.waitpid(pid, 0)
            self._tell(Exited(self._workers.pop(pid), os.waitstatus_to_exitcode(status)))

    def _tell(self, message: Frame) -> None:
        self._control.sendall(pack(message))


def _kill_group(pid: int) -> None:
    """Kill a worker that is not reaped yet, and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # only its zombie is left
        os.killpg(pid, signal.SIGKILL)


def _wake_on_child() -> socket.socket:
    """Return a socket that becomes readable when a child dies."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return reading


def _become_worker(zygote: int, sock: socket.socket, capture: int, setup: Setup) -> None:
    """Serve as a worker, and never return into the zygote's code."""
    status = 1
    try:
        guard.die_with_parent(zygote)
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        guard.redirect_output(capture)
        os.close(capture)
        guard.limit_resources(setup.memory_limit)
        faulthandler.enable()
        serve(sock, setup)
        status = 0
    except BaseException:  # it goes to the capture, and from there to the server's log
        traceback.print_exc()
    finally:
        os._exit(status)


def main() -> None:
    """Run the zygote whose control socket and parent the command line names."""
    descriptor, parent = map(int, sys.argv[1:3])
    guard.die_with_parent(parent)
    guard.ignore_terminal_signals()
    with socket.socket(fileno=descriptor) as control:
        zygote = Zygote(control)
        try:
            setup = zygote.load()
        except Exception as error:
            if not isinstance(error, BioXenException):
                error = ComputationError(f"The engines cannot be loaded: {error!r}")
            control.sendall(pack(Failed(error.to_problem())))
            return
        zygote.serve(setup)


if __name__ == "__main__":
    main()
