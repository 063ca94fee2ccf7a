"""Ensembles and scans at steady states: in lanes, on libRoadRunner, and beside single requests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import (
    DELAYED,
    GENE_EXPRESSION,
    KITCHEN_SINK,
    REPRESSILATOR,
    FloatArray,
    plain,
    run,
)

from bioxen.errors import ValidationError
from bioxen.protocol.kinetic import ControlMembers, KineticResult, Members, NumberArray
from bioxen.server.engines.kinetic import KineticEngine, resting, resting_lanes
from bioxen.server.engines.kinetic.lanes.steady.steady import SteadyStates, steady_states
from bioxen.server.engines.studies.arrays import read
from bioxen.server.engines.studies.conclude import joined

TOGGLE = """
species u = 1, v = 1;
=> u; a/(1 + v^2); u => ; u; => v; a/(1 + u^2); v => ; v; a = 10;
"""
"""Bistable: what is more at the start stays."""
PATHWAY = """
compartment C = 2; species $X in C = 10, S1 in C = 1, S2 in C = 1; species H in C, K in C; H = 3; K = 1;
J0: X -> S1; C*(k0*X - k1*S1); J1: S1 -> S2; C*v*S1/(m + S1); J2: S2 ->; C*k2*S2;
JC: H -> K; C*(0.3*H - 0.2*K);
k0 = 1; k1 = 0.5; v = 20; m = 5; k2 = 0.7;
"""
"""A branchless pathway beside a conserved cycle, in a compartment of size 2."""
RANGES = {"k0": (0.5, 1.5), "v": (15.0, 30.0)}


def study(ranges: dict[str, tuple[float, float]], method: str, **fields: Any) -> dict[str, Any]:
    uniform = {name: {"kind": "uniform", "lower": low, "upper": high} for name, (low, high) in ranges.items()}
    return {"distributions": uniform, "members": 70, "method": method, **fields}


def array(message: NumberArray | None) -> FloatArray:
    assert message is not None
    return read(message.model_dump())


def members_of(result: KineticResult) -> Members:
    assert result.members is not None, result.message
    return result.members


def control_of(result: KineticResult) -> ControlMembers:
    control = members_of(result).control
    assert control is not None
    return control


@pytest.mark.parametrize("model", [GENE_EXPRESSION, PATHWAY], ids=["gene expression", "pathway"])
def test_lanes_and_libroadrunner_find_the_same_states(engine: KineticEngine, model: str) -> None:
    ranges = RANGES if model is PATHWAY else {"k1": (5.0, 20.0), "d2": (0.1, 0.4)}
    request = study(ranges, "control", members=64)
    lanes = run(engine, model, "kinetic_ensemble", **request)
    alone = run(engine, model, "kinetic_ensemble", engine="libroadrunner", **request)
    mine, other = members_of(lanes), members_of(alone)
    assert mine.methods == {"lanes integration, then Newton": 64}
    assert other.methods == {"libRoadRunner integration, then Newton": 64}
    assert lanes.audit is not None
    assert (lanes.audit.members, lanes.audit.refused) == (2, 0)
    assert array(mine.features) == pytest.approx(array(other.features), rel=1e-8)
    assert mine.times == other.times == []
    assert mine.steady is not None
    assert other.steady is not None
    assert mine.steady.stable == other.steady.stable == [True] * 64
    assert mine.steady.settled == other.steady.settled == [True] * 64
    assert mine.steady.rightmost_real == pytest.approx(other.steady.rightmost_real, rel=1e-5)
    assert max(value or 0.0 for value in mine.steady.residual) < 1e-9
    one, two = control_of(lanes), control_of(alone)
    assert (one.species, one.reactions) == (two.species, two.reactions)
    for name in ("fluxes", "flux_control", "concentration_control"):
        expected = array(getattr(two, name))
        assert array(getattr(one, name)) == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)


def test_a_member_is_what_a_single_request_finds(engine: KineticEngine) -> None:
    result = run(engine, PATHWAY, "kinetic_ensemble", **study(RANGES, "control"))
    members, control = members_of(result), control_of(result)
    for index in (0, 41):
        changed = {name: members.varied[name][index] for name in RANGES}
        alone = run(engine, PATHWAY, "kinetic_control", parameters=changed)
        assert alone.control is not None
        assert control.species == alone.control.species
        assert control.reactions == alone.control.reactions
        scaled = np.array(alone.control.scaled_flux_control, dtype=float)
        assert array(control.flux_control)[index] == pytest.approx(scaled, abs=1e-6, nan_ok=True)
        scaled = np.array(alone.control.scaled_concentration_control, dtype=float)
        assert array(control.concentration_control)[index] == pytest.approx(scaled, abs=1e-6, nan_ok=True)
        assert array(control.fluxes)[index] == pytest.approx(np.array(alone.control.fluxes), abs=1e-9)
    flows = array(control.flux_control)[:, :3, :]
    assert flows.sum(axis=2) == pytest.approx(np.ones((70, 3)), abs=1e-9)


def test_each_member_goes_where_its_start_leads(engine: KineticEngine) -> None:
    """Newton's method alone would find either state, or the saddle between them."""
    request = {"axes": {"u": {"lower": 0.1, "upper": 9.0, "points": 70}}, "initial_conditions": {"v": 4.0}}
    result = run(engine, TOGGLE, "kinetic_scan", method="steady_state", outputs=["u"], **request)
    members = members_of(result)
    found = array(members.features)[:, 0, 0]
    above = np.array(members.varied["u"]) > 4.0
    assert 0 < above.sum() < 70
    assert (found[above] > 9).all()
    assert (found[~above] < 1).all()
    assert members.steady is not None
    assert all(members.steady.stable)


