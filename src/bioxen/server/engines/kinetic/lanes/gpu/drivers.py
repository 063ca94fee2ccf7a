"""What of a model runs on a GPU, as drivers: integration by Tsit5, and the direct method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bioxen.server.engines.kinetic.lanes import instructions
from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.gpu import integration, stochastic
from bioxen.server.engines.kinetic.lanes.gpu.assemble import Driver
from bioxen.server.engines.kinetic.lanes.gpu.explicit import Explicit
from bioxen.server.engines.kinetic.lanes.gpu.member import Member
from bioxen.server.engines.kinetic.lanes.gpu.writer import Writer
from bioxen.server.engines.kinetic.lanes.prepared import Hoisted
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

MOST_NUMBERS = 8192
"""Numbers of a thread's own memory at most, 64 kB: a large GPU holds so much for each of its threads."""
_ARRAYS = 10
"""Arrays of states that Tsit5 needs."""
Kind = Literal["tsit5", "direct"]


@dataclass(frozen=True)
class Ported:
    """A driver of one model, and what its rows of parameters are."""

    driver: Driver
    hoisted: Hoisted


def ported(program: LaneProgram, kind: Kind) -> Ported:
    """Return the driver of `program`.

    Raises:
        Uncovered: the model has a construct that runs in lanes, but not on a GPU, or is too large.
    """
    name = "rates" if kind == "tsit5" else "fluxes"
    if program.root_count or program.moment_count or program.jumps_unpredictably:
        raise Uncovered("events, or rates that jump, on a GPU")
    hoisted = Hoisted(program.system, program.expressions(name))
    _check_operations(hoisted, name)
    _check_size(program, hoisted, kind)
    n, m = len(program.states), hoisted.parameter_count
    functions = {name: module(hoisted.graph, hoisted.nodes[name], 1, name, joins=True)}
    matrix = program.stoichiometry

    def integrate(writer: Writer, functions: Mapping[str, Any]) -> None:
        member = Member(writer, n, m, functions[name])
        integration.Integration(writer, member, Explicit(member)).write()

    def simulate(writer: Writer, functions: Mapping[str, Any]) -> None:
        assert matrix is not None  # noqa: S101 - `check_network` saw to it
        stochastic.Direct(writer, Member(writer, n, m, functions[name]), matrix).write()

    if kind == "tsit5":
        return Ported(Driver(integration.KINDS, integrate, functions), hoisted)
    return Ported(Driver(stochastic.KINDS, simulate, functions), hoisted)


def _check_operations(hoisted: Hoisted, name: str) -> None:
    graph = hoisted.graph
    for node in graph.reachable(hoisted.nodes[name]):
        if instructions.needs_library(graph.operations[node]):
            raise Uncovered(f"the function {graph.operations[node]} on a GPU")


def _check_size(program: LaneProgram, hoisted: Hoisted, kind: Kind) -> None:
    arrays = _ARRAYS if kind == "tsit5" else 3
    numbers = arrays * len(program.states) + hoisted.parameter_count + 2 * len(program.reactions)
    if numbers > MOST_NUMBERS:
        raise Uncovered(f"{len(program.states)} species and {len(program.reactions)} reactions on a GPU")
