"""Estimates: from sizes that are right, from what was seen, and refused where they cannot fit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bioxen.errors import ModelNotFoundError, ResourceExhaustionError
from bioxen.protocol.base import parse
from bioxen.protocol.jobs import Job
from bioxen.protocol.kinetic import (
    EnsembleRequest,
    EstimationRequest,
    KineticBatchRequest,
    KineticVariant,
    SensitivityRequest,
    TimeCourseRequest,
)
from bioxen.protocol.metabolic import (
    BatchRequest,
    DoubleGeneDeletionRequest,
    EssentialGenesRequest,
    FbaRequest,
    FvaRequest,
    Part,
    PhasePlaneRequest,
    SamplingRequest,
)
from bioxen.protocol.processes import PROCESSES
from bioxen.protocol.request import ComputeRequest
from bioxen.server.admission.estimator import ASSUMED, MIB, Estimator
from bioxen.server.admission.rates import NEW, Rates
from bioxen.server.admission.sizes import ModelSize, Sizes, measure
from bioxen.server.admission.work import work_of
from bioxen.server.bytecode.repository import Repository
from bioxen.server.cache.status import Seen
from bioxen.server.engines.metabolic.program import compile_program
from bioxen.server.jobs.estimates import Estimates

SIZE = ModelSize("m", reactions=10, species=6, genes=4, text=1000)
ENSEMBLE: dict[str, Any] = {"members": 2000, "method": "ssa"}


def test_a_models_size_is_what_the_engine_finds_in_it() -> None:
    repository = Repository()
    for name in ("textbook", "yeast_core"):
        source = repository.read(name)
        network, size = compile_program(source).network, measure(source.text, "")
        assert (size.reactions, size.species) == (len(network.reactions), len(network.metabolites))
        assert size.genes == len(network.genes)
    antimony = measure(repository.read("repressilator").text, "")
    assert (antimony.reactions, antimony.species) == (12, 6)
    json_text = '{"reactions": [{}, {}], "metabolites": [{}], "genes": [{}, {}, {}]}'
    assert measure(json_text, "k") == ModelSize("k", 2, 1, 3, len(json_text))
    assert measure("{broken", "").weight == 1


@pytest.mark.parametrize(
    ("request_", "units"),
    [
        (FbaRequest(), 1),
        (FvaRequest(), 10),
        (FvaRequest(reactions=["a", "b"]), 2),
        (EssentialGenesRequest(), 4),
        (DoubleGeneDeletionRequest(), 10),
        (DoubleGeneDeletionRequest(genes_a=["a", "b"], genes_b=["c", "d", "e"]), 6),
        (DoubleGeneDeletionRequest(part=Part(number=1, of=5)), 2),
        (PhasePlaneRequest(reactions=["a", "b"], points=7), 49),
        (SamplingRequest(samples=500), 500),
        (parse(BatchRequest, {"process_code": "metabolic_batch", "variants": [{}] * 30}), 30),
        (
            parse(
                BatchRequest,
                {
                    "process_code": "metabolic_batch",
                    "variants": [{}] * 3,
                    "analysis": {"process_code": "metabolic_fva"},
                },
            ),
            30,
        ),
        (TimeCourseRequest(), 1),
        (EnsembleRequest(**ENSEMBLE), 2000),
        (KineticBatchRequest(variants=[KineticVariant()] * 30), 30),
        (SensitivityRequest(sensitivity_parameters=["a", "b", "c"]), 6),
        (
            parse(
                EstimationRequest,
                {
                    "process_code": "kinetic_parameter_estimation",
                    "measured_times": [0.0, 1.0],
                    "measurements": {"A": [1.0, 2.0]},
                    "estimate": {name: {"lower": 0.0, "upper": 1.0} for name in ("k1", "k2")},
                    "starts": 4,
                },
            ),
            12,
        ),
    ],
)
def test_the_units_are_the_solves_that_are_asked_for(request_: ComputeRequest, units: int) -> None:
    assert work_of(request_, SIZE).units == units


def test_every_process_has_an_assumed_rate() -> None:
    families = {process.code.partition("_")[0] for process in PROCESSES}
    assert families <= set(ASSUMED)


def test_memory_grows_with_what_is_kept() -> None:
    def whole(**fields: Any) -> int:
        return work_of(
            parse(EnsembleRequest, {"process_code": "kinetic_ensemble", **ENSEMBLE, **fields}), SIZE
        ).whole_bytes

    assert whole(report="values", time_points=1001) > 100 * whole(report="features")
    assert whole(members=4000) == 2 * whole()
    assert whole(encoding="base64") < whole()
    counted: dict[str, Any] = {"report": "summary", "quantile_method": "approximate", "bins": 0}
    assert whole(members=1_000_000, **counted) == whole(members=2_000, **counted)
    assert whole(members=1_000_000, report="summary") > 50 * whole(members=1_000_000, **counted)


def test_the_newest_computations_count_most() -> None:
    rates = Rates()
    assert rates.get("a") is None
    rates.note(1.0, "a")
    rates.note(2.0, "a")
    assert rates.get("a") == pytest.approx(1.0 + NEW)


def test_an_estimate_is_assumed_until_something_was_measured() -> None:
    async def scene() -> None:
        estimator = Estimator()
        ten = parse(BatchRequest, {"process_code": "metabolic_batch", "variants": [{}] * 10})
        assert (await estimator.estimate(ten)).basis == "assumed"
        await estimator.learn(ten, 5.0)
        known = await estimator.estimate(ten)
        assert known.basis == "measured"
        assert known.seconds == pytest.approx(5.0)
        forty = ten.model_copy(update={"variants": ten.variants * 4})
        assert (await estimator.estimate(forty)).seconds == pytest.approx(20.0)
        # Another model: the same kind of work was measured, and its time grows with the model.
        sizes = Sizes(Repository())
        other = ten.model_copy(update={"model": "base_core"})
        share = (await sizes.of(other)).weight / (await sizes.of(ten)).weight
        scaled = await estimator.estimate(other)
        assert scaled.basis == "measured"
        assert scaled.seconds == pytest.approx(5.0 * share)
        assert (await estimator.estimate(FbaRequest())).basis == "assumed"

    asyncio.run(scene())


def test_what_cannot_fit_is_refused_with_estimate_and_limit() -> None:
    async def scene() -> None:
        wide = EnsembleRequest(**ENSEMBLE, report="values", time_points=10_001)
        with pytest.raises(ResourceExhaustionError, match="in a worker") as caught:
            await Estimator(worker_memory=MIB).admit(wide)
        assert caught.value.code == "BX009"
        assert caught.value.details["estimate"] > caught.value.details["limit"] == MIB
        with pytest.raises(ResourceExhaustionError, match="on this machine"):
            await Estimator(machine_memory=MIB).admit(wide)
        assert (await Estimator().admit(FbaRequest())).memory_bytes > 0
        with pytest.raises(ModelNotFoundError):
            await Estimator().admit(FbaRequest(model="nowhere"))

    asyncio.run(scene())


def job(job_id: str) -> Job:
    about: dict[str, Any] = {"job_id": job_id, "estimate": None}
    return Job.model_construct(**about)


def test_a_job_keeps_its_estimate_and_hits_teach_nothing() -> None:
    async def scene() -> None:
        estimator = Estimator()
        estimates = Estimates(estimator)
        await estimates.learn(FbaRequest(), 9.0, Seen("hit"))
        await estimates.learn(FbaRequest(), 9.0, Seen("shared"))
        first = await estimator.admit(FbaRequest())
        assert first.basis == "assumed"
        await estimates.learn(FbaRequest(), 9.0, Seen("miss"))
        estimates.keep("a", first)
        await estimates.recall("a", FbaRequest())
        await estimates.recall("b", FbaRequest())
        assert estimates.add_to(job("a")).estimate == first
        later = estimates.add_to(job("b")).estimate
        assert later is not None
        assert later.basis == "measured"
        assert later.seconds == pytest.approx(9.0)

    asyncio.run(scene())
