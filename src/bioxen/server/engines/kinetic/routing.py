"""Where the members of a study run: it follows from the model and the request, which brings its route."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.protocol.kinetic import MembersRequest, SampledRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.crossover import BY_RULE, reaches, wants_gpu
from bioxen.server.engines.kinetic.members import Study
from bioxen.server.engines.kinetic.rest import Settled
from bioxen.server.engines.kinetic.ssa import Stochastic, needs_lanes

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.laned import Lanes
    from bioxen.server.engines.kinetic.resting_lanes import RestingLanes

_EXACT = "Use the direct method: `kinetic_ssa`, or the method 'ssa' of an ensemble or a scan."
L = TypeVar("L")


def lanes_for(request: MembersRequest, study: Study) -> tuple[Lanes | None, str]:
    """Return the lanes of `study`, or `None` and why libRoadRunner runs it.

    Raises:
        InvalidModelError: the request insists on lanes, or its method does, which do not run the model.
        ValidationError: what the request insists on does not know its method.
    """
    if isinstance(study.how, Stochastic) and study.how.epsilon is not None:
        if request.engine in {"libroadrunner", "gpu"}:
            raise _no_method(request.engine, "tau-leaping", "Leave `engine` out, or use the method 'ssa'.")
        return lanes_alone(study, "method"), ""
    if isinstance(study.how, Stochastic) and needs_lanes(study.program):
        if request.engine == "libroadrunner":
            raise _unsound()
        return _insisted(lambda: _lanes(study), "method", "Use the method 'ode'."), ""
    return _chosen(request, lambda: _lanes(study, gpu=wants_gpu(request)))


def resting_lanes_for(
    request: MembersRequest, study: Study, order: tuple[list[str], list[str]]
) -> tuple[RestingLanes | None, str]:
    """Return the lanes of a study of steady states, or `None` and why libRoadRunner runs it.

    Raises:
        InvalidModelError: the request insists on lanes, which do not run the model.
        ValidationError: the request insists on a GPU.
    """
    if request.engine == "gpu":
        raise _no_method("gpu", "steady states", "Leave `engine` out.")

    def made() -> RestingLanes:
        from bioxen.server.engines.kinetic.resting_lanes import RestingLanes  # late: needs a compiler

        assert isinstance(study.how, Settled)  # noqa: S101 - the caller asks only then
        return RestingLanes(study, study.how, order)

    return _chosen(request, made)


def lanes_alone(study: Study, place: str) -> Lanes:
    """Return the lanes of `study`, which nothing else can run; `place` asks for that in the request.

    Raises:
        InvalidModelError: the lanes do not run the model.
    """
    return _insisted(lambda: _lanes(study), place, _EXACT)


def told(request: MembersRequest) -> dict[str, Setting]:
    """Return the settings that say by which route a study ran; none where its engine was named."""
    leaps = isinstance(request, SampledRequest) and request.method == "tau_leaping"
    if request.engine != "auto" or leaps:
        return {}
    route = request.route or BY_RULE
    source = f"{route.source}: {route.note}" if route.note else route.source
    return {"route": source, "lanes_from": route.lanes, "gpu_from": route.gpu}


def _chosen(request: MembersRequest, make: Callable[[], L]) -> tuple[L | None, str]:
    from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

    if request.engine == "libroadrunner":
        return None, "not asked for"
    if request.engine != "auto":
        return _insisted(make, "engine", "Leave `engine` out, or give 'libroadrunner'."), ""
    route = request.route or BY_RULE
    if not reaches(request, route.gpu) and not reaches(request, route.lanes):
        if route.lanes is None:
            return None, "slower"
        return None, f"only from {route.lanes} members on"
    try:
        return make(), ""
    except Uncovered as refusal:
        return None, str(refusal)


def _insisted(make: Callable[[], L], place: str, remedy: str) -> L:
    from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

    try:
        return make()
    except Uncovered as refusal:
        raise InvalidModelError(
            str(refusal), details={"place": place, "construct": refusal.construct, "remedy": remedy}
        ) from refusal


def _lanes(study: Study, *, gpu: bool = False) -> Lanes:
    from bioxen.server.engines.kinetic.laned import Lanes  # late: needs a compiler

    return Lanes(study, gpu=gpu)


def _no_method(engine: str, method: str, remedy: str) -> ValidationError:
    name = "A GPU" if engine == "gpu" else "libRoadRunner"
    return ValidationError(f"{name} has no {method}.", details={"place": "engine", "remedy": remedy})


def _unsound() -> InvalidModelError:
    return InvalidModelError(
        "libRoadRunner's direct method is not exact on this model; the lanes' is.",
        details={"place": "engine", "remedy": "Leave `engine` out."},
    )
