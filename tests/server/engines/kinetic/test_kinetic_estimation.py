"""Estimation over experiments, noise models and profiles, and PEtab problems."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2
from tests.server.engines.kinetic.models import DECAY, run, source_of
from tests.shared_data import shared

from bioxen.errors import UnknownIdentifierError, ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import Estimation, PetabRequest
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.petab import read

LINE = "x = 0; x' = k; k = 1;"
TIMES = [0.0, 1.0, 2.0, 3.0, 4.0]
MEASURED = [0.1, 1.9, 4.2, 5.8, 8.1]
RANGE = {"k": {"lower": 0.0, "upper": 10.0, "scale": "linear"}}


def fit(engine: KineticEngine, text: str, /, **request: Any) -> Estimation:
    result = run(engine, text, "kinetic_parameter_estimation", **request)
    assert result.estimation is not None, result.message
    return result.estimation


@pytest.mark.parametrize("engine_name", ["lanes", "libroadrunner"])
def test_parameters_that_act_as_a_product_have_no_standard_error(
    engine: KineticEngine, engine_name: str
) -> None:
    """Differences never see two slopes as exactly parallel; what they are off is no knowledge."""
    found = fit(
        engine,
        "S = 10; S => ; k*m*S; k = 0.1; m = 1;",
        measured_times=[5.0, 10.0, 20.0],
        measurements={"[S]": [6.07, 3.68, 1.35]},
        estimate={"k": {"lower": 0.001, "upper": 1.0}, "m": {"lower": 0.1, "upper": 10.0}},
        starts=1,
        engine=engine_name,
    )
    assert found.parameters["k"].value * found.parameters["m"].value == pytest.approx(0.1, rel=1e-3)
    assert [one.standard_error for one in found.parameters.values()] == [None, None]


def test_a_parameter_without_influence_hides_no_other(engine: KineticEngine) -> None:
    request: dict[str, Any] = {
        "measured_times": TIMES,
        "measurements": {"x": MEASURED},
        "noise": {"x": {"sigma": 0.3}},
        "starts": 1,
    }
    idle = {"idle": {"lower": 0.0, "upper": 1.0}}
    alone = fit(engine, LINE, estimate=RANGE, **request).parameters
    both = fit(engine, f"{LINE} idle = 0.5;", estimate=RANGE | idle, **request).parameters
    assert both["k"].standard_error == pytest.approx(alone["k"].standard_error, rel=1e-6)
    assert both["idle"].standard_error is None


def test_known_noise_gives_the_textbooks_error_and_interval(engine: KineticEngine) -> None:
    """For a line the profile is a parabola: the interval is the estimate ± √quantile · sigma/√Σt²."""
    sigma = 0.3
    found = fit(
        engine,
        LINE,
        measured_times=TIMES,
        measurements={"x": MEASURED},
        estimate=RANGE,
        noise={"x": {"sigma": sigma}},
        profile=["k"],
        confidence=0.9,
        starts=1,
    )
    t, y = np.array(TIMES), np.array(MEASURED)
    slope, error = (t @ y) / (t @ t), sigma / math.sqrt(t @ t)
    assert found.parameters["k"].standard_error == pytest.approx(error, rel=1e-5)
    assert found.sum_of_squares == pytest.approx((((y - slope * t) / sigma) ** 2).sum(), rel=1e-6)
    assert found.profiles is not None
    profile, width = found.profiles["k"], math.sqrt(chi2.ppf(0.9, 1)) * error
    assert (profile.lower, profile.upper) == pytest.approx((slope - width, slope + width), rel=1e-4)
    assert profile.values == sorted(profile.values)


def test_an_open_profile_says_so(engine: KineticEngine) -> None:
    """Only k·g is determined: neither has an interval inside its range."""
    found = fit(
        engine,
        "x = 0; x' = k*g; k = 1; g = 1;",
        measured_times=TIMES,
        measurements={"x": [2 * time for time in TIMES]},
        noise={"x": {"sigma": 0.1}},
        estimate={"k": {"lower": 0.5, "upper": 3.0}, "g": {"lower": 0.1, "upper": 10.0}},
        profile=["k"],
        starts=1,
    )
    assert found.profiles is not None
    assert (found.profiles["k"].lower, found.profiles["k"].upper) == (None, None)


def test_experiments_share_parameters_and_keep_their_conditions(engine: KineticEngine) -> None:
    def experiment(name: str, start: float) -> dict[str, Any]:
        values = [start * math.exp(-0.3 * time) for time in TIMES]
        return {
            "name": name,
            "measured_times": TIMES,
            "measurements": {"[A]": values},
            "initial_conditions": {"A": start},
        }

    found = fit(
        engine,
        DECAY,
        experiments=[experiment("low", 1.0), experiment("high", 20.0)],
        estimate={"k": {"lower": 0.01, "upper": 10.0}},
        starts=2,
    )
    assert found.parameters["k"].value == pytest.approx(0.3, rel=1e-6)
    assert found.residuals is None
    assert found.experiments is not None
    assert [one.name for one in found.experiments] == ["low", "high"]
    assert found.experiments[1].simulated["[A]"][0] == 20.0


@pytest.mark.parametrize("kind", ["relative", "log"])
def test_noise_weighs_residuals(engine: KineticEngine, kind: str) -> None:
    """With two outliers the optimum of each noise model is known from its own equation."""
    times, measured = [1.0, 2.0], [1.0, 4.0]
    found = fit(
        engine,
        LINE,
        measured_times=times,
        measurements={"x": measured},
        estimate=RANGE,
        noise={"x": {"kind": kind, "sigma": 0.1}},
        starts=1,
    )
    t, y = np.array(times), np.array(measured)
    expected = (t / y).sum() / ((t / y) ** 2).sum() if kind == "relative" else math.exp(np.log(y / t).mean())
    assert found.parameters["k"].value == pytest.approx(expected, rel=1e-5)


def test_bad_estimations_are_named(engine: KineticEngine) -> None:
    with pytest.raises(ValidationError, match="either measured_times"):
        fit(engine, LINE, estimate=RANGE)
    with pytest.raises(ValidationError, match="no log noise"):
        fit(
            engine,
            LINE,
            measured_times=TIMES,
            measurements={"x": [0.0, 1.0, 2.0, 3.0, 4.0]},
            estimate=RANGE,
            noise={"x": {"kind": "log", "sigma": 0.1}},
        )
    with pytest.raises(UnknownIdentifierError) as caught:
        experiment = {"name": "a", "measured_times": TIMES, "measurements": {"y": MEASURED}}
        fit(engine, LINE, experiments=[experiment], estimate=RANGE)
    assert caught.value.place == "experiments.0.measurements.y"


# PEtab.

CONDITIONS = "conditionId\tA\tk\nlow\t1\tk_low\nhigh\t20\t0.4\n"
OBSERVABLES = (
    "observableId\tobservableFormula\tnoiseFormula\tobservableTransformation\tnoiseDistribution\n"
    "seen\tobservableParameter1_seen * A\tnoiseParameter1_seen\tlin\tnormal\n"
    "logged\tA + offset\t0.2\tlog10\tlaplace\n"
)
MEASUREMENTS = (
    "observableId\tsimulationConditionId\tmeasurement\ttime\tobservableParameters\tnoiseParameters\n"
    "seen\tlow\t2.1\t0\tscale\tsd\nseen\tlow\t1.0\t2\tscale\tsd\nseen\thigh\t9.0\t2\t1\t0.5\nlogged\thigh\t10\t1\t\t\n"
)
PARAMETERS = (
    "parameterId\tparameterScale\tlowerBound\tupperBound\tnominalValue\testimate\n"
    "k_low\tlog10\t0.001\t10\t0.3\t1\nscale\tlin\t0\t10\t2\t1\nsd\tlin\t0.01\t1\t0.1\t0\noffset\tlin\t-1\t1\t0.5\t0\n"
)


def petab_request(**fields: Any) -> PetabRequest:
    tables = {
        "condition_table": CONDITIONS,
        "observable_table": OBSERVABLES,
        "measurement_table": MEASUREMENTS,
        "parameter_table": PARAMETERS,
    }
    return parse(PetabRequest, {**tables, **fields})


def test_a_petab_objective_by_hand(engine: KineticEngine) -> None:
    result = engine.run(petab_request(), engine.compile(source_of(DECAY)))
    assert result.petab is not None, result.message
    simulated = [2.0, 2 * math.exp(-0.6), 20 * math.exp(-0.8), 20 * math.exp(-0.4) + 0.5]
    assert result.petab.simulated == pytest.approx(simulated, rel=1e-7)
    residuals = [(2.0 - 2.1) / 0.1, (simulated[1] - 1.0) / 0.1, (simulated[2] - 9) / 0.5]
    expected = sum(
        -0.5 * math.log(2 * math.pi * sigma**2) - 0.5 * residual**2
        for residual, sigma in zip(residuals, (0.1, 0.1, 0.5), strict=True)
    )
    last = (math.log10(simulated[3]) - 1) / 0.2
    expected += -math.log(2 * 0.2 * 10 * math.log(10)) - abs(last)
    assert result.petab.log_likelihood == pytest.approx(expected, rel=1e-7)


def test_a_petab_fit_is_no_worse_than_its_start(engine: KineticEngine) -> None:
    program = engine.compile(source_of(DECAY))
    start, best = (engine.run(petab_request(fit=fit), program).petab for fit in (False, True))
    assert start is not None
    assert best is not None
    assert best.log_likelihood > start.log_likelihood
    a, b = best.parameters["scale"], best.parameters["k_low"]
    assert (a, a * math.exp(-2 * b)) == pytest.approx((2.1, 1.0), rel=1e-4)
    assert best.parameters["sd"] == 0.1


def test_the_boehm_problem_has_its_likelihood(engine: KineticEngine) -> None:
    """Against the tables' own simulation, scored by the petab package."""
    from petab.v1 import get_measurement_df, get_observable_df, get_parameter_df
    from petab.v1.calculate import calculate_llh

    folder, name = shared("petab", "Boehm_JProteomeRes2014"), "Boehm_JProteomeRes2014"
    request = read(folder / f"{name}.yaml")
    program = engine.compile(source_of(request.kinetic_code or "", "sbml"))
    result = engine.run(request, program)
    assert result.petab is not None, result.message
    measured = get_measurement_df(str(folder / f"measurementData_{name}.tsv"))
    table = [line.split("\t") for line in (folder / f"simulatedData_{name}.tsv").read_text().splitlines()]
    simulation = [float(row[table[0].index("simulation")]) for row in table[1:]]
    assert result.petab.simulated == pytest.approx(simulation, abs=1e-5)
    simulated = measured.rename(columns={"measurement": "simulation"}).assign(simulation=simulation)
    expected = calculate_llh(
        measured,
        simulated,
        get_observable_df(str(folder / f"observables_{name}.tsv")),
        get_parameter_df(str(folder / f"parameters_{name}.tsv")),
    )
    assert result.petab.log_likelihood == pytest.approx(expected, abs=1e-5)
    assert result.petab.log_likelihood == pytest.approx(-138.22, abs=0.01)


