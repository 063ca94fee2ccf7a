"""Simulations of many kept cells at once: each cell has what it has alone."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx2
import numpy as np
import pytest

from bioxen.errors import UnknownIdentifierError, ValidationError
from bioxen.vm.hypervisor import BioXenHypervisor
from bioxen.vm.population_results import KineticPopulationResult

BIRTH_DEATH = "species S = 10; => S; birth; S => ; death*S; birth = 5; death = 0.1;"
GRID = {"kinetic_code": BIRTH_DEATH, "time_end": 2.0, "time_points": 3}
COUNT = 60


@pytest.fixture
def cells(http: httpx2.Client) -> Any:
    deltas: list[dict[str, Any]] = [{"parameters": {"birth": 1.0 + n}} for n in range(COUNT)]
    deltas[3] = {"initial_conditions": {"S": 40.0}, "seed": 5}
    names = [f"k-{number:02}" for number in range(COUNT)]
    specs = [
        {"vm_id": name, "biological_type": "ecoli", "config": {"delta": delta}}
        for name, delta in zip(names, deltas, strict=True)
    ]
    http.post("/vms/bulk", json={"action": "create", "cells": specs}).raise_for_status()
    http.post("/vms/bulk", json={"action": "start", "vm_ids": names}).raise_for_status()
    yield names
    http.post("/vms/bulk", json={"action": "destroy", "vm_ids": names}).raise_for_status()


def ask(http: httpx2.Client, names: list[str], code: str, **context: Any) -> httpx2.Response:
    return http.post("/vms/runs", json={"vm_ids": names, "process_code": code, "context": context})


def result_of(http: httpx2.Client, job: httpx2.Response) -> httpx2.Response:
    assert job.status_code == 202, job.text
    with http.stream("GET", f"{job.headers['location']}/events") as events:
        events.read()
    return http.get(f"{job.headers['location']}/result")


def alone(http: httpx2.Client, name: str, code: str, **context: Any) -> dict[str, Any]:
    answer = http.post(f"/vms/{name}/processes", json={"process_code": code, "context": context})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["service_results"]
    return found


def test_each_cell_has_what_it_has_alone(http: httpx2.Client, cells: list[str]) -> None:
    for code in ("kinetic_ode", "kinetic_ssa", "kinetic_tau_leaping"):
        job = ask(http, cells, code, **GRID, report="values")
        assert job.json()["parts_total"] == 2
        result = result_of(http, job).json()
        members = result["members"]
        assert (result["process_code"], members["status"]) == ("kinetic_batch", ["completed"] * COUNT)
        for number in (0, 3, 49, 50, 59):
            course = alone(http, cells[number], code, **GRID)["species_trajectories"]["[S]"]
            mine = members["values"]["numbers"][3 * number : 3 * number + 3]
            assert mine == (pytest.approx(course, rel=1e-5) if code == "kinetic_ode" else course)


def test_steady_states_and_one_seed_for_all(http: httpx2.Client, cells: list[str]) -> None:
    job = ask(http, cells[:9], "kinetic_steady_state", kinetic_code=BIRTH_DEATH)
    members = result_of(http, job).json()["members"]
    rests = [10.0 * (5.0 if n == 3 else 1.0 + n) for n in range(9)]
    assert members["features"]["numbers"] == pytest.approx(rests)
    same = [cells[0], cells[0], cells[1]]
    members = result_of(http, ask(http, same, "kinetic_ssa", **GRID, seed=9)).json()["members"]
    own = alone(http, cells[1], "kinetic_ssa", **GRID, seed=9)["final_state"]["[S]"]
    first, second, third = members["features"]["numbers"]
    assert first == second and third == own


@pytest.mark.parametrize(
    ("code", "context"),
    [
        ("kinetic_control", {}),
        ("kinetic_sensitivity", {"time_end": 2.0, "sensitivity_parameters": ["death"]}),
        ("kinetic_oscillation", {"time_end": 20.0, "time_points": 200, "outputs": ["S"]}),
        ("kinetic_continuation", {"parameter": "death", "lower": 0.05, "upper": 0.2}),
    ],
)
def test_each_cell_is_analysed_as_it_is_alone(
    http: httpx2.Client, cells: list[str], code: str, context: dict[str, Any]
) -> None:
    context["kinetic_code"] = BIRTH_DEATH
    job = ask(http, cells[:21], code, **context)
    assert job.json()["parts_total"] == 11
    result = result_of(http, job).json()
    assert result["members"]["status"] == ["completed"] * 21
    for number in (0, 3, 20):
        found = result["members"]["outcomes"][number]
        own = alone(http, cells[number], code, **context)
        assert found == {name: own[name] for name in found}


def test_numbers_by_reference_and_in_a_stream(http: httpx2.Client, cells: list[str]) -> None:
    finals = result_of(http, ask(http, cells, "kinetic_ssa", **GRID)).json()["members"]["features"]["numbers"]
    found = result_of(http, ask(http, cells, "kinetic_ssa", **GRID, encoding="reference")).json()
    file = http.get(found["members"]["features"]["reference"]["path"]).content
    assert np.load(io.BytesIO(file)).ravel().tolist() == finals
    variants = [{"parameters": {"birth": 1.0 + n}, "seed": n} for n in range(COUNT)]
    body = {"process_code": "kinetic_batch", "method": "ssa", "variants": variants, **GRID}
    whole = http.post("/compute/kinetic", json=body).json()["members"]["features"]["numbers"]
    with http.stream("POST", "/compute/kinetic/stream", json=body) as answer:
        events = [(event.event, json.loads(event.data)) for event in httpx2.EventSource(answer)]
    shards = sorted((data["offset"], data["result"]) for event, data in events if event == "shard")
    assert [offset for offset, _ in shards] == [0, 50]
    assert [x for _, part in shards for x in part["members"]["features"]["numbers"]] == whole


def test_a_cell_that_has_lived_goes_on_from_where_it_stands(http: httpx2.Client, cells: list[str]) -> None:
    call = {"process_code": "kinetic_ode", "context": GRID, "advance": True}
    for name in cells[:2]:
        http.post(f"/vms/{name}/processes", json=call).raise_for_status()
    members = result_of(http, ask(http, cells[:2], "kinetic_ode", **GRID)).json()["members"]
    assert members["times"][0] == 2.0
    for number in (0, 1):
        course = alone(http, cells[number], "kinetic_ode", **GRID)
        assert members["features"]["numbers"][number] == pytest.approx(course["final_state"]["[S]"], rel=1e-5)
    mixed = ask(http, cells[1:4], "kinetic_ode", **GRID)
    assert (mixed.status_code, mixed.json()["place"]) == (422, "vm_ids.1")
    assert "'k-02' differs from the first one in initial" not in mixed.text
    assert "'k-02' differs from the first one in time_end, time_start" in mixed.text


def test_what_a_population_refuses(http: httpx2.Client, cells: list[str]) -> None:
    for code in ("kinetic_scan", "kinetic_ensemble", "kinetic_petab", "kinetic_batch", "metabolic_batch"):
        problem = ask(http, cells, code).json()
        assert (problem["status"], problem["place"]) == (422, "process_code")
        assert {"kinetic_ode", "kinetic_control", "metabolic_fba"} < set(problem["details"]["processes"])
        assert code not in problem["details"]["processes"]
    report = ask(http, cells, "kinetic_control", kinetic_code=BIRTH_DEATH, report="summary")
    assert (report.status_code, report.json()["place"]) == (422, "vm_ids.0.report")
    stiff = ask(http, cells, "kinetic_ode", **GRID, integrator="lsoda")
    assert (stiff.status_code, stiff.json()["place"]) == (422, "context.integrator")
    wrong = ask(http, cells, "kinetic_ode", **GRID, report="fluxes")
    assert wrong.status_code == 422 and "report" in wrong.json()["place"]
    other = ask(http, cells[3:], "kinetic_ode", kinetic_code="species X = 1; X => ; X;")
    result_of(http, other)
    error = http.get(other.headers["location"]).json()["error"]
    assert (error["code"], error["place"]) == ("BX013", "variants.0.initial_conditions.S")


def test_the_error_of_a_population_names_the_cell(hypervisor: BioXenHypervisor) -> None:
    edits = [{"parameters": {"brith" if number == 55 else "birth": 1.0}} for number in range(COUNT)]
    population = hypervisor.population("ecoli", vary=edits, name="typo")
    try:
        with pytest.raises(UnknownIdentifierError) as wrong:
            population.run("kinetic_ode", GRID)
        assert wrong.value.place == "variants.55.parameters.brith"
    finally:
        population.destroy()


def test_a_population_simulates_in_python(hypervisor: BioXenHypervisor) -> None:
    population = hypervisor.population(
        "ecoli", n=COUNT, vary=lambda number: {"parameters": {"birth": 1.0 + number}}, name="sim"
    )
    try:
        told: list[int] = []
        result = population.run("kinetic_ode", GRID, seen=lambda job: told.append(job.parts_done))
        assert isinstance(result, KineticPopulationResult)
        assert told[-1] == 2 and set(result.status.values()) == {"completed"} and not result.failures
        final = result.feature("[S]")
        assert list(final) == population.vm_ids
        assert final["sim-60"] == pytest.approx(600 + (10 - 600) * 0.8187307530779818, rel=1e-5)
        frame = result.to_frame()
        assert (frame.index.name, frame.loc["sim-60", "final [S]"]) == ("vm_id", final["sim-60"])
        with pytest.raises(ValidationError, match="time courses"):
            result.course("sim-60", "[S]")
        with pytest.raises(ValidationError, match="did not report 'T'"):
            result.feature("T")
        chance = population.run("kinetic_ssa", {**GRID, "report": "values"})
        assert isinstance(chance, KineticPopulationResult)
        course = chance.course("sim-02", "[S]")
        assert course[0] == 10 and len(course) == 3
        assert list(chance.to_frame().query("vm_id == 'sim-02'")["[S]"]) == course
        with pytest.raises(ValidationError, match="simulation"):
            assert chance.outcomes
        control = population.run("kinetic_control", {"kinetic_code": BIRTH_DEATH})
        assert isinstance(control, KineticPopulationResult) and set(control.outcomes) == set(final)
        found = control.outcomes["sim-02"].control
        assert found is not None and found.fluxes == pytest.approx([2.0, 2.0])
        assert len(control.to_frame().loc["sim-02"]) == 2
        summed = population.run("kinetic_ssa", {**GRID, "report": "summary"})
        assert isinstance(summed, KineticPopulationResult) and summed.result.summary is not None
        with pytest.raises(ValidationError, match="summary says nothing of one cell"):
            assert summed.status
    finally:
        population.destroy()