def test_a_state_that_the_model_does_not_settle_to_says_so(engine: KineticEngine) -> None:
    request = {"axes": {"b": {"lower": 3.0, "upper": 6.0, "points": 64}}}
    found = members_of(run(engine, REPRESSILATOR, "kinetic_scan", method="steady_state", **request))
    assert found.steady is not None
    assert not any(found.steady.stable)
    assert not any(found.steady.settled)
    failed = run(engine, REPRESSILATOR, "kinetic_scan", method="control", **request)
    assert failed.status == "failed"
    assert "unstable" in failed.message


PREY = "R1: -> x; a*x; R2: x -> y; b*x*y; R3: y -> ; c*y; a = 1; b = 0.5; c = 0.8; x = 1; y = 1;"


@pytest.mark.parametrize("start", [{}, {"x": 1.6, "y": 2.0}])  # on a cycle, and in its centre
def test_a_neutral_centre_has_no_control_coefficients(engine: KineticEngine, start: dict[str, float]) -> None:
    alone = run(engine, PREY, "kinetic_control", initial_conditions=start)
    assert (alone.status, alone.control) == ("failed", None)
    assert "centre" in alone.message
    axes = {"c": {"values": [0.8] * 64}}
    for solver in ("auto", "libroadrunner"):
        fields: dict[str, Any] = {"axes": axes, "engine": solver, "initial_conditions": start}
        found = run(engine, PREY, "kinetic_scan", method="control", **fields)
        assert found.status == "failed" and "centre" in found.message


def test_a_spiral_that_comes_to_rest_has_control_coefficients(engine: KineticEngine) -> None:
    damped = PREY.replace("a*x;", "a*x*(1 - x/100);", 1)
    found = run(engine, damped, "kinetic_control")
    assert found.steady_state is not None and found.steady_state.stable
    assert found.steady_state.eigenvalues[0].imaginary > 0
    assert found.control is not None