@pytest.mark.parametrize(
    ("fields", "error", "place"),
    [
        ({"values": {"k_lo": 1.0}}, UnknownIdentifierError, "values.k_lo"),
        (
            {"observable_table": OBSERVABLES.replace("offset", "nothing")},
            UnknownIdentifierError,
            "observable_table",
        ),
        (
            {"measurement_table": MEASUREMENTS.replace("high", "higher")},
            ValidationError,
            "measurement_table.2",
        ),
        ({"measurement_table": MEASUREMENTS.replace("\t2\tscale", "\tinf\tscale")}, ValidationError, "time"),
        (
            {"condition_table": CONDITIONS.replace("\tk\n", "\tq\n")},
            UnknownIdentifierError,
            "condition_table.q",
        ),
        ({"parameter_table": "nothing\n1\n"}, ValidationError, "parameter_table"),
        ({"parameter_table": PARAMETERS.replace("log10", "log2")}, ValidationError, "parameter_table"),
        (
            {"parameter_table": PARAMETERS + "ofset\tlin\t-1\t1\t0.5\t1\n"},
            UnknownIdentifierError,
            "parameter_table.ofset",
        ),
        (
            {"measurement_table": MEASUREMENTS.replace("observableId", "observable")},
            ValidationError,
            "measurement_table",
        ),
        (
            {"measurement_table": MEASUREMENTS.replace("\t1.0\t", "\tx\t")},
            ValidationError,
            "measurement_table",
        ),
        ({"observable_table": OBSERVABLES.replace("laplace", "cauchy")}, ValidationError, "observable_table"),
    ],
)
def test_a_malformed_problem_is_named(
    engine: KineticEngine, fields: dict[str, Any], error: type[Exception], place: str
) -> None:
    with pytest.raises(error) as caught:
        engine.run(petab_request(**fields), engine.compile(source_of(DECAY)))
    assert getattr(caught.value, "place", None) == place
