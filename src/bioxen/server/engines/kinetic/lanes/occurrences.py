"""Events of a model, in the order in which they run when several fire at one moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import libsbml

from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    name: str
    trigger: Any
    initially: bool
    """What its trigger counts as before the start."""
    persistent: bool
    uses_trigger_values: bool
    priority: float | None
    delay: Any | None
    """The formula of the time from its trigger to its assignments."""
    assignments: dict[str, Any]
    rank: Any | None = None
    """Its priority, as a formula."""


def read_events(model: Any, *, singly: bool = False) -> tuple[Event, ...]:
    """Return the events of a model; `singly` as in `build`: in their own order, whatever they are.

    Raises:
        Uncovered: one of them has a computed priority, or the priority of another one.
    """
    items = [
        item for item in model.getListOfEvents() if item.isSetTrigger() and item.getTrigger().isSetMath()
    ]
    if singly:
        return tuple(_single(item) for item in items)
    events = [_event(item) for item in items]
    if len(events) > 1:
        priorities = [event.priority for event in events if event.priority is not None]
        if len(set(priorities)) < len(priorities):
            raise Uncovered("events with the same priority")
        events.sort(key=lambda event: -math.inf if event.priority is None else event.priority, reverse=True)
    return tuple(events)


def _event(item: Any) -> Event:
    return _read(item, _priority(item))


def _single(item: Any) -> Event:
    return replace(_read(item, None), rank=_formula(item.getPriority()))


def _formula(part: Any) -> Any | None:
    return part.getMath() if part is not None and part.isSetMath() else None


def _read(item: Any, priority: float | None) -> Event:
    trigger = item.getTrigger()
    return Event(
        name=item.getId(),
        trigger=trigger.getMath(),
        initially=bool(trigger.getInitialValue()),
        persistent=bool(trigger.getPersistent()),
        uses_trigger_values=bool(item.getUseValuesFromTriggerTime()),
        priority=priority,
        delay=_formula(item.getDelay()),
        assignments={
            one.getVariable(): one.getMath() for one in item.getListOfEventAssignments() if one.isSetMath()
        },
    )


def _priority(item: Any) -> float | None:
    if not item.isSetPriority() or not item.getPriority().isSetMath():
        return None
    tree = item.getPriority().getMath()
    negative = tree.getType() == libsbml.AST_MINUS and tree.getNumChildren() == 1
    number = tree.getChild(0) if negative else tree
    if not number.isNumber():
        raise Uncovered("an event whose priority is computed")
    return -float(number.getValue()) if negative else float(number.getValue())
