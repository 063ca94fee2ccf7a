"""Events that fire together, put in a fixed order, so that the same request gives the same bytes.

SBML leaves the order open where events have no priority, and libRoadRunner then orders them by chance: by
addresses in memory, which no seed governs. Here they run in the order of the model's text, after those that
have a priority. Equal priorities ask for a random order; that cannot be repeated, so it is refused.
"""

from __future__ import annotations

import libsbml

from bioxen.errors import InvalidModelError

_LAST = -1_000_000_000
"""Below every priority that a model gives."""


def order_events(document: libsbml.SBMLDocument) -> bool:
    """Give every event without a priority one of its own; return whether the document changed.

    Raises:
        InvalidModelError: two events have the same priority.
    """
    model = document.getModel()
    if model.getNumEvents() < 2:
        return False
    _refuse_ties(model)
    if document.getLevel() < 3 and not document.setLevelAndVersion(3, 1, False):
        raise InvalidModelError(
            "The model has several events, and libSBML cannot bring it to Level 3, where they have an order.",
            details={"remedy": "Convert the model to SBML Level 3."},
        )
    for index, event in enumerate(document.getModel().getListOfEvents()):
        if not event.isSetPriority():
            event.createPriority().setMath(libsbml.parseL3Formula(str(_LAST - index)))
    return True


def _refuse_ties(model: libsbml.Model) -> None:
    seen: dict[str, str] = {}
    for event in model.getListOfEvents():
        if event.isSetPriority():
            formula = libsbml.formulaToL3String(event.getPriority().getMath())
            other = seen.setdefault(formula, event.getId())
            if other != event.getId():
                raise InvalidModelError(
                    f"The events {other} and {event.getId()} have the same priority, which asks for a random "
                    "order, and a random order cannot be repeated.",
                    details={"construct": "equal priorities", "remedy": "Give them different priorities."},
                )
