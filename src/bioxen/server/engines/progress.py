"""How far an analysis is, told by the analysis itself; no answer depends on it.

Where nobody listens, telling does nothing. A worker listens while it computes, and passes on what it hears
a few times a second at most. What is told rises: what is not further than before is not told.

One run of a model tells how much of its time is behind it only where it is what was asked for (`one_run`):
of the runs that a fit makes nobody wants to hear. To look so closely costs a little, so that single requests,
which take a millisecond, are spared it: it is done where somebody asked to be told (`closely`).

All of this is for the one thread in which an engine runs, and for that of `watched` while the first computes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

EVERY = 0.25
"""Seconds between two words, and before the first: what is done sooner tells nothing."""
_WORTH = 0.02
"""A run that is a smaller share of the whole is not looked at."""

Listener = Callable[[float, str], None]
"""Is given the share that is done, from 0 to 1, and the phase."""

_listener: Listener | None = None
_closely = False
_last = 0.0
_told = -1.0
_span = (0.0, 1.0)
_alone = False


def tell(done: float, total: float, phase: str) -> None:
    """Say how far this analysis is.

    Args:
        done: how much of the phase is done.
        total: how much there is of it, at least so much if that is not known; more than 0.
        phase: what is being done, in a word of which there are few.
    """
    global _last, _told
    if _listener is None or (now := time.monotonic()) - _last < EVERY:
        return
    low, high = _span
    share = low + (high - low) * min(max(done / total, 0.0), 1.0)
    if share > _told:
        _last, _told = now, share
        _listener(share, phase)


@contextmanager
def within(low: float, high: float) -> Iterator[None]:
    """Let what is told here from 0 to 1 be this share, from `low` to `high`, of what is told around it."""
    global _span  # noqa: PLW0603 - one worker, one task
    outer = _span
    width = outer[1] - outer[0]
    _span = (outer[0] + low * width, outer[0] + high * width)
    try:
        yield
    finally:
        _span = outer


@contextmanager
def one_run() -> Iterator[None]:
    """Let the run that is made here, or the members that run side by side, tell how far they are.

    It must be all that is done of the span around it; a run that is a small share of the whole stays silent.
    """
    global _alone  # noqa: PLW0603 - as above
    outer, _alone = _alone, _span[1] - _span[0] >= _WORTH
    try:
        yield
    finally:
        _alone = outer


def tell_run(done: float, total: float, phase: str = "time") -> None:
    """Say how much of its time a run has behind it, if it is `one_run`."""
    if _alone:
        tell(done, total, phase)


def closely() -> bool:
    """Return whether to look at `one_run` also where that costs something."""
    return _alone and _closely and _listener is not None


@contextmanager
def watched(look: Callable[[], float], phase: str) -> Iterator[None]:
    """Tell, while machine code without the interpreter's lock computes here, what can be seen of it.

    Args:
        look: returns the share that is done, from what the machine code has written so far.
        phase: as of `tell`.
    """
    if not closely():
        yield
        return
    done = Event()
    watcher = Thread(target=_watch, args=(look, phase, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:  # afterwards nobody but this thread may speak
        done.set()
        watcher.join()


def _watch(look: Callable[[], float], phase: str, done: Event) -> None:
    while not done.wait(EVERY):
        tell(look(), 1.0, phase)


@contextmanager
def heard_by(listener: Listener, *, closely: bool = True) -> Iterator[None]:
    """Let `listener` hear what is told here; `closely` where that may cost a little time."""
    global _listener, _closely, _last, _told  # noqa: PLW0603 - as above
    _listener, _closely, _last, _told = listener, closely, time.monotonic(), -1.0
    try:
        yield
    finally:
        _listener = None
