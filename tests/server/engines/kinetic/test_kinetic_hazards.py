"""What libRoadRunner does that nobody expects, where no other file of tests has it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import DECAY, plain, run, source_of

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.integrate import Tolerances, integrate


def test_numpys_numbers_are_numbers(engine: KineticEngine) -> None:
    """`simulate()` refuses numpy's integers, and `setValue()` some of its floats."""
    program = engine.compile(source_of(DECAY))
    grid: Any = (np.int64(0), np.float64(2.0), np.int64(3))
    change = Change("k", np.float32(0.25))  # type: ignore[arg-type]
    table = integrate(program, [change], grid, ["[A]"], Tolerances(1e-9, 1e-12)).table
    np.testing.assert_allclose(table[:, 1], 10 * np.exp(-0.25 * table[:, 0]), rtol=1e-7)


@pytest.mark.parametrize("field", ["time_start", "time_end", "relative_tolerance"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_refused(engine: KineticEngine, field: str, value: float) -> None:
    """With an end of NaN libRoadRunner returns rows."""
    with pytest.raises(ValidationError) as caught:
        run(engine, DECAY, **{field: value})
    assert caught.value.place == field


def test_a_failure_leaves_nothing_to_the_next_request(engine: KineticEngine) -> None:
    text = "species A = 1; A => ; k/A; k = 0.01;"
    program = engine.compile(source_of(text))
    fine, stopped = {"time_end": 1.0, "outputs": ["A"]}, {"time_end": 10.0, "parameters": {"k": 1.0}}
    before = engine.run(engine.parse(fine), program)
    assert engine.run(engine.parse(stopped), program).status == "failed"
    after = engine.run(engine.parse(fine), program)
    assert plain(after) == plain(before)
    assert after.status == "completed"


def test_the_solvers_words_are_kept_with_the_result(
    engine: KineticEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    """CVODE warns on stdout, where a protocol may run."""
    result = run(engine, "species A = 1; A => ; 1/A;", time_end=10)
    assert capfd.readouterr() == ("", "")
    words = f"{result.message} {result.provenance.settings.get('solver_words')}"
    assert "step size" in words
