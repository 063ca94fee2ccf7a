"""Where measurements are kept: one file for each program and kind of study, shared by whoever runs here.

What stands there decides where studies run, so it must stay: the first measurement that is kept counts, and
whoever comes later takes it, until somebody forgets it (`bioxen routes forget`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydantic

from bioxen._version import VERSION
from bioxen.server.accelerators.detect import AcceleratorType, detect_local
from bioxen.server.engines.cache_folder import cache_folder
from bioxen.server.engines.crossover import Crossover, Kind

FOLDER = "routes"
"""Of the user's cache."""
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Subject:
    """What a measurement is of."""

    program: str
    """Digest of the model."""
    kind: Kind = "ode"
    gpu: bool = False
    """Whether a GPU is looked at: large studies have a measurement of their own where there is one."""


class Book:
    """The measurements of this version of BioXen on this machine.

    Args:
        folder: where they are; absent for the user's cache.
        machine: names of the devices; absent for those that are here.

    Raises:
        OSError: nothing can be kept there.
    """

    def __init__(self, folder: Path | None = None, machine: str | None = None) -> None:
        found = cache_folder(FOLDER) if folder is None else folder
        if found is None:
            raise OSError("there is no cache folder to keep measurements in")
        devices = detect_local()
        self.folder = found
        self.machine = machine or "; ".join(f"{one.name} ({one.units})" for one in devices)
        self.has_gpu = any(one.type is AcceleratorType.GPU for one in devices)
        self._here = hashlib.sha256(f"{VERSION}|{self.machine}".encode()).hexdigest()[:_DIGITS]

    def find(self, subject: Subject) -> Crossover | None:
        """Return what was measured; `None` where nothing was, or what is there is damaged."""
        found = _read(self._path(subject))
        about = (VERSION, self.machine, subject.program, subject.kind, subject.gpu)
        if found is None or (found.version, found.machine, *_subject(found)) != about:
            return None
        return found

    def keep(self, subject: Subject, found: Crossover) -> Crossover:
        """Keep a measurement, on the disk when this returns; return the one that counts.

        Raises:
            OSError: it cannot be kept.
        """
        found = found.model_copy(
            update={
                "version": VERSION,
                "machine": self.machine,
                "program": subject.program,
                "kind": subject.kind,
                "gpu_too": subject.gpu,
            }
        )
        path = self._path(subject)
        written = _write(self.folder, found)
        try:
            with contextlib.suppress(FileExistsError):
                os.link(written, path)  # fails where one is there, unlike a rename
                return found
            first = self.find(subject)
            if first is None:  # damaged
                written.replace(path)
            return first or found
        finally:
            written.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self, subject: Subject) -> Iterator[bool]:
        """Give whether nobody else measures this now; while the block lasts, others learn that somebody does.

        The lock ends with the process that holds it.

        Raises:
            OSError: there can be no lock.
        """
        path = self._path(subject).with_suffix(".lock")
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:  # who waits looks for the measurement first: a lock on a file that is gone does no harm
                path.unlink(missing_ok=True)

    def entries(self) -> list[Crossover]:
        """Return what was measured with this version on this machine, by program and kind."""
        found = (_read(path) for path in sorted(self.folder.glob(f"*.{self._here}.json")))
        return [one for one in found if one is not None]

    def forget(self, programs: set[str] | None = None) -> int:
        """Throw away what was measured of programs, by digest, or all of it; return how many there were.

        Those of other versions and machines go too.
        """
        gone = 0
        for path in self.folder.glob("*.json"):
            if programs is None or path.name.partition(".")[0] in programs:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _path(self, subject: Subject) -> Path:
        kind = f"{subject.kind}-gpu" if subject.gpu else subject.kind
        return self.folder / f"{subject.program}.{kind}.{self._here}.json"


def _subject(found: Crossover) -> tuple[str, Kind, bool]:
    return found.program, found.kind, found.gpu_too


def _write(folder: Path, found: Crossover) -> Path:
    text = found.model_dump_json().encode()
    descriptor, name = tempfile.mkstemp(dir=folder)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _read(path: Path) -> Crossover | None:
    """Return what a file says; `None` where it is not there, or not as it was written."""
    try:
        digest, _, text = path.read_bytes().partition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != digest:
            return None
        return Crossover.model_validate_json(text)
    except (OSError, pydantic.ValidationError):
        return None
