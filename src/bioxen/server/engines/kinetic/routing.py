"""Where the members of a study run: a rule on the request and the model, never on a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import MembersRequest
from bioxen.protocol.kinetic.members import MembersEngine
from bioxen.server.engines.kinetic.members import Study
from bioxen.server.engines.kinetic.routes import Route, routes

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.laned import Lanes

FEWEST = 64
"""Members of the whole study from which on `auto` takes the lanes where nothing else was measured: making a
model's functions takes as long as fewer members than that take on libRoadRunner, on most models."""
_BY_RULE = Route(lanes=FEWEST, gpu=None)


def lanes_for(request: MembersRequest, study: Study) -> tuple[Lanes | None, str]:
    """Return the lanes of `study`, or `None` and why libRoadRunner runs it.

    Raises:
        InvalidModelError: the request insists on lanes, which do not run the model.
    """
    engine, why_not = _chosen(request, study)
    if engine == "libroadrunner":
        return None, why_not
    from bioxen.server.engines.kinetic.laned import Lanes  # late: needs a compiler
    from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

    try:
        return Lanes(study, gpu=engine == "gpu"), ""
    except Uncovered as refusal:
        if request.engine == "auto":
            return None, str(refusal)
        raise InvalidModelError(
            str(refusal),
            details={
                "place": "engine",
                "construct": refusal.construct,
                "remedy": "Leave `engine` out, or give 'libroadrunner'.",
            },
        ) from refusal


def _chosen(request: MembersRequest, study: Study) -> tuple[MembersEngine, str]:
    """Return where a study shall run, and why not elsewhere."""
    if request.engine != "auto":
        return request.engine, "not asked for"
    route = routes().routes.get(study.program.digest, _BY_RULE)
    if route.gpu is not None and request.member_count >= route.gpu:
        return "gpu", ""
    if route.lanes is None:
        return "libroadrunner", "measured to be slower"
    if request.member_count < route.lanes:
        return "libroadrunner", f"only from {route.lanes} members on"
    return "lanes", ""
