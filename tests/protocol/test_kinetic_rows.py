"""Every part of a kinetic result has its rows, and one line for a person."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.engines.kinetic.models import DECAY, run

from bioxen.protocol.rows import service_rows
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.vm.describe import kinetic_line

SCAN: dict[str, Any] = {"axes": {"k": {"values": [0.1, 0.2]}}, "time_points": 3}
FACTORS = {"k": {"lower": 0.1, "upper": 0.2}, "A": {"lower": 1.0, "upper": 2.0}}
PATHWAY = "J1: => S; 10 - 2*S; J2: S => ; q*S; S = 1; q = 3;"
CASES: list[tuple[str, str, dict[str, Any], list[str], int, str]] = [
    ("kinetic_scan", DECAY, SCAN, ["member", "status", "k", "final [A]"], 2, "2 members, all"),
    ("kinetic_scan", DECAY, {**SCAN, "report": "values"}, ["member", "time", "[A]"], 6, "2 members, all"),
    (
        "kinetic_scan",
        DECAY,
        {**SCAN, "report": "summary", "quantiles": [0.5]},
        ["time", "output", "mean", "sd", "q0.5"],
        3,
        "2 members, all",
    ),
    (
        "kinetic_scan",
        DECAY,
        {**SCAN, "report": "summary", "quantiles": [0.5], "quantile_method": "approximate"},
        ["time", "output", "mean", "sd", "q0.5", "accuracy"],
        3,
        "2 members, all",
    ),
    (
        "kinetic_morris",
        DECAY,
        {"factors": FACTORS},
        ["output", "feature", "factor", "mu", "mu_star", "sigma", "mu_star_confidence"],
        2,
        "largest mean absolute effects: k on final [A]",
    ),
    ("kinetic_control", PATHWAY, {}, ["reaction", "J1", "J2"], 2, "control over the flux J2: J1 = 0.6"),
    (
        "kinetic_continuation",
        PATHWAY,
        {"parameter": "q", "lower": 2.9, "upper": 3.1, "largest_step": 0.5},
        ["q", "[S]", "stable"],
        7,
        "points over q from 2.9",
    ),
    ("kinetic_oscillation", DECAY, {}, ["output", "kind", "period"], 1, "[A] = none"),
]


@pytest.mark.parametrize(("code", "text", "fields", "columns", "count", "line"), CASES)
def test_rows(
    code: str, text: str, fields: dict[str, Any], columns: list[str], count: int, line: str
) -> None:
    result = run(KineticEngine(), text, code, **fields)
    rows = service_rows(result.model_dump())
    assert rows is not None
    assert rows.columns[: len(columns)] == columns
    assert len(rows.rows) == count
    assert all(len(row) == len(rows.columns) for row in rows.rows)
    assert line in kinetic_line(result)


def test_either_encoding_gives_the_same_rows() -> None:
    engine = KineticEngine()
    tables = [
        service_rows(run(engine, DECAY, "kinetic_scan", encoding=encoding, **SCAN).model_dump())
        for encoding in ("numbers", "base64")
    ]
    assert tables[0] == tables[1]


def test_a_line_on_an_exported_model_names_its_file() -> None:
    line = kinetic_line(run(KineticEngine(), DECAY, "kinetic_export", format="antimony"))
    assert line.startswith("the model as model.ant")
