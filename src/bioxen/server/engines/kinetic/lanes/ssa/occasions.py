"""What happens in a network besides reactions, compiled: clocks, crossings, events with their draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bioxen.server.engines.kinetic.lanes.draws import ARGUMENTS, Draw
from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.events.given import Truths
from bioxen.server.engines.kinetic.lanes.events.made import Drawn, events_of
from bioxen.server.engines.kinetic.lanes.graph import Node
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.ssa.flow import Flow
from bioxen.server.engines.kinetic.lanes.ssa.given import Occasions
from bioxen.server.engines.kinetic.lanes.ssa.layout import START, TIME
from bioxen.server.engines.kinetic.lanes.ssa.substitute import substitute


class Compiled:
    """The occasions of a program; the code lives as long as this does."""

    def __init__(
        self, program: LaneProgram, flow: Flow, clocks: Sequence[int], whole: Truths, parameters: int
    ) -> None:
        """Compile them.

        Args:
            program: the network.
            flow: what happens between two firings.
            clocks: states that rate rules move.
            whole: states that are numbers of molecules.
            parameters: rows of parameters, derived ones among them; what events draw comes after.
        """
        self._program, self._parameters, self._codes = program, parameters, list[Code]()
        system = program.system
        drawing, drawn = self._drawn()
        sizes = [
            sum(drawing),
            2 * len(system.reactions),
            len(clocks),
            *(program.event_count, program.event_count),
            len(flow.crossings),
            2 * len(system.resets),
            max((len(one.targets) for one in system.resets), default=0),
            ARGUMENTS * max(drawing, default=0),
        ]
        first = START + len(system.states) + parameters
        draws, propensities, moving, now, seen, crossings, timing, values, arguments, end = (
            first + np.cumsum([0, *sizes])
        ).tolist()
        triggers = [one.trigger for one in system.resets]
        functions = [self._code([system.rates[index] for index in clocks]), self._code(flow.crossings)]
        places = [TIME, START, START + len(system.states), now, seen, timing, values, arguments, draws]
        ranked = [one.priority is not None for one in system.resets]
        own = self._functions(triggers)
        self.occasions = Occasions(
            events=events_of(
                program, own, places, roots=program.event_count, whole=whole, ranked=ranked, drawn=drawn
            ),
            functions=np.array(functions, np.int64),
            clocks=np.array(clocks, np.int32),
            crossings=len(flow.crossings),
            watch=flow.depends_on_amounts(triggers),
            restless=flow.depends_on_amounts(flow.crossings),
            rows=np.array([propensities, moving, crossings, end], np.int64),
        )

    def _drawn(self) -> tuple[list[int], Drawn]:
        """Return how many draws each event makes, and what the drivers are told of them."""
        resets = self._program.system.resets
        of_values, of_delays = [len(one.draws) for one in resets], [len(one.delay_draws) for one in resets]
        codes = [draw.code for one in resets for draw in (*one.draws, *one.delay_draws)]
        return [sum(both) for both in zip(of_values, of_delays, strict=True)], (of_values, of_delays, codes)

    def _functions(self, triggers: Sequence[Node]) -> list[int]:
        resets, zero = self._program.system.resets, self._program.system.graph.zero
        waits = [one.delay if one.delay is not None else zero for one in resets]
        ranks = [one.priority if one.priority is not None else zero for one in resets]
        functions = [self._code(triggers), self._code([*waits, *ranks])]
        for one in resets:
            values = [one.values[target] for target in one.targets]
            functions += [self._code(roots) for roots in (_flat(one.draws), values, _flat(one.delay_draws))]
        return functions

    def _code(self, roots: Sequence[Node]) -> int:
        if not roots:
            return 0
        graph = self._program.system.graph
        placed = substitute(graph, roots, "draw", lambda k: graph.input("parameter", self._parameters + k))
        code = Code(module(graph, placed, self._program.width), ["f"])
        self._codes.append(code)
        return code.addresses["f"]


def _flat(draws: Sequence[Draw]) -> list[Node]:
    return [node for draw in draws for node in draw.arguments]
