"""What keeps a process of the pool in its bounds: its parent's death, signals, memory, its output."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

import psutil

LINUX = sys.platform == "linux"
_PAGE = resource.getpagesize()
_PR_SET_PDEATHSIG = 1
_IOLBF = 1
_FILE_LIMIT = 256 << 20
_OOM_SCORE = 500
_OUTPUT_MAX = 64 << 10
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; leave now if that has happened already.

    The kernel's promise is about the parent's *thread*: start a zygote from the thread its pool lives in.
    Elsewhere than on Linux the end of the socket alone tells, which a process notices between computations.
    """
    if LINUX:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def ignore_terminal_signals() -> None:
    """Leave it to the pool when to go.

    Ctrl-C reaches a terminal's whole process group, and systemd's SIGTERM a whole unit. The server decides
    what they mean, finishes what it wants to finish, and then ends its workers.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


def limit_resources(memory_limit: int) -> None:
    """Set what the kernel enforces by itself: no core dumps, no huge files, and a backstop for memory.

    The pool watches resident memory and is exact, but looks only now and then; `RLIMIT_DATA`, a quarter
    above the limit, stops whoever allocates faster than it looks.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT, _FILE_LIMIT))
    if LINUX:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        soft = pages * _PAGE + memory_limit + max(memory_limit // 4, 64 << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, resource.getrlimit(resource.RLIMIT_DATA)[1]))
        # When the machine itself runs out, the kernel should take a worker and not the server.
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))


def lift_memory_limit() -> None:
    """Give a worker that ran into its backstop the air to say so."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def resident_memory(pid: int | None) -> int:
    """Return the resident memory of a process in bytes, 0 when it is gone."""
    try:
        if LINUX:
            with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - five times a Path's speed
                return int(file.read().split()[1]) * _PAGE
        return int(psutil.Process(pid).memory_info().rss) if pid else 0
    except (OSError, IndexError, psutil.Error):
        return 0


def count_threads() -> int:
    """Return the number of this process's threads."""
    return len(os.listdir("/proc/self/task")) if LINUX else psutil.Process().num_threads()  # noqa: PTH208


def redirect_output(capture: int) -> None:
    """Make `capture` the standard output and error of Python and of C, and nothing the standard input."""
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(capture, 1)
    os.dup2(capture, 2)
    # C buffers a file by the block, so a crash would swallow the last words.
    stdout = ctypes.c_void_p.in_dll(_libc, "__stdoutp" if sys.platform == "darwin" else "stdout")
    _libc.setvbuf(stdout, None, _IOLBF, ctypes.c_size_t(0))


def output_so_far() -> str:
    """Return what this task printed."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        sys.stderr.flush()
        _libc.fflush(None)
        size = os.fstat(1).st_size
        if size == 0:
            return ""
        return os.pread(1, _OUTPUT_MAX, max(0, size - _OUTPUT_MAX)).decode(errors="replace").strip()
    return ""


def forget_output() -> None:
    """Empty the capture: what one task printed is none of the next one's business."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # an engine may have closed any of them
        sys.stdout.flush()
        sys.stderr.flush()
        _libc.fflush(None)
        if os.fstat(1).st_size:
            os.ftruncate(1, 0)
