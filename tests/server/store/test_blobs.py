"""Files named by their sha256: all of one or nothing, and never another's content."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from bioxen.errors import ComputationError
from bioxen.server.store.blobs import Blobs


def test_what_was_written_is_read_and_equal_content_is_one_file(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    digest = blobs.write(b"fluxes")
    assert blobs.write(b"fluxes") == digest
    assert blobs.read(digest) == b"fluxes"
    assert list(blobs.digests()) == [digest]
    assert blobs.remove_old(digest, time.time() + 1) == 6
    assert blobs.remove_old(digest, time.time() + 1) is None
    with pytest.raises(ComputationError, match="is missing"):
        blobs.read(digest)


def test_a_changed_file_is_found_out(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    digest = blobs.write(b"fluxes")
    next(tmp_path.glob("??/*")).write_bytes(b"Fluxes")
    with pytest.raises(ComputationError, match="changed on the disk"):
        blobs.read(digest)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    blobs = Blobs(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        blobs.write(b"fluxes")
    assert list(blobs.digests()) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
