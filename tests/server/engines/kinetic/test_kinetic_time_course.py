"""Deterministic time courses against analysis, against plain libRoadRunner, and against COPASI."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import roadrunner
from tests.server.engines.kinetic.models import DECAY, GENE_EXPRESSION, REPRESSILATOR, run, series, source_of
from tests.shared_data import shared

from bioxen.server.engines.base import Engine
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.loader import from_antimony

BIOMODELS = ("0003", "0005", "0010", "0012", "0035", "0051", "0061", "0064", "0205", "0297")


def test_it_is_an_engine(engine: KineticEngine) -> None:
    assert isinstance(engine, Engine)
    assert "libRoadRunner 2." in engine.version()
    assert "kinetic_gene_expression" in engine.process_codes()


def test_decay_is_exponential(engine: KineticEngine) -> None:
    result = run(engine, DECAY, time_end=8, time_points=9, relative_tolerance=1e-10)
    expected = 10 * np.exp(-0.5 * np.arange(9))
    assert result.time_vector == list(map(float, range(9)))
    np.testing.assert_allclose(series(result, "[A]"), expected, rtol=1e-7)
    assert result.final_state == {"[A]": series(result, "[A]")[-1]}
    assert result.provenance.settings["method"] == "cvode_bdf"
    assert result.provenance.settings["kisao"] == "KISAO:0000288"


def test_models_are_compiled_by_lljit(engine: KineticEngine) -> None:
    config = roadrunner.Config
    assert engine.version()
    assert config.getValue(config.LLVM_BACKEND) == config.LLJIT


@pytest.mark.parametrize("model", [GENE_EXPRESSION, REPRESSILATOR], ids=["gene expression", "repressilator"])
def test_same_numbers_as_plain_libroadrunner(engine: KineticEngine, model: str) -> None:
    plain = roadrunner.RoadRunner(from_antimony(model))
    plain.integrator.relative_tolerance, plain.integrator.absolute_tolerance = 1e-6, 1e-12
    expected = np.array(plain.simulate(0, 50, 201))
    result = run(engine, model, time_end=50, time_points=201)
    assert result.species_trajectories is not None
    assert list(result.species_trajectories) == plain.timeCourseSelections[1:]
    np.testing.assert_array_equal(np.array(list(result.species_trajectories.values())).T, expected[:, 1:])


@pytest.mark.parametrize("number", BIOMODELS)
def test_copasi_agrees(engine: KineticEngine, number: str) -> None:
    name = f"BIOMD000000{number}"
    program = engine.compile(source_of(shared("kinetic", "biomodels", f"{name}.xml").read_text(), "sbml"))
    with shared("kinetic", "ref_copasi", f"{name}.csv").open() as file:
        header, *rows = csv.reader(file)
    expected = np.array(rows, dtype=float)
    request = engine.parse(
        {
            "time_end": expected[-1, 0],
            "time_points": len(expected),
            "outputs": [program.facts.species[species].natural for species in header[1:]],
            "relative_tolerance": 1e-9,
            "absolute_tolerance": 1e-14,
        }
    )
    result = engine.run(request, program)
    assert result.species_trajectories is not None, result.message
    got = np.array(list(result.species_trajectories.values())).T
    floor = 1e-6 * np.abs(expected[:, 1:]).max(axis=0)
    np.testing.assert_array_less(
        np.abs(got - expected[:, 1:]), 1e-4 * np.abs(expected[:, 1:]) + 1e-4 * floor + 1e-300
    )


def test_amounts_and_concentrations_have_different_names(engine: KineticEngine) -> None:
    model = "compartment V = 4; species A in V; A = 2; A => ; 0*A; substanceOnly species N in V; N = 8;"
    assert run(engine, model).final_state == {"[A]": 2.0, "N": 8.0}
    assert run(engine, model, outputs=["A", "[N]", "V"]).final_state == {"A": 8.0, "[N]": 2.0, "V": 4.0}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("unit volume = litre;", {"c": "L"}),
        ("unit substance = 1e-3 mole;", {"D": "mmol"}),
        (
            "unit substance = item; unit volume = litre;",
            {"c": "L", "S": "item", "D": "item", "[S]": "item/L", "[D]": "item/L"},
        ),
    ],
)
def test_what_a_model_leaves_open_has_no_unit(
    engine: KineticEngine, declared: str, expected: dict[str, str]
) -> None:
    """An amount is no volume because the substance has no unit, and a concentration no amount."""
    species = "compartment c = 2; species S in c = 3; substanceOnly species D in c = 2; S => ; S;"
    model = f"model m {declared} {species} end"
    result = run(engine, model, time_end=1.0, time_points=2, outputs=["S", "[S]", "D", "[D]", "c"])
    assert result.output_units == expected


def test_declared_units_are_reported(engine: KineticEngine) -> None:
    model = """unit nM = 1e-9 mole/litre; unit nmol = 1e-9 mole; unit substance = nmol; unit volume = litre;
    unit per_minute = 1/(60 second);
    compartment V = 1; species A in V; A = 1 nM; A => ; k*A*V; k = 1 per_minute; free = 3;"""
    result = run(engine, model, outputs=["[A]", "A", "k", "free"])
    assert result.output_units == {"[A]": "nmol/L", "A": "nmol", "k": "1/min"}


def test_a_singular_rate_fails_without_numbers(engine: KineticEngine) -> None:
    """Plain libRoadRunner answers -1e34 here, with a warning on stdout."""
    result = run(engine, "species A = 1; A => ; 1/A;", time_end=10)
    assert result.status == "failed"
    assert "step size shrank to nothing at time 0.49999" in result.message
    assert (result.species_trajectories, result.time_vector, result.final_state) == (None, None, None)


def test_growth_without_limit_fails(engine: KineticEngine) -> None:
    assert run(engine, "A = 1; A' = A^2;", time_end=10).status == "failed"


def test_a_derived_value_that_is_no_number_is_null_and_said(engine: KineticEngine) -> None:
    result = run(
        engine, "species A = 1; A => ; A; c := 1/time;", time_end=2, time_points=3, outputs=["c", "[A]"]
    )
    assert result.species_trajectories is not None
    assert result.species_trajectories["c"][0] is None
    assert result.status == "completed"
    assert "null there): c" in result.message


def test_c_libraries_stay_quiet(engine: KineticEngine, capfd: pytest.CaptureFixture[str]) -> None:
    run(engine, "A = 1; A' = A^2;", time_end=10)
    assert capfd.readouterr() == ("", "")