def test_members_without_control_have_null_for_it(engine: KineticEngine) -> None:
    """Where the loop is weak the repressilator settles; else its steady state is unstable."""
    request = {"axes": {"n": {"values": [1.0] * 32 + [3.0] * 32}}}
    for solver in ("auto", "libroadrunner"):
        found = run(engine, REPRESSILATOR, "kinetic_scan", method="control", engine=solver, **request)
        members = members_of(found)
        assert members.status == ["completed"] * 32 + ["failed"] * 32
        assert [rows for words, rows in members.failures.items() if "unstable" in words] == [
            list(range(32, 64))
        ]
        assert np.isnan(array(control_of(found).flux_control)[32:]).all()
        assert members.steady is not None
        assert members.steady.stable[31:33] == [True, None]


def test_a_lane_without_a_state_is_libroadrunners(
    engine: KineticEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_one(*given: Any, **named: Any) -> SteadyStates:
        found = steady_states(*given, **named)
        if len(found.status) > 1:
            found.status[5], found.states[5] = 1, np.nan
        return found

    expected = run(engine, PATHWAY, "kinetic_ensemble", **study(RANGES, "steady_state"))
    monkeypatch.setattr(resting_lanes, "steady_states", without_one)
    found = run(engine, PATHWAY, "kinetic_ensemble", **study(RANGES, "steady_state"))
    assert members_of(found).methods == {
        "lanes integration, then Newton": 68,
        "libRoadRunner integration, then Newton, lane stopped: no steady state found": 2,
    }
    assert array(members_of(found).features) == pytest.approx(array(members_of(expected).features), rel=1e-8)


def test_a_block_that_fails_its_audit_is_libroadrunners(
    engine: KineticEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "BOUND", -1.0)
    found = run(engine, GENE_EXPRESSION, "kinetic_ensemble", **study({"k1": (5.0, 20.0)}, "steady_state"))
    assert found.audit is not None
    assert found.audit.refused == 70
    label = "libRoadRunner integration, then Newton, lanes failed the audit"
    assert members_of(found).methods == {label: 70}


@pytest.mark.parametrize("report", ["features", "summary"])
def test_parts_join_to_the_bytes_of_the_whole(engine: KineticEngine, report: str) -> None:
    fields = study(RANGES, "control", report=report, encoding="base64", quantiles=[0.5])
    whole = run(engine, PATHWAY, "kinetic_ensemble", **fields)
    request = engine.parse({"process_code": "kinetic_ensemble", **fields})
    parts = [
        run(engine, PATHWAY, "kinetic_ensemble", part={"first": first, "count": count}, **fields)
        for first, count in (((33, 37), (0, 33)) if report == "features" else ((50, 20), (0, 50)))
    ]
    found = joined(request, [part.model_dump() for part in parts])  # type: ignore[arg-type]
    assert KineticResult.model_validate(found).model_dump_json() == plain(whole)


def test_a_summary_counts_what_is_stable(engine: KineticEngine) -> None:
    request = {"axes": {"n": {"values": [1.0] * 40 + [3.0] * 30}}, "report": "summary"}
    summary = run(engine, REPRESSILATOR, "kinetic_scan", method="steady_state", **request).summary
    assert summary is not None
    assert summary.steady is not None
    steady = summary.steady
    assert (steady.stable, steady.unstable, steady.undecided, steady.settled) == (40, 30, 0, 40)


@pytest.mark.parametrize(
    ("model", "fields", "place"),
    [
        (DELAYED, {"method": "steady_state"}, "process_code"),
        (KITCHEN_SINK, {"method": "control"}, "process_code"),
        (GENE_EXPRESSION, {"method": "steady_state", "report": "values"}, "report"),
        (GENE_EXPRESSION, {"method": "control", "features": ["mean"]}, "features"),
    ],
)
def test_bad_input_is_named(engine: KineticEngine, model: str, fields: dict[str, Any], place: str) -> None:
    name = "k1" if model is GENE_EXPRESSION else "P" if model is DELAYED else "k"
    axes = {name: {"values": [1.0, 2.0]}}
    with pytest.raises(ValidationError) as caught:
        run(engine, model, "kinetic_scan", axes=axes, **fields)
    assert caught.value.details["place"] == place
