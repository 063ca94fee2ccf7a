"""How the members of a study are run: in lanes or not, over time or to a steady state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bioxen.protocol.kinetic import MembersRequest
from bioxen.server.engines.kinetic.members import MembersRun, Sample, Study, run_members
from bioxen.server.engines.kinetic.rest import Settled
from bioxen.server.engines.kinetic.resting import order_of, run_resting
from bioxen.server.engines.kinetic.routing import lanes_for, resting_lanes_for
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.studies.resting import Axes

Run = Callable[[Matrix, int, Sample | None], MembersRun]


@dataclass(frozen=True, slots=True)
class Way:
    """What runs members."""

    run: Run
    """Members × names, the index of the first member in the whole study, and who is audited → the members."""
    in_lanes: bool
    why_not: str = ""
    """Why libRoadRunner runs them."""
    axes: Axes | None = None
    """Of the control coefficients, where they are asked for."""
    expect: Callable[[Matrix, int], None] = lambda _, __: None
    """Is told all members of a part, and the index of the first, before they are run block by block."""


def way_for(request: MembersRequest, study: Study) -> Way:
    """Return what runs the members of `study`.

    Raises:
        InvalidModelError: the request insists on lanes, or only they know its method, and they do not run the
            model.
    """
    how = study.how
    if isinstance(how, Settled):
        order = order_of(study)
        resting, why_not = resting_lanes_for(request, study, order)
        species = study.program.facts.species
        names = [species[name].natural if name in species else name for name in order[0]]
        return Way(
            lambda table, first, sample: run_resting(study, how, order, table, first, resting, sample),
            resting is not None,
            why_not,
            (names, order[1]) if how.control else None,
        )
    lanes, why_not = lanes_for(request, study)
    return Way(
        lambda table, first, sample: run_members(study, table, first, lanes, sample),
        lanes is not None,
        why_not,
        expect=lanes.expect if lanes else lambda _, __: None,
    )
