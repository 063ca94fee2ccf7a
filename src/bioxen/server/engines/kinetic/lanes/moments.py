"""Times at which a model's rates or triggers jump whatever its state is, so that no step passes over one.

A relation between numbers that depend on the time but on no state changes at times that can be computed
before they come: where both sides are straight lines in time, by a formula; else, where no event sets what
decides it, by a search before the run.
"""

from __future__ import annotations

from dataclasses import dataclass

from bioxen.server.engines.kinetic.lanes.derivative import Derivatives
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.operations import STEPS
from bioxen.server.engines.kinetic.lanes.system import System
from bioxen.server.engines.kinetic.switching.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Moments:
    """What is known before about jumps."""

    times: list[Node]
    """The next ones that no state decides and a formula gives."""
    searched: Conditions | None
    """What else no state decides, where no event sets what does; `None` where there is nothing."""
    unpredicted: bool
    """Whether there are further ones that no state decides, at times that nothing predicts."""
    with_states: bool
    """Whether there are some that a state decides."""


def moments(system: System) -> Moments:
    """Return what can be known before about jumps."""
    graph = system.graph
    roots = [*system.rates, *system.jumps, *(reset.trigger for reset in system.resets)]
    timed, stateful = _below(system, roots)
    conditions = Conditions(graph, roots, _set_by_events(system))
    outcomes = {one.outcome for one in conditions.found}
    found: list[Node] = []
    foreseen: set[Node] = set()
    unpredicted = False
    for node in graph.reachable(roots):
        operation, outcome = graph.operations[node], node
        if node not in timed or node in stateful:
            continue
        if operation in {"lt", "le"}:
            distance = graph.make("sub", *graph.parts(node))
        elif operation in STEPS:
            distance = graph.parts(node)[0]
        elif operation == "rem":
            distance = graph.make("div", *graph.parts(node))
            outcome = graph.make("trunc", distance)
        else:
            unpredicted = unpredicted or (operation in {"eq", "ne", "truth"} and node not in outcomes)
            continue
        moment = _crossing(system, distance, whole=operation not in {"lt", "le"})
        if moment is not None:
            found.append(moment)
            foreseen.add(outcome)
        elif outcome not in outcomes:
            unpredicted = True
    decided = [*system.jumps, *(reset.trigger for reset in system.resets)]
    return Moments(
        times=list(dict.fromkeys(found)),
        searched=conditions if outcomes - foreseen else None,
        unpredicted=unpredicted,
        with_states=any(node in stateful for node in decided),
    )


def _set_by_events(system: System) -> set[int]:
    """Return the indices of the parameters that events set."""
    states = len(system.states)
    targets = {target - states for reset in system.resets for target in reset.targets}
    return {target for target in targets if target >= 0}


def _below(system: System, roots: list[Node]) -> tuple[set[Node], set[Node]]:
    """Return the nodes that depend on the time, and those that depend on a state."""
    graph = system.graph
    timed: set[Node] = set()
    stateful: set[Node] = set()
    for node in graph.reachable(roots):
        parts = graph.parts(node)
        for kind, depends in (("time", timed), ("state", stateful)):
            if graph.operations[node] == kind or any(part in depends for part in parts):
                depends.add(node)
    return timed, stateful


def _crossing(system: System, line: Node, *, whole: bool) -> Node | None:
    """Return when a line in time meets zero, or next a whole number; `None` if it is not straight."""
    graph = system.graph
    (gradient,) = Derivatives(graph, "time").gradients([line])
    slope = gradient.get(0, graph.zero)
    timed, _ = _below(system, [slope])
    if timed:
        return None
    target = graph.zero
    if whole:
        up = graph.make("add", graph.make("floor", line), graph.one)
        down = graph.make("sub", graph.make("ceil", line), graph.one)
        target = graph.make("select", graph.make("lt", graph.zero, slope), up, down)
    distance = graph.make("sub", target, line)
    return graph.make("add", graph.input("time"), graph.make("div", distance, slope))
