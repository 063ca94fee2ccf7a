"""What computations took, known after a start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bioxen.protocol.metabolic import FbaRequest
from bioxen.server.admission import kept
from bioxen.server.admission.estimator import Estimator
from bioxen.server.bytecode.repository import Repository


def estimator(path: Path) -> Estimator:
    made = Estimator()
    made.keep_in(path)
    return made


@pytest.fixture
def learned(tmp_path: Path) -> Path:
    """A file in which it stands that flux balance analysis of the core model takes half a second."""
    path = tmp_path / "rates"
    asyncio.run(estimator(path).learn(FbaRequest(), 0.5))  # the first thing learned is written at once
    return path


def test_an_estimate_is_measured_after_a_start_where_it_was_before(learned: Path, tmp_path: Path) -> None:
    found = asyncio.run(estimator(learned).estimate(FbaRequest()))
    assert (found.seconds, found.basis) == (0.5, "measured")
    assert asyncio.run(estimator(tmp_path / "none").estimate(FbaRequest())).basis == "assumed"


def test_what_was_learned_last_is_written_at_the_end(learned: Path) -> None:
    async def main() -> None:
        one = estimator(learned)
        await one.learn(FbaRequest(model="syn3a_core"), 0.25)  # written at once
        await one.learn(FbaRequest(model="syn3a_core"), 0.75)  # soon after
        one.write()

    asyncio.run(main())
    found = asyncio.run(estimator(learned).estimate(FbaRequest(model="syn3a_core")))
    assert found.seconds == pytest.approx(0.25 + 0.2 * 0.5)


def test_not_every_part_is_written(learned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        one, written = estimator(learned), []
        monkeypatch.setattr(kept.RateFile, "write", lambda _, rates: written.append(rates))
        for _ in range(100):
            await one.learn(FbaRequest(), 0.5)
        assert len(written) == 1

    asyncio.run(main())


@pytest.mark.parametrize("harm", [b"", b"no digest", None])
def test_a_damaged_file_is_begun_anew(learned: Path, harm: bytes | None) -> None:
    content = bytearray(learned.read_bytes())
    content[-3] ^= 1
    learned.write_bytes(bytes(content) if harm is None else harm)

    async def main() -> None:
        one = estimator(learned)
        assert (await one.estimate(FbaRequest())).basis == "assumed"
        await one.learn(FbaRequest(), 0.25)

    asyncio.run(main())
    assert asyncio.run(estimator(learned).estimate(FbaRequest())).seconds == 0.25


def test_where_it_cannot_be_written_nothing_fails(tmp_path: Path) -> None:
    async def main() -> None:
        one = estimator(tmp_path / "no such folder" / "rates")
        await one.learn(FbaRequest(), 0.5)
        assert (await one.estimate(FbaRequest())).basis == "measured"

    asyncio.run(main())


def test_a_model_that_came_as_text_is_known_by_its_kind_alone(tmp_path: Path) -> None:
    """Its key is another one in the next process, where it must not stand for another text."""
    text = Repository().read("textbook").text
    asyncio.run(estimator(tmp_path / "rates").learn(FbaRequest(sbml=text), 0.5))
    assert b"text " not in (tmp_path / "rates").read_bytes()
    found = asyncio.run(estimator(tmp_path / "rates").estimate(FbaRequest(sbml=text)))
    assert found.basis == "measured" and found.seconds == pytest.approx(0.5)
