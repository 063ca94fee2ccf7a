"""Answers as files, so that a service that starts again knows what the last one knew.

The files mirror what is in memory: they are read once, at the start, and written and removed behind the
requests. Nothing waits for the disk. A file that is not whole, or not what was written, is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from bioxen.errors import ConfigurationError

log = logging.getLogger("bioxen.cache")
DIGEST = hashlib.sha256().digest_size
BACKLOG = 64 << 20
"""Bytes that may wait for the disk; an answer beyond that is not written."""
ASIDE = ".aside"


class AnswerFolder:
    """The files of one service's cache; other services beside it take folders of their own.

    Args:
        root: where the folders are.
        name: what the service is called.
        made_by: stands for whatever an answer depends on and its key does not say: the machine, the packages.
            Answers that something else made are removed.

    Raises:
        ConfigurationError: nothing can be written there.
    """

    def __init__(self, root: Path, name: str, made_by: str) -> None:
        self.failures = 0
        """Answers that could not be read or written."""
        try:
            self._folder, self._lock = _own_folder(root, name)
            self._settle(made_by)
        except OSError as error:
            raise ConfigurationError(
                f"No answers can be kept in {root}: {error.strerror}.",
                details={"place": "cache_dir", "remedy": "Give a folder that this user may write."},
            ) from error
        self._disk = ThreadPoolExecutor(1, f"bioxen-cache-{name}")
        self._counting = threading.Lock()
        self._waiting = 0

    def answers(self) -> Iterator[tuple[bytes, bytes]]:
        """Give the keys and answers of all files, the oldest first."""
        for path in sorted(self._folder.glob("??/*"), key=lambda one: one.stat().st_mtime_ns):
            try:
                key, content = bytes.fromhex(path.name), path.read_bytes()
            except (OSError, ValueError) as error:
                self._note("read", error)
                continue
            if content[:DIGEST] == _digest(key, content[DIGEST:]):
                yield key, content[DIGEST:]
            else:
                self._note("read", ValueError(f"{path} was damaged"))
                self.remove(key)

    def write(self, key: bytes, answer: bytes) -> None:
        """Keep an answer, some time later."""
        if self._waiting + len(answer) > BACKLOG:
            self._note("written", OverflowError("the disk is too slow"))
            return
        self._later(lambda: self._write(self._path(key), key, answer), len(answer))

    def remove(self, key: bytes) -> None:
        """Keep it no longer."""
        self._later(lambda: self._path(key).unlink(missing_ok=True))

    def close(self) -> None:
        """Write what waits, and let another service have the folder."""
        self._disk.shutdown()
        os.close(self._lock)

    def _later(self, change: Callable[[], None], size: int = 0) -> None:
        self._wait_for(size)
        try:
            self._disk.submit(self._make, change, size)
        except RuntimeError as error:  # the interpreter ends
            self._wait_for(-size)
            self._note("written", error)

    def _make(self, change: Callable[[], None], size: int) -> None:
        try:
            change()
        except OSError as error:
            self._note("written", error)
        finally:
            self._wait_for(-size)

    def _wait_for(self, size: int) -> None:
        with self._counting:
            self._waiting += size

    def _note(self, what: str, error: Exception) -> None:
        with self._counting:
            self.failures += 1
            level = logging.WARNING if self.failures == 1 else logging.DEBUG
        log.log(level, "An answer could not be %s: %s", what, error)

    def _write(self, path: Path, key: bytes, answer: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        aside = path.with_suffix(ASIDE)
        try:
            aside.write_bytes(_digest(key, answer) + answer)
            aside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise

    def _settle(self, made_by: str) -> None:
        """Remove what another machine or version made, and what was not written to its end."""
        note = self._folder / "made-by"
        same = note.is_file() and note.read_text() == made_by
        for path in self._folder.glob("??/*"):
            if not same or path.suffix == ASIDE:
                path.unlink()
        note.write_text(made_by)

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self._folder / name[:2] / name


def _digest(key: bytes, answer: bytes) -> bytes:
    """Return what a file begins with: an answer under another's name is no answer either."""
    return hashlib.sha256(key + answer).digest()


def _own_folder(root: Path, name: str) -> tuple[Path, int]:
    """Return the first folder of that name that no other process has, and the lock on it."""
    for number in count():
        folder = root / f"{name}-{number}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return folder, lock
    raise AssertionError("there is always one more number")
