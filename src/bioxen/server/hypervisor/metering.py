"""How long workers were busy with what a cell asked of them, whatever came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from bioxen.errors import BioXenException
from bioxen.server.cache.status import watching

T = TypeVar("T")
P = ParamSpec("P")


def metered(call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> tuple[T | BioXenException, float]:
    """Return what a call gives or raises, and the seconds for which workers computed for it."""
    with watching() as seen:
        try:
            return call(*arguments, **named), seen.seconds
        except BioXenException as error:
            return error, seen.seconds


def told(outcome: T | BioXenException) -> T:
    """Return what a call gave, or raise what it raised."""
    if isinstance(outcome, BioXenException):
        raise outcome
    return outcome
