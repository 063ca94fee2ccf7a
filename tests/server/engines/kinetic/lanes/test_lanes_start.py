"""Given values: as if they were written into the model's text."""

from __future__ import annotations

import numpy as np
import pytest
from tests.server.engines.kinetic.lanes.native_calls import call
from tests.server.engines.kinetic.models import source_of

from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.initial import with_changes
from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.loader import from_antimony, load
from bioxen.server.engines.kinetic.noise import Noise
from bioxen.server.engines.kinetic.runner import Runner

MODEL = """
model derived
  compartment cell = 2, organelle;
  species A in cell = 3, B in cell, $C in cell = 5;
  substanceOnly species D in cell = 7;
  species E in organelle = 1;
  k = 0.5; scale = 2; doubled := 2 * k + A;
  organelle = cell / 4;
  B = scale * A + k;
  half = doubled / 2;
  grows = scale; grows' = k;
  R1: A -> B; k * A * cell;
  R2: B -> E; 0.1 * B * half;
  R3: C -> D; grows * C * cell;
end
"""
OVERRIDES = [
    {},
    {"k": 4.0},
    {"scale": 9.0},
    {"cell": 8.0},
    {"organelle": 3.0},
    {"A": 10.0},
    {"[A]": 10.0},
    {"B": 1.5},
    {"[B]": 1.5, "cell": 5.0},
    {"half": 0.25, "k": 3.0},
    {"grows": 11.0},
    {"C": 2.0, "D": 0.5, "[E]": 4.0, "scale": 3.0, "cell": 0.5},
]


@pytest.fixture(scope="module")
def sbml() -> str:
    return load(source_of(MODEL, "antimony")).sbml


@pytest.mark.parametrize("given", OVERRIDES, ids=str)
def test_as_written_into_the_text(sbml: str, given: dict[str, float]) -> None:
    program = build(sbml)
    runner = Runner(with_changes(sbml, [Change(name, value) for name, value in given.items()]), Noise())
    states, parameters = program.initial_values(given)
    for name, value in (
        *zip(program.states, states[0], strict=True),
        *zip(program.parameters, parameters[0], strict=True),
    ):
        if "." not in name:
            assert value == pytest.approx(runner.get(name), rel=1e-12), name


def test_each_member_has_its_own_values(sbml: str) -> None:
    program = build(sbml)
    k = np.array([0.5, 1.0, 2.0])
    states, parameters = program.initial_values({"k": k, "[A]": 1.0})
    assert states.shape == (3, len(program.states))
    assert parameters.shape == (3, len(program.parameters))
    for member, value in enumerate(k):
        alone = program.initial_values({"k": value, "[A]": 1.0})
        assert (states[member] == alone[0][0]).all()
        assert (parameters[member] == alone[1][0]).all()


def test_a_local_parameter_can_be_given() -> None:
    sbml = from_antimony("model m; species A = 2; q = 9; R: A -> ; 33 * A; end")
    own = '</math><listOfLocalParameters><localParameter id="q" value="0.5"/></listOfLocalParameters>'
    sbml = sbml.replace('<cn type="integer"> 33 </cn>', "<ci> q </ci>").replace("</math>", own)
    program = build(sbml)
    assert program.parameters[:2] == ("q", "default_compartment")
    states, parameters = program.initial_values({"R.q": 0.75})
    assert parameters[0, program.parameters.index("R.q")] == 0.75
    assert call(program.rates, program.width, 0.0, states[0], parameters[0], 1)[0, 0] == -1.5


@pytest.mark.parametrize(
    "given", [{"doubled": 1.0}, {"nothing": 1.0}, {"[k]": 1.0}, {"A": 1.0, "[A]": 1.0}], ids=str
)
def test_what_cannot_be_given_is_refused(sbml: str, given: dict[str, float]) -> None:
    with pytest.raises(Uncovered):
        build(sbml).initial_values(given)


def test_scale_of_tolerances_is_the_volume(sbml: str) -> None:
    program = build(sbml)
    scale = dict(zip(program.states, program.state_scale, strict=True))
    assert scale["A"] == 2.0
    assert scale["E"] == 0.5
    assert scale["grows"] == 1.0


def test_a_compartment_without_a_size_has_size_1() -> None:
    text = "model m; compartment c = 5; species A in c = 3; k = 2; A -> ; k * A * c; end"
    program = build(from_antimony(text).replace('size="5" ', ""))
    assert program.default_states.tolist() == [3.0]
    assert program.default_parameters[program.parameters.index("c")] == 1.0


def test_stoichiometry() -> None:
    program = build(
        load(source_of("model m; A = 1; B = 2; k = 1; 2 A -> 3 B; k * A; B -> ; k; end", "antimony")).sbml
    )
    assert program.stoichiometry is not None
    assert program.stoichiometry.tolist() == [[-2.0, 0.0], [3.0, -1.0]]
    assert program.integral_stoichiometry


def test_nothing_is_derived_from_what_an_event_changes() -> None:
    text = "model m; species A = 1; k = 2; j = 3; A -> ; A * k^2 * j^2; at A < 0.5: k = 4; end"
    program = build(load(source_of(text, "antimony")).sbml)
    prepared = program.prepared("rates")
    extended = prepared.extended(program.default_parameters[None, :])
    extended[0, program.parameters.index("k")] = 4.0
    rates = call(prepared.addresses["rates"], program.width, 0.0, program.default_states, extended[0], 1)
    assert rates[0, 0] == -144.0
