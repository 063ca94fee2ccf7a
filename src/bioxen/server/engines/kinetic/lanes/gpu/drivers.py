"""What of a model runs on a GPU, as drivers: integration by Tsit5 or Rodas5P, and the direct method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bioxen.server.engines.kinetic.lanes import instructions
from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.gpu import integration, stochastic
from bioxen.server.engines.kinetic.lanes.gpu.assemble import Driver
from bioxen.server.engines.kinetic.lanes.gpu.explicit import Explicit
from bioxen.server.engines.kinetic.lanes.gpu.implicit import Implicit
from bioxen.server.engines.kinetic.lanes.gpu.member import Member
from bioxen.server.engines.kinetic.lanes.gpu.writer import Writer
from bioxen.server.engines.kinetic.lanes.ode.elimination import Plan, plan
from bioxen.server.engines.kinetic.lanes.ode.straight import MOST_OPERATIONS, separately
from bioxen.server.engines.kinetic.lanes.prepared import Hoisted
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

MOST_NUMBERS = 8192
"""Numbers of a thread's own memory at most, 64 kB: a large GPU holds so much for each of its threads."""
_ARRAYS = 15
"""Arrays of states that a driver needs, at most."""
Kind = Literal["tsit5", "rodas5p", "direct"]


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
    if program.root_count or program.moment_count or program.jumps_unpredictably:
        raise Uncovered("events, or rates that jump, which no GPU runs here")
    names = ["fluxes"] if kind == "direct" else ["rates"]
    if kind == "rodas5p":
        names += ["jacobian", *(["time_rate"] if program.time_rate else [])]
    hoisted = Hoisted(program.system, program.expressions(*names))
    functions = {}
    for name in names:
        _check_operations(hoisted, name)
        functions[name] = module(hoisted.graph, hoisted.nodes[name], 1, name, joins=True)
    if kind == "direct":
        return _simulating(program, hoisted, functions)
    planned = None
    if kind == "rodas5p":
        planned = plan(len(program.states), program.jacobian_rows, program.jacobian_columns)
        functions |= _elimination(planned)
    return _integrating(program, hoisted, functions, planned)


def _integrating(
    program: LaneProgram, hoisted: Hoisted, functions: dict[str, str], planned: Plan | None
) -> Ported:
    n, m = len(program.states), hoisted.parameter_count
    matrices = 0 if planned is None else len(planned.entries) + planned.size
    _check_size(program, _ARRAYS * n + m + matrices)

    def write(writer: Writer, functions: Mapping[str, Any]) -> None:
        member = Member(writer, n, m, functions["rates"])
        method = Explicit(member) if planned is None else Implicit(member, planned, functions)
        integration.Integration(writer, member, method).write()

    return Ported(Driver(integration.KINDS, write, functions), hoisted)


def _simulating(program: LaneProgram, hoisted: Hoisted, functions: dict[str, str]) -> Ported:
    matrix = program.stoichiometry
    if matrix is None:
        raise Uncovered("stoichiometries that change, event by event")
    n, m = len(program.states), hoisted.parameter_count
    _check_size(program, _ARRAYS * n + m + 2 * len(program.reactions))

    def write(writer: Writer, functions: Mapping[str, Any]) -> None:
        stochastic.Direct(writer, Member(writer, n, m, functions["fluxes"]), matrix).write()

    return Ported(Driver(stochastic.KINDS, write, functions), hoisted)


def _elimination(planned: Plan) -> dict[str, str]:
    """Return `decompose` and `solve` in one piece of IR each: modules are linked by function."""
    length = len(planned.factor) + len(planned.forward) + len(planned.backward)
    if length > MOST_OPERATIONS:
        raise Uncovered("a Jacobian larger than a GPU runs here")
    return separately(planned, 1)


def _check_operations(hoisted: Hoisted, name: str) -> None:
    graph = hoisted.graph
    for node in graph.reachable(hoisted.nodes[name]):
        if instructions.needs_library(graph.operations[node]):
            raise Uncovered(f"the function {graph.operations[node]}, which no GPU runs here")


def _check_size(program: LaneProgram, numbers: int) -> None:
    if numbers > MOST_NUMBERS:
        raise Uncovered(
            f"{len(program.states)} species and {len(program.reactions)} reactions, more than a GPU runs here"
        )
