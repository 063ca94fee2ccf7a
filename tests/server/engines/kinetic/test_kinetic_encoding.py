"""The engine writes trajectories straight from their array: the bytes are those of the whole message."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.server.engines.kinetic.models import BIRTH_DEATH, KITCHEN_SINK, REPRESSILATOR, source_of

from bioxen.protocol.kinetic import KineticResult
from bioxen.server.engines.base import EncodingEngine
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.outputs import trajectories_of
from bioxen.server.engines.signing import blank, filled_in

_COLUMNS = TypeAdapter(dict[str, list[float | None]])
GAP = "species S = 1; S => ; k*S; k = 1; q := 1/(time - 1);"
"""Its q is infinite at time 1."""


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (REPRESSILATOR, {"process_code": "kinetic_ode", "time_points": 101}),
        (KITCHEN_SINK, {"process_code": "kinetic_ode", "time_points": 7}),
        (GAP, {"process_code": "kinetic_ode", "time_end": 2.0, "time_points": 3, "outputs": ["S", "q"]}),
        (BIRTH_DEATH, {"process_code": "kinetic_ssa", "time_points": 11, "seed": 3}),
        (BIRTH_DEATH, {"process_code": "kinetic_tau_leaping", "time_points": 11, "seed": 3}),
        (BIRTH_DEATH, {"process_code": "kinetic_steady_state"}),
        ("species S = 1; S' = S^2;", {"process_code": "kinetic_ode", "time_end": 2.0}),
    ],
)
def test_the_bytes_are_those_of_the_whole_result(
    engine: KineticEngine, text: str, asked: dict[str, object]
) -> None:
    assert isinstance(engine, EncodingEngine)
    program = engine.compile(source_of(text))
    request = engine.parse(asked)
    whole = engine.run(request, program)
    _, written = engine.run_encoded(request, program)
    assert written == whole.model_dump_json().encode()
    assert KineticResult.model_validate_json(written) == whole


def test_a_gap_is_null_and_told(engine: KineticEngine) -> None:
    request = engine.parse({"time_end": 2.0, "time_points": 3, "outputs": ["S", "q"]})
    result = KineticResult.model_validate_json(engine.run_encoded(request, engine.compile(source_of(GAP)))[1])
    assert result.species_trajectories is not None
    assert result.species_trajectories["q"] == [pytest.approx(-1.0), None, pytest.approx(1.0)]
    assert result.message.endswith("(null there): q.")


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_every_number_has_the_digits_that_pydantic_writes(numbers: list[float]) -> None:
    table = np.column_stack([np.arange(len(numbers)), numbers, np.zeros(len(numbers))])
    made = trajectories_of(table, ["[S]", "Größe"])
    column = [one if math.isfinite(one) else None for one in numbers]
    columns: dict[str, list[float | None]] = {"[S]": column, "Größe": [0.0] * len(numbers)}
    assert made.columns() == columns
    assert list(made.gaps) == ([] if all(map(math.isfinite, numbers)) else ["[S]"])
    assert made.to_json() == _COLUMNS.dump_json(columns)


def test_words_that_look_like_the_field_stay_as_they_are() -> None:
    result = blank(KineticResult).model_copy(update={"message": '"species_trajectories":null'})
    kept = {"message", "species_trajectories"}
    empty = result.model_dump_json(include=kept).encode()
    filled = filled_in(empty, "species_trajectories", b'{"S":[1.0]}')
    read = result.model_copy(update={"species_trajectories": {"S": [1.0]}})
    assert filled == read.model_dump_json(include=kept).encode()


def test_a_field_that_has_a_value_is_not_filled_in() -> None:
    with pytest.raises(ValueError, match="no empty field"):
        filled_in(b'{"species_trajectories":{}}', "species_trajectories", b"{}")
