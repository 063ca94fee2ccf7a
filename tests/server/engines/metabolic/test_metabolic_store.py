"""Compiled models on disk: what comes back is what was kept, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.server.engines.metabolic.bench import ENGINE, encoded, run, source

from bioxen.server.engines.cache_folder import cache_folder
from bioxen.server.engines.metabolic import reader, store
from bioxen.server.engines.metabolic.program import Program, compile_program


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the core model, in a cache of its own."""
    monkeypatch.setenv("BIOXEN_CACHE", str(tmp_path))
    ENGINE.compile(source("textbook"))
    (file,) = tmp_path.rglob("*.program")
    return file


def test_a_kept_model_answers_with_the_same_bytes(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = compile_program(source("textbook"))
    monkeypatch.setattr(reader, "read_network", None)  # whoever reads the model again fails
    stored = ENGINE.compile(source("textbook"))
    assert isinstance(stored, Program) and stored is not fresh
    for code in ("metabolic_fba", "metabolic_pfba", "metabolic_fva", "metabolic_single_gene_deletion"):
        assert encoded(run(stored, code)) == encoded(run(fresh, code))
    assert stored.network.rules.rules == fresh.network.rules.rules


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"PK" + data[2:],
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
    ],
)
def test_a_spoiled_file_is_written_anew(kept: Path, spoil: Callable[[bytes], bytes]) -> None:
    good = kept.read_bytes()
    kept.write_bytes(spoil(good))
    assert store.load(source("textbook").digest) is None
    assert run(ENGINE.compile(source("textbook"))).optimal_objective == pytest.approx(0.8739215, abs=1e-6)
    assert store.load(source("textbook").digest) is not None


def test_a_file_of_another_model_or_version_is_passed_over(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store._path(kept.parent, "other")
    other.write_bytes(kept.read_bytes())
    assert store.load("other") is None
    monkeypatch.setattr(store, "HIGHS_VERSION", "0.0.0")
    assert store.load(source("textbook").digest) is None


def test_the_number_of_files_is_bounded(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_FILES", 2)
    network, fluxes = store.load(source("textbook").digest) or pytest.fail("nothing was kept")
    for name in ("a", "b", "c"):
        store.save(name, network, fluxes)
    assert len(list(kept.parent.iterdir())) == 2


def test_nothing_is_kept_where_there_is_no_safe_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_all = tmp_path / "models" / f"v{store.FORMAT}"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)
    monkeypatch.setenv("BIOXEN_CACHE", str(tmp_path))
    assert cache_folder("models", f"v{store.FORMAT}") is None
    compiled = ENGINE.compile(source("textbook"))
    assert not list(open_to_all.iterdir())
    monkeypatch.setenv("BIOXEN_CACHE", "")
    assert cache_folder("models") is None
    assert np.isfinite(run(compiled).optimal_objective or np.nan)
