"""Events that fire together, put in a fixed order, so that the same request gives the same bytes.

SBML leaves the order open where events have no priority, and libRoadRunner then orders them by chance: by
addresses in memory, which no seed governs. Here they run in the order of the model's text, after those that
have a priority. Equal priorities ask for a random order; the general solver draws it from the request's seed.

Every event has an id here, since what fired is told by id, and libRoadRunner tells of no event without one.
"""

from __future__ import annotations

from itertools import combinations

import libsbml

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.locals import unused

_LAST = -1_000_000_000
"""Below every priority that a model gives."""


def name_events(document: libsbml.SBMLDocument) -> None:
    """Give every event without an id one: `event_1` for the first of the model's events, and so on."""
    model = document.getModel()
    taken = {element.getId() for element in model.getListOfAllElements() if element.isSetId()}
    for number, event in enumerate(model.getListOfEvents(), 1):
        if not event.isSetId():
            event.setId(unused(f"event_{number}", taken))


def order_events(document: libsbml.SBMLDocument) -> bool:
    """Give every event without a priority one of its own; return whether the document changed.

    Raises:
        InvalidModelError: libSBML cannot write the model in Level 3, which has priorities.
    """
    model = document.getModel()
    if model.getNumEvents() < 2:
        return False
    if document.getLevel() < 3 and not document.setLevelAndVersion(3, 1, False):
        raise InvalidModelError(
            "The model has several events, and libSBML cannot bring it to Level 3, where they have an order.",
            details={"remedy": "Convert the model to SBML Level 3."},
        )
    for index, event in enumerate(document.getModel().getListOfEvents()):
        if not event.isSetPriority():
            event.createPriority().setMath(libsbml.parseL3Formula(str(_LAST - index)))
    return True


def first_tie(model: libsbml.Model) -> tuple[str, str] | None:
    """Return two events whose priorities may be equal, so that SBML wants their order drawn; `None` if none.

    Two numbers tell; a priority that is a formula may equal any other.
    """
    ranked: list[tuple[str, float | None]] = []
    for event in model.getListOfEvents():
        if event.isSetPriority() and event.getPriority().isSetMath():
            math = event.getPriority().getMath()
            ranked.append((event.getId(), math.getValue() if math.isNumber() else None))
    for (name, rank), (other, other_rank) in combinations(ranked, 2):
        if rank is None or other_rank is None or rank == other_rank:
            return name, other
    return None
