"""Machine code is kept between processes, and only whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioxen.server.engines.kinetic.lanes import objects


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BIOXEN_CACHE", str(tmp_path))
    return tmp_path


def made(content: bytes, calls: list[bytes]) -> bytes:
    calls.append(content)
    return content


def test_made_once(cache: Path) -> None:
    calls: list[bytes] = []
    for _ in range(3):
        assert objects.kept("origin", lambda: made(b"code", calls)) == b"code"
    assert objects.kept("another origin", lambda: made(b"other", calls)) == b"other"
    assert calls == [b"code", b"other"]


def test_a_damaged_file_is_made_again(cache: Path) -> None:
    calls: list[bytes] = []
    objects.kept("origin", lambda: made(b"code", calls))
    (file,) = cache.rglob("*.o")
    for damage in (b"", file.read_bytes()[:-1], b"x" * 40):
        file.write_bytes(damage)
        assert objects.kept("origin", lambda: made(b"code", calls)) == b"code"
    assert len(calls) == 4


def test_old_files_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MAX_FILES", 4)
    for index in range(20):
        objects.kept(str(index), lambda: b"code")
        assert len(list(cache.rglob("*.o"))) <= 4
    calls: list[bytes] = []
    objects.kept("19", lambda: made(b"code", calls))
    assert not calls


def test_without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOXEN_CACHE", "")
    assert objects.kept("origin", lambda: b"code") == b"code"
