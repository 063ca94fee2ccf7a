"""Whether the members of a study run in lanes: a rule on the request and the model, never on a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import MembersRequest
from bioxen.server.engines.kinetic.members import Study
from bioxen.server.engines.kinetic.ssa import Stochastic, needs_lanes

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.laned import Lanes

FEWEST = 64
"""Members of the whole study from which on `auto` takes the lanes: making a model's functions takes as long
as fewer members than that take on libRoadRunner, on most models."""


def lanes_for(request: MembersRequest, study: Study) -> tuple[Lanes | None, str]:
    """Return the lanes of `study`, or `None` and why libRoadRunner runs it.

    Raises:
        InvalidModelError: the request insists on lanes, which do not run the model.
    """
    alone = isinstance(study.how, Stochastic) and needs_lanes(study.program)
    if request.engine == "libroadrunner":
        if alone:
            raise _unsound()
        return None, "not asked for"
    if request.engine == "auto" and request.member_count < FEWEST and not alone:
        return None, f"only from {FEWEST} members on"
    from bioxen.server.engines.kinetic.laned import Lanes  # late: needs a compiler
    from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

    try:
        return Lanes(study), ""
    except Uncovered as refusal:
        if request.engine == "auto" and not alone:
            return None, str(refusal)
        raise InvalidModelError(
            str(refusal),
            details={
                "place": "engine",
                "construct": refusal.construct,
                "remedy": "Leave `engine` out, or give 'libroadrunner'.",
            },
        ) from refusal


def _unsound() -> InvalidModelError:
    return InvalidModelError(
        "libRoadRunner's direct method is not exact on this model; the lanes' is.",
        details={"place": "engine", "remedy": "Leave `engine` out."},
    )
