"""A spread sample of the SBML Test Suite: every case is right or refused by name, none is wrong.

`make conformance` runs all of them through the service.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.sbml_suite import check_sampler, read_stochastic, read_time_course, time_course_folders
from tests.server.engines.kinetic.models import FloatArray, series, source_of
from tests.shared_data import DIRECTORY, shared

from bioxen.errors import InvalidModelError
from bioxen.server.bytecode.scan import admit
from bioxen.server.engines.kinetic import KineticEngine

SUITE = DIRECTORY / "sbml-test-suite" / "cases" / "semantic"
HARD = (
    *("00952", "00959", "01757", "01820"),  # found a fault in an engine once
    *("00546", "00576", "01503", "01083"),  # algebraic rules
    *("00941", "01174", "01401", "01454", "01481", "01520"),  # delays
    *("00871", "00874", "01544", "01560", "01567"),  # fast reactions
)


def sample() -> list[str]:
    """Return every tenth time course, and the hard ones."""
    names = [folder.name for folder in time_course_folders(SUITE)]
    return sorted({*names[::10], *(name for name in HARD if name in names)})


@pytest.mark.parametrize("name", sample() or ["absent"])
def test_right_or_refused(engine: KineticEngine, name: str) -> None:
    case = read_time_course(shared("sbml-test-suite", "cases", "semantic", name))
    try:
        program = engine.compile(admit(case.sbml))
    except InvalidModelError as refusal:
        assert "another file" in refusal.message, refusal
        return
    result = engine.run(engine.parse(case.request()), program)
    got = np.array([series(result, output) for output in case.outputs]).T
    assert case.wrong(got) is None


def test_the_judge_sees_what_is_wrong() -> None:
    case = read_time_course(shared("sbml-test-suite", "cases", "semantic", "00001"))
    assert case.wrong(case.expected) is None
    off = case.expected.copy()
    off[3, 0] += 2 * (case.absolute + case.relative * abs(off[3, 0]))
    assert "point 3" in (case.wrong(off) or "")
    off[3, 0] = np.nan
    assert "point 3" in (case.wrong(off) or "")


@pytest.mark.parametrize("name", ["00001", "00020", "00030"])
def test_the_stochastic_suite_agrees(engine: KineticEngine, name: str) -> None:
    case = read_stochastic(shared("sbml-test-suite", "cases", "stochastic", name))

    def sampler(sbml: str, times: list[float], species: list[str], runs: int) -> FloatArray:
        program = engine.compile(source_of(sbml, "sbml"))
        payload = {"process_code": "kinetic_ssa", "time_end": times[-1], "time_points": len(times)}
        samples = []
        for seed in range(runs):
            request = engine.parse({**payload, "outputs": species, "seed": seed})
            result = engine.run(request, program)
            samples.append(np.array([series(result, output) for output in species]).T)
        return np.array(samples)

    assert check_sampler(sampler, case, 400) == []


@pytest.mark.parametrize("name", ["00011", "00032", "00033", "00049", "00062", "00087"])
def test_the_stochastic_suite_at_its_own_number_of_runs(engine: KineticEngine, name: str) -> None:
    """Reactions, events at times and at amounts, draws; `make conformance` runs every case."""
    case, runs = read_stochastic(shared("sbml-test-suite", "cases", "stochastic", name)), 10_000
    margin = case.median_margin(runs)
    request = engine.parse(
        {
            "process_code": "kinetic_ensemble",
            "method": "ssa",
            "members": runs,
            "seed": int(name),
            "report": "summary",
            "bins": 0,
            "quantiles": [0.5 - margin, 0.5 + margin],
            "time_end": case.times[-1],
            "time_points": len(case.times),
            "outputs": case.species,
        }
    )
    summary = engine.run(request, engine.compile(source_of(case.sbml, "sbml"))).summary
    assert summary is not None
    mean, deviation, quantiles = (
        np.array(each.numbers, dtype=float).reshape(each.shape)
        for each in (summary.mean, summary.standard_deviation, summary.quantiles)
    )
    outside = case.outside_of(runs, mean, deviation, quantiles)
    statistics = [point.partition(" at time ")[0] for point in outside]
    assert len(statistics) == len(set(statistics)), outside


def test_the_stochastic_judge_sees_a_wrong_mean_and_a_wrong_variance() -> None:
    case = read_stochastic(shared("sbml-test-suite", "cases", "stochastic", "00001"))
    noise = np.random.default_rng(1).standard_normal((400, *case.mean.shape))
    right = case.mean + case.deviation * (noise - noise.mean(axis=0)) / noise.std(axis=0, ddof=1)
    assert case.outside(right) == []
    assert any("mean" in point for point in case.outside(right + 0.5 * case.deviation))
    assert any("variance" in point for point in case.outside(case.mean + 2 * (right - case.mean)))
