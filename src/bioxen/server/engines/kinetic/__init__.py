"""The kinetic engine: SBML and Antimony models on libRoadRunner, in Tellurium's terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import BaseModel

from bioxen._version import VERSION
from bioxen.errors import BioXenException, UnknownProcessError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import (
    ContinuationRequest,
    ControlRequest,
    EnsembleRequest,
    EstimationRequest,
    ExportRequest,
    KineticBatchRequest,
    KineticRequest,
    KineticResult,
    MorrisRequest,
    OscillationRequest,
    PetabRequest,
    ScanRequest,
    SensitivityRequest,
    SobolRequest,
    SteadyStateRequest,
    StochasticRequest,
    TauLeapingRequest,
    TimeCourseRequest,
)
from bioxen.protocol.processes import PROCESSES, find_process
from bioxen.protocol.provenance import Provenance
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.crossover import Crossover
from bioxen.server.engines.kinetic import loader, runner
from bioxen.server.engines.kinetic.answer import Answer
from bioxen.server.engines.kinetic.batch import batch
from bioxen.server.engines.kinetic.continuation import continuation
from bioxen.server.engines.kinetic.control import control
from bioxen.server.engines.kinetic.estimation import estimation
from bioxen.server.engines.kinetic.export import export
from bioxen.server.engines.kinetic.leaping import tau_leaping
from bioxen.server.engines.kinetic.measuring import MeasureRequest, measured
from bioxen.server.engines.kinetic.noise import Noise
from bioxen.server.engines.kinetic.oscillation import oscillation
from bioxen.server.engines.kinetic.petab import petab
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.sensitivity import sensitivity
from bioxen.server.engines.kinetic.ssa import ssa
from bioxen.server.engines.kinetic.steady_state import steady_state
from bioxen.server.engines.kinetic.study import study
from bioxen.server.engines.kinetic.time_course import time_course
from bioxen.server.engines.kinetic.warmth import warm_up
from bioxen.server.engines.signing import blank, encoded, filled_in

__all__ = ["KineticEngine"]

Analysis = Callable[[Any, Program], Answer]
_ANALYSES: dict[type[KineticRequest], Analysis] = {
    TimeCourseRequest: time_course,
    StochasticRequest: ssa,
    TauLeapingRequest: tau_leaping,
    SteadyStateRequest: steady_state,
    SensitivityRequest: sensitivity,
    EstimationRequest: estimation,
    KineticBatchRequest: batch,
    EnsembleRequest: study,
    ScanRequest: study,
    SobolRequest: study,
    MorrisRequest: study,
    ControlRequest: control,
    ContinuationRequest: continuation,
    OscillationRequest: oscillation,
    PetabRequest: petab,
    ExportRequest: export,
}
_DEFAULT_CODE = "kinetic_ode"
_BLANK = blank(KineticResult)
_TRAJECTORIES = "species_trajectories"


class KineticEngine:
    """Compiles kinetic models and answers every process of the dynamic service on them."""

    name = "kinetic"

    def __init__(self) -> None:
        self._noise = Noise()
        self._version = f"{runner.version()}, {loader.versions()}"

    @staticmethod
    def warm_up() -> None:
        """Have the machine code of the lanes at hand for every process forked from here."""
        warm_up()

    def version(self) -> str:
        """Return the versions of the libraries that read and compute."""
        return self._version

    def process_codes(self) -> tuple[str, ...]:
        """Return every code of the dynamic service."""
        return tuple(code for process in PROCESSES if process.service == "dynamic" for code in process.codes)

    def parse(self, payload: Mapping[str, Any]) -> KineticRequest:
        """Return the typed request; one without a process code is a time course."""
        code = payload.get("process_code", _DEFAULT_CODE)
        process = find_process(code) if isinstance(code, str) else None
        if process is None or process.service != "dynamic":
            raise UnknownProcessError(
                f"The kinetic engine computes no process {code!r}.",
                details={"place": "process_code", **did_you_mean(str(code), self.process_codes())},
            )
        return cast(KineticRequest, parse(process.request, payload))

    def compile(self, source: ModelSource) -> Program:
        """Return the warm program of `source`."""
        return Program(loader.load(source), self._noise, digest=source.digest, model_id=source.id)

    def measure(self, payload: Mapping[str, Any], program: Program) -> Crossover:
        """Return how fast members of a study run each way; raises as `run` does for that study."""
        asked = parse(MeasureRequest, payload)
        return measured(program, asked.study, gpu=asked.gpu)

    def run(self, request: BaseModel, program: Program) -> KineticResult:
        """Return the result of `request`; after an unforeseen fault the program starts cold."""
        answer = self._answer(request, program)
        columns = {} if answer.trajectories is None else {_TRAJECTORIES: answer.trajectories.columns()}
        return self._result(request, program, answer, columns)

    def run_encoded(self, request: BaseModel, program: Program) -> tuple[KineticResult, bytes]:
        """Return the result without its trajectories, and its JSON with them; raises as `run` does."""
        answer = self._answer(request, program)
        result = self._result(request, program, answer, {})
        text = encoded(result)
        if answer.trajectories is not None:
            text = filled_in(text, _TRAJECTORIES, answer.trajectories.to_json())
        return result, text

    def _answer(self, request: BaseModel, program: Program) -> Answer:
        try:
            return _ANALYSES[type(request)](request, program)  # type: ignore[index]  # `parse` made it
        except BioXenException:
            raise
        except Exception:
            program.forget()
            raise

    def _result(
        self, request: Any, program: Program, answer: Answer, columns: Mapping[str, Any]
    ) -> KineticResult:
        """Return the answer, with `columns`, as a result that says what computed it, from what, and how.

        Every field was checked when it was made, so nothing is checked again.
        """
        provenance = Provenance(
            model_id=program.model_id,
            model_digest=program.digest,
            engine=self.name,
            engine_version=self._version,
            bioxen_version=VERSION,
            settings=answer.settings,
            seed=answer.seed,
        )
        return _BLANK.model_copy(
            update={
                "process_code": request.process_code,
                "vm_id": request.vm_id,
                **answer.outcome(),
                **columns,
                "program_key": program.digest,
                "provenance": provenance,
            }
        )
