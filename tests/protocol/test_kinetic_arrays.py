"""Results as xarray Datasets and as frames with units, as a user of Tellurium takes them on."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import run

from bioxen.errors import MissingModuleError, ValidationError
from bioxen.protocol.kinetic import KineticResult
from bioxen.protocol.result import ProcessResult
from bioxen.server.engines.kinetic import KineticEngine

MODEL = """model twins
unit substance = 1e-3 mole; unit extent = substance; unit volume = litre; unit time_unit = second;
compartment C = 2; species S1 in C, S2 in C; S1 = 10; S2 = 0; R: S1 -> S2; k*S1*C; k = 0.1;
end"""
SCAN: dict[str, Any] = {"axes": {"k": {"values": [0.1, 0.2]}}, "time_end": 2.0, "time_points": 3}
BOTH: dict[str, Any] = {"outputs": ["S1", "[S1]", "R"]}


def result_of(code: str = "kinetic_scan", **fields: Any) -> KineticResult:
    return run(KineticEngine(), MODEL, code, **{**(SCAN if code == "kinetic_scan" else {}), **fields})


@pytest.mark.parametrize("encoding", ["numbers", "base64"])
def test_members_are_over_member_and_time_with_units(encoding: str) -> None:
    result = result_of(report="values", encoding=encoding, features=["final", "time_of_maximum"], **BOTH)
    dataset = result.to_xarray()
    assert dict(dataset.sizes) == {"member": 2, "time": 3}
    assert dataset["k"].values.tolist() == [0.1, 0.2] and dataset["time"].values.tolist() == [0, 1, 2]
    amount, concentration = dataset["S1"], dataset["[S1]"]
    assert (amount.attrs["units"], concentration.attrs["units"]) == ("mmol", "mmol/L")
    assert amount.values == pytest.approx(2 * concentration.values)
    assert dataset["R"].attrs["units"] == "mmol/s" and dataset["time"].attrs["units"] == "s"
    assert dataset["final S1"].values.tolist() == amount.isel(time=-1).values.tolist()
    assert dataset["time_of_maximum [S1]"].attrs["units"] == "s"


def test_a_frame_has_units() -> None:
    columns = result_of("kinetic_ode", **BOTH).to_frame()
    assert columns.attrs["units"] == {"time": "s", "S1": "mmol", "[S1]": "mmol/L", "R": "mmol/s"}
    features = result_of(features=["maximum", "period"], outputs=["[S1]"]).to_frame()
    units = features.attrs["units"]
    assert (units["maximum [S1]"], units["period [S1]"]) == ("mmol/L", "s")


def test_a_time_course_and_a_summary() -> None:
    course = result_of("kinetic_ode", time_points=5)
    found = course.to_xarray()["[S2]"]
    assert found.dims == ("time",) and found.values.tolist() == (course.species_trajectories or {})["[S2]"]
    result = result_of(report="summary", quantiles=[0.5], quantile_method="approximate", **BOTH)
    assert result.summary is not None
    summary = result.to_xarray()
    assert summary["quantiles"].dims == ("quantile", "time", "output")
    median = summary["quantiles"].sel(quantile=0.5, output="[S1]").values
    assert median == pytest.approx(summary["mean"].sel(output="[S1]").values, rel=0.005)
    assert summary["unit"].values.tolist() == ["mmol", "mmol/L", "mmol/s"]
    assert float(summary["accuracy"].max()) <= 0.005


def test_steady_states_and_control() -> None:
    pathway = "J1: => S; 10 - v*S; J2: S => ; 3*S; S = 1; v = 2;"
    fields: dict[str, Any] = {"axes": {"v": {"values": [2.0, 4.0]}}, "method": "control"}
    engine = KineticEngine()
    dataset = run(engine, pathway, "kinetic_scan", **fields).to_xarray()
    control = dataset["flux_control"].sel(reaction="J1", changed="J2")
    assert control.values == pytest.approx([2 / 5, 4 / 7])
    assert dataset["stable"].values.tolist() == [True, True]
    summary = run(engine, pathway, "kinetic_scan", report="summary", **fields).to_xarray()
    assert summary["mean"].dims == ("output",)
    assert float(summary["mean"].sel(output="[S]")) == pytest.approx((10 / 5 + 10 / 7) / 2)


def test_numbers_by_reference_need_to_be_loaded() -> None:
    result = result_of(report="values", **BOTH)
    plain = json.loads(result.model_dump_json())
    shape, loaded = plain["members"]["values"]["shape"], []
    for name in ("features", "values"):
        array = plain["members"][name]
        array["numbers"] = None
        array["reference"] = {"digest": "0" * 64, "size": 1, "path": "/arrays/0"}
    referred = ProcessResult(
        status="success",
        execution_type="service_based_computation",
        computation_service="dynamic",
        process_code="kinetic_scan",
        vm_id="a",
        biological_output="",
        execution_time=0.0,
        service_results=plain,
    )

    def load(array: Any) -> Any:
        loaded.append(array["reference"]["path"])
        return np.ones(array["shape"])

    assert referred.to_xarray(load)["S1"].shape == tuple(shape[:2])
    assert loaded == ["/arrays/0"] * 2
    with pytest.raises(ValidationError, match="kept as a file") as caught:
        referred.to_xarray()
    assert "to_xarray(hypervisor.load_array)" in str(caught.value.details["remedy"])


def test_what_has_no_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="no arrays"):
        result_of("kinetic_steady_state").to_xarray()
    batch = result_of("kinetic_batch", variants=[{}], analysis={"process_code": "kinetic_oscillation"})
    with pytest.raises(ValidationError, match="no arrays over all"):
        batch.to_xarray()
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingModuleError, match="xarray"):
        result_of().to_xarray()


def test_names_that_a_user_of_tellurium_gives() -> None:
    """`time` among the outputs is the one column or coordinate that is there anyway."""
    course = result_of("kinetic_ode", time_points=3, outputs=["time", "S1"])
    assert list(course.to_frame().columns) == ["time", "S1"]
    assert set(course.to_xarray().variables) == {"time", "S1"}
    members = result_of(report="values", outputs=["S1", "time", "[S1]"])
    frame, dataset = members.to_frame(), members.to_xarray()
    assert list(frame.columns) == ["member", "time", "S1", "[S1]"]
    assert frame["[S1]"].tolist() == dataset["[S1]"].values.ravel().tolist()


def test_what_is_varied_and_reported_has_two_names() -> None:
    axes = {"k": {"values": [0.1, 0.2]}, "S1": {"values": [1.0, 2.0]}}
    dataset = result_of(report="values", outputs=["k", "S1"], axes=axes).to_xarray()
    assert dataset["varied S1"].values.tolist() == [1.0, 2.0, 1.0, 2.0]
    assert dataset["S1"].dims == ("member", "time") and dataset["k"].dims == ("member", "time")
    named_so = "member = 0; member' = 1; status = 1; status' = 0"
    fields: dict[str, Any] = {**SCAN, "axes": {"status": {"values": [1.0, 2.0]}}, "report": "values"}
    odd = run(KineticEngine(), named_so, "kinetic_scan", outputs=["member"], **fields).to_xarray()
    assert odd["output member"].isel(time=-1).values == pytest.approx([2.0, 2.0])
    assert odd["varied status"].values.tolist() == [1.0, 2.0]


def test_a_rate_of_change_has_a_unit() -> None:
    units = result_of("kinetic_ode", outputs=["S1'", "S1"]).to_frame().attrs["units"]
    assert units == {"time": "s", "S1'": "mmol/s", "S1": "mmol"}
