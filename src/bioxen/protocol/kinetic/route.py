"""Where the members of a study run, decided once for all of its parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bioxen.protocol.base import Message

RouteSource = Literal["request", "fixed", "file", "measured"]


class Route(Message):
    """From how many members on a study takes each way; below all of them, one member after the other.

    A result says in `provenance.settings` which route was taken: `route` (its source), `lanes_from` and
    `gpu_from`. Given again in a request, it sends the same study the same way on any machine.
    """

    lanes: Annotated[int, Field(ge=1)] | None = None
    """Members from which on they run in the CPU's lanes; null for never."""
    gpu: Annotated[int, Field(ge=1)] | None = None
    """Members from which on they run on a GPU; null for never."""
    source: RouteSource = "request"
    """Who says so: the request, a rule that is the same everywhere, a file that the service was given, or a
    measurement of this program on the service's machine."""
    note: Annotated[str, Field(max_length=500)] | None = None
    """Why the rule holds where something else was to decide."""
