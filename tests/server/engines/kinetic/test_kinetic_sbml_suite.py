"""A spread sample of the SBML Test Suite: every case is right or refused by name, none is wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from tests.server.engines.kinetic.models import FloatArray, series, source_of
from tests.shared_data import DIRECTORY, shared

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic import KineticEngine

SUITE = DIRECTORY / "sbml-test-suite" / "cases" / "semantic"
REFUSED = (
    "an algebraic rule",
    "a delay",
    "the fast reaction",
    "external model definition",
    "the id 'time'",
    "the same priority",
)


def time_courses() -> list[str]:
    """Return every tenth time course, and those that found a fault in an engine once."""
    names = sorted(path.name for path in SUITE.glob("[0-9]*")) if SUITE.exists() else []
    hard = [name for name in ("00952", "00959", "01605", "01757", "01820") if name in names]
    sample = [
        name for name in names[::10] if "FluxBalance" not in (SUITE / name / f"{name}-model.m").read_text()
    ]
    return sorted({*sample, *hard})


def read(folder: Path) -> tuple[dict[str, str], FloatArray, str]:
    """Return a case's settings, expected table and SBML."""
    lines = (folder / f"{folder.name}-settings.txt").read_text().splitlines()
    settings = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    with (folder / f"{folder.name}-results.csv").open() as file:
        rows = [row for row in csv.reader(file) if row][1:]
    newest = max(folder.glob("*-sbml-*.xml"))
    return settings, np.array(rows, dtype=float), newest.read_text()


def names_in(settings: dict[str, str], key: str) -> list[str]:
    return [name.strip() for name in settings.get(key, "").split(",") if name.strip()]


@pytest.mark.parametrize("case", time_courses() or ["absent"])
def test_right_or_refused(engine: KineticEngine, case: str) -> None:
    settings, expected, sbml = read(shared("sbml-test-suite", "cases", "semantic", case))
    try:
        program = engine.compile(source_of(sbml, "sbml"))
    except InvalidModelError as refusal:
        assert any(construct in refusal.message for construct in REFUSED), refusal
        return
    concentrations = names_in(settings, "concentration")
    outputs = [f"[{name}]" if name in concentrations else name for name in names_in(settings, "variables")]
    start, steps = float(settings["start"]), int(settings["steps"])
    request = engine.parse(
        {
            "time_start": start,
            "time_end": start + float(settings["duration"]),
            "time_points": steps + 1,
            "outputs": outputs,
        }
    )
    result = engine.run(request, program)
    absolute, relative = float(settings["absolute"]), float(settings["relative"])
    for column, name in enumerate(outputs, start=1):
        got = series(result, name)
        want = expected[:, column]
        finite = np.isfinite(want)
        assert (np.isfinite(got) == finite).all()
        assert (np.abs(got - want)[finite] <= absolute + relative * np.abs(want[finite])).all(), name
