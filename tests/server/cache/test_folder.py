"""Answers as files: known after a start, never damaged ones, and no more than there is room for."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bioxen.errors import ConfigurationError
from bioxen.server.cache.answers import ENTRY_BYTES, AnswerCache
from bioxen.server.cache.folder import BACKLOG, AnswerFolder
from bioxen.server.cache.mirror import mirrored
from bioxen.server.cache.origin import made_by


def key(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def answer(number: int, size: int = 1000) -> bytes:
    return (b"%d " % number).ljust(size, b".")


@contextmanager
def cache(root: Path, limit: int = 1 << 20, origin: str = "here") -> Iterator[AnswerCache]:
    """Give a cache as a service has it, from its start to its end."""
    folder, kept = AnswerFolder(root, "metabolic", origin), AnswerCache(limit)
    try:
        kept.restore(folder.answers(), folder)
        yield kept
    finally:
        folder.close()


def files(root: Path) -> list[Path]:
    return sorted(root.glob("metabolic-0/??/*"))


def filled(root: Path, count: int = 5) -> None:
    with cache(root) as kept:
        for number in range(count):
            kept.put(key(number), answer(number))


def test_what_was_known_is_known_after_a_start(tmp_path: Path) -> None:
    filled(tmp_path)
    with cache(tmp_path) as kept:
        assert [kept.get(key(number)) for number in range(5)] == [answer(number) for number in range(5)]
        assert (kept.misses, kept.evictions, kept.file_failures) == (0, 0, 0)
        kept.put(key(5), answer(5))
    with cache(tmp_path) as kept:
        assert len(kept) == 6


def test_what_makes_room_goes_from_the_disk_too_the_oldest_first(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    room = 8 * (1000 + ENTRY_BYTES)
    with cache(tmp_path, room) as kept:
        assert [number for number in range(20) if key(number) in kept] == list(range(12, 20))
        kept.put(key(20), answer(20))
        assert key(12) not in kept
    assert len(files(tmp_path)) == 8
    assert sum(path.stat().st_size for path in files(tmp_path)) <= room
    with cache(tmp_path, 0) as kept:
        assert len(kept) == 0
    assert not files(tmp_path)


@pytest.mark.parametrize("harm", ["changed", "cut off", "empty", "another's"])
def test_a_damaged_file_is_no_answer(tmp_path: Path, harm: str) -> None:
    filled(tmp_path)
    path = files(tmp_path)[2]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    changed = {
        "changed": bytes(content),
        "cut off": path.read_bytes()[:-1],
        "empty": b"",
        "another's": files(tmp_path)[3].read_bytes(),
    }
    path.write_bytes(changed[harm])
    with cache(tmp_path) as kept:
        assert bytes.fromhex(path.name) not in kept
        assert (len(kept), kept.file_failures) == (4, 1)
    assert len(files(tmp_path)) == 4
    with cache(tmp_path) as kept:
        assert kept.file_failures == 0


def test_answers_of_another_machine_or_version_are_removed(tmp_path: Path) -> None:
    filled(tmp_path)
    with cache(tmp_path, origin="elsewhere") as kept:
        assert len(kept) == 0
    assert not files(tmp_path)


def test_the_origin_follows_from_what_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    here = made_by()
    assert here == made_by()
    for name in ("_processor", "_own_source"):
        with monkeypatch.context() as patch:
            patch.setattr(f"bioxen.server.cache.origin.{name}", lambda: "changed")
            assert made_by() != here
    monkeypatch.setattr("bioxen.server.cache.origin.distributions", list)
    assert made_by() != here


def test_two_services_at_once_keep_apart(tmp_path: Path) -> None:
    with cache(tmp_path) as one, cache(tmp_path) as other:
        one.put(key(1), answer(1))
        other.put(key(2), answer(2))
    with cache(tmp_path) as one, cache(tmp_path) as other:
        assert (key(1) in one, key(2) in one) == (True, False)
        assert (key(1) in other, key(2) in other) == (False, True)


def test_where_nothing_can_be_kept_the_service_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="No answers can be kept") as refused:
        AnswerFolder(tmp_path / "file", "metabolic", "")
    assert refused.value.place == "cache_dir"


def test_a_full_disk_is_counted_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with cache(tmp_path) as kept:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full)
            kept.put(key(1), answer(1))
            while not kept.file_failures:
                time.sleep(0.001)
        assert kept.get(key(1)) == answer(1)
        kept.put(key(2), answer(2))
    with cache(tmp_path) as kept:
        assert (key(1) in kept, key(2) in kept) == (False, True)


def test_what_the_slow_disk_has_no_room_for_is_not_held_in_memory(tmp_path: Path) -> None:
    folder = AnswerFolder(tmp_path, "metabolic", "")
    folder.write(key(1), bytes(BACKLOG + 1))
    folder.close()
    assert folder.failures == 1 and not files(tmp_path)


WRITER = """
import sys
from itertools import count
from pathlib import Path
from tests.server.cache.test_folder import AnswerCache, AnswerFolder, answer, key
folder, kept = AnswerFolder(Path(sys.argv[1]), "metabolic", "here"), AnswerCache(1 << 20)
kept.restore(folder.answers(), folder)
for number in count():
    kept.put(key(number), answer(number, 20_000))
    print(number, flush=True)
"""


def test_a_killed_service_leaves_whole_answers_and_no_more_than_it_may(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    for wanted in (30, 300):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root), *sys.path])},
        ) as writer:
            assert writer.stdout is not None
            for _ in itertools.islice(writer.stdout, wanted):
                pass
            while not files(tmp_path):  # they are written beside what is printed
                next(writer.stdout)
            writer.send_signal(signal.SIGKILL)
        with cache(tmp_path) as kept:
            assert len(kept) > 0 and kept.file_failures == 0
            for number in range(10 * wanted):
                assert kept.get(key(number)) in (None, answer(number, 20_000))
        assert not list(tmp_path.glob("metabolic-0/??/*.aside"))
        assert sum(path.stat().st_size for path in files(tmp_path)) <= 1 << 20


@pytest.mark.parametrize(("limit", "kept"), [(1 << 20, True), (0, False)])
def test_a_service_has_its_folder_while_it_lives(tmp_path: Path, limit: int, kept: bool) -> None:
    async def main() -> None:
        for known in (False, kept):
            one = AnswerCache(limit)
            async with mirrored(one, tmp_path, "metabolic"):
                assert (key(1) in one) is known
                one.put(key(1), answer(1))
            assert one.mirror is None

    asyncio.run(main())
    assert bool(files(tmp_path)) is kept
