"""libRoadRunner behind a small typed face; no other file imports it.

Hazards this file knows: `RoadRunner(text)` opens paths and URLs; a model's symbols replace RoadRunner's own
methods; `init(X)` edits survive every reset and change how later ones are read; tolerances and selections
survive `resetToOrigin()`; `simulate()` refuses numpy integers; a singular integration warns on stdout and
returns numbers all the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import roadrunner
from numpy.typing import NDArray

from bioxen.errors import InvalidModelError
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.noise import Noise

Matrix = NDArray[np.float64]

_config = roadrunner.Config
_config.setValue(_config.LLVM_BACKEND, _config.LLJIT)  # compiles 4 to 15 times faster than the default
# Off: a model with a parameter named `reset` would replace RoadRunner.reset for every model of the process.
_config.setValue(_config.ROADRUNNER_DISABLE_PYTHON_DYNAMIC_PROPERTIES, True)

_CVODE: dict[str, Setting] = {
    "stiff": True,
    "relative_tolerance": 1e-6,
    "absolute_tolerance": 1e-12,
    "maximum_bdf_order": 5,
    "maximum_adams_order": 12,
    "maximum_num_steps": 20_000,
    "initial_time_step": 0.0,
    "minimum_time_step": 0.0,
    "maximum_time_step": 0.0,
    "multiple_steps": False,
    "variable_step_size": False,
}
# No maximum_num_steps: setting it, even to its default, breaks the integrator.
_GILLESPIE: dict[str, Setting] = {
    "variable_step_size": False,
    "minimum_time_step": 0.0,
    "maximum_time_step": 0.0,
    "nonnegative": False,
}
_KEPT_WORDS = 500
_NONE: Mapping[str, str] = MappingProxyType({})
# CVODE warns a few times after many a harmless restart; the tenth time in a row it stops warning and says so.
_COLLAPSE = re.compile(r"Internal t = (\S+) and h = [^\n]*\n[^\n]*issued mxhnil times")


class SolverFailure(Exception):  # noqa: N818 - an outcome, never seen outside this engine
    """The solver did not reach the end; the text has its own words."""


def version() -> str:
    """Return libRoadRunner's version."""
    return f"libRoadRunner {roadrunner.__version__}"


@dataclass(frozen=True, slots=True)
class Firing:
    """One thing that an event did."""

    kind: Literal["trigger", "assignment"]
    time: float
    event: str
    triggered: float | None = None
    """Of an assignment, when its trigger turned true, where the solver tells."""


class Runner:
    """One compiled instance of a model. Whoever uses it sets everything, every time."""

    def __init__(self, sbml: str, noise: Noise, local: Mapping[str, str] = _NONE) -> None:
        """Compile `sbml`, which must be the text itself; `local` gives ids for `reaction.parameter`.

        Raises:
            InvalidModelError: libRoadRunner refuses the model.
        """
        if not sbml.startswith("<"):
            raise InvalidModelError("A kinetic model must be SBML text; this begins with something else.")
        self._noise = noise
        self._local = local
        try:
            with noise:
                self._rr: Any = roadrunner.RoadRunner(sbml)
        except RuntimeError as error:
            raise InvalidModelError(
                f"libRoadRunner cannot run this model: {_words(error)}",
                details={"remedy": "Correct the text of the model as these words say, and send it again."},
            ) from error

        self._model = self._rr.model
        self._firings: list[Firing] = []
        self._listen()
        self._options: Any = roadrunner.SimulateOptions()
        self._cvode: dict[str, Setting] = {}
        """CVODE's settings as they were last set."""
        self._reported: list[str] = []
        self._rate_rules: list[str] = list(self._rr.getRateRuleIds())

    def _listen(self) -> None:
        """Note what events do. The closures hold the list and not the runner, which so can be freed."""
        model, firings = self._model, self._firings

        def note(kind: Literal["trigger", "assignment"]) -> Callable[[Any, int, str], None]:
            return lambda running, _, event: firings.append(
                Firing(kind, float(running.getTime()), str(event))
            )

        for event in model.getEventIds():
            listener = model.getEvent(event)
            listener.setOnTrigger(note("trigger"))
            listener.setOnAssignment(note("assignment"))

    @property
    def firings(self) -> list[Firing]:
        """What events did since the last reset, that at the start included, in its order."""
        return list(self._firings)

    def reset(self) -> None:
        """Bring every value back to the model's own initial state, at time 0."""
        self._firings.clear()
        self._rr.resetToOrigin()

    def set(self, selection: str, value: float) -> None:
        """Set a current value: an amount `S`, a concentration `[S]`, a parameter or a compartment."""
        self._call(self._rr.setValue, self._local.get(selection, selection), float(value))

    def get(self, selection: str) -> float:
        """Return a current value; `init(X)` evaluates the initial assignment of `X` on current parameters."""
        return float(self._call(self._rr.getValue, self._local.get(selection, selection)))

    def words(self) -> str:
        """Return what the solver said during the last simulation, in short; empty where it was silent."""
        lines = dict.fromkeys(" ".join(line.split()) for line in self._noise.text().splitlines())
        return " | ".join(line for line in lines if line)[:_KEPT_WORDS]

    def use_cvode(self, **changes: Setting) -> dict[str, Setting]:
        """Choose CVODE with every setting set; return the settings now in force."""
        settings = _CVODE | changes
        if settings == self._cvode:  # they outlive every reset, and nobody else changes them
            self._rr.setIntegrator("cvode")
            return {"integrator": "cvode", **settings}
        self._cvode = {}
        chosen = self._use("cvode", settings)
        self._cvode = settings
        return chosen

    def use_direct_method(self, seed: int) -> dict[str, Setting]:
        """Choose Gillespie's direct method with every setting set; return the settings now in force."""
        return self._use("gillespie", {"seed": seed} | _GILLESPIE)

    def _use(self, integrator: str, settings: dict[str, Setting]) -> dict[str, Setting]:
        self._rr.setIntegrator(integrator)
        chosen = self._rr.integrator
        for name, value in settings.items():
            chosen.setValue(name, value)
        return {"integrator": integrator, **settings}

    def grid(self, start: float, end: float, points: int, selections: Sequence[str]) -> Matrix:
        """Integrate over an even grid; return one row a point, the time in the first column.

        Raises:
            SolverFailure: the integration stopped, or its step size shrank to nothing.
        """
        self._report(selections)
        if points > 2 and progress.closely():
            return self._simulated(self._point_by_point, float(start), float(end), int(points) - 1)
        options = self._options
        options.start, options.end, options.steps = float(start), float(end), int(points) - 1
        # Not the public `simulate`: its checks, of what is known here, take as long as ten points.
        return self._simulated(self._rr._simulate, options)

    def _point_by_point(self, start: float, end: float, steps: int) -> Matrix:
        """Do what `simulate` does over an even grid, with the same calls in the same order, and tell how far.

        The numbers are the same to the last bit. From Python it takes some 2 us more a point; but `simulate`
        says nothing until its end and lets no other thread run, and its listeners are never called.
        """
        options = self._options
        options.start, options.end, options.steps = start, end, 0
        # No step of it: this checks the model, notes the start, and makes the integrator begin there.
        first = np.array(self._rr._simulate(options))
        table = np.empty((steps + 1, first.shape[1]))
        table[0] = first[0]
        rows, integrate = self._rr.getSelectedValues, self._rr.integrator.integrate
        step = ((end - start) + start - start) / steps
        here = start
        for number in range(1, steps + 1):
            there = start + number * step
            integrate(here, there - here)
            table[number] = rows()
            progress.tell_run(number, steps)
            here = there
        table[:, 0] = start + np.arange(steps + 1) * step  # the integrator may stop within rounding of it
        return table

    def at(self, times: Sequence[float], selections: Sequence[str]) -> Matrix:
        """Integrate through `times`, the first of which is the start; return one row for each.

        Raises:
            SolverFailure: the integration stopped, or its step size shrank to nothing.
        """
        self._report(selections)
        return self._simulated(self._rr.simulate, times=[float(time) for time in times])

    def rates(self) -> Matrix:
        """Return d/dt of every state variable, in the order of `state_ids`; amounts for species."""
        return np.array(self._call(self._rr.getRatesOfChange), dtype=float).reshape(-1)

    def state(self) -> dict[str, float]:
        """Return the amounts of floating species, then the values of what else a rate rule integrates."""
        names, values = self._model.getFloatingSpeciesIds(), self._model.getFloatingSpeciesAmounts()
        amounts = dict(zip(names, values.tolist(), strict=True))
        return amounts | {name: self.get(name) for name in self._rate_rules if name not in amounts}

    def is_finite(self) -> bool:
        """Whether all of `state` is."""
        amounts = self._model.getFloatingSpeciesAmounts().tolist()  # of few numbers this is sooner seen
        return all(map(math.isfinite, amounts)) and all(map(math.isfinite, map(self.get, self._rate_rules)))

    def state_ids(self) -> list[str]:
        """Return the state variables: targets of rate rules, then species that reactions change."""
        names = self._rr.getRatesOfChangeNamedArray().colnames
        return [str(name).strip().removesuffix("'") for name in names]

    def reaction_rates(self) -> Matrix:
        """Return the rate of every reaction."""
        return np.array(self._call(self._rr.getReactionRates), dtype=float).reshape(-1)

    def stoichiometry(self, names: Sequence[str]) -> Matrix:
        """Return the stoichiometry matrix with a row for each of `names`, zero where no reaction reaches."""
        if self._model.getNumReactions() == 0 or not names:
            return np.zeros((len(names), self._model.getNumReactions()))
        table = self._call(self._rr.getFullStoichiometryMatrix)
        rows = dict(zip(table.rownames, np.array(table, dtype=float), strict=True))
        return np.array([rows.get(name, np.zeros(table.shape[1])) for name in names])

    def _report(self, selections: Sequence[str]) -> None:
        """Choose the columns of the next table; they stay chosen until others are."""
        columns = ["time", *selections]
        if columns != self._reported:
            self._reported = []
            self._call(setattr, self._rr, "timeCourseSelections", columns)
            self._reported = columns

    def _simulated(self, simulate: Any, *args: Any, **kwargs: Any) -> Matrix:
        with self._noise:
            table = np.array(self._call(simulate, *args, **kwargs), dtype=float)
        said = self._noise.text()
        collapse = _COLLAPSE.search(said) if said else None
        if collapse:
            raise SolverFailure(f"the step size shrank to nothing at time {float(collapse[1]):g}")
        return table

    def _call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except RuntimeError as error:
            collapse = _COLLAPSE.search(self._noise.text())
            where = f" (the step size shrank to nothing at time {float(collapse[1]):g})" if collapse else ""
            raise SolverFailure(_words(error) + where) from error


def _words(error: Exception) -> str:
    """Return the library's sentence without its C++ location."""
    text = re.split(r";? *(?:In|in|at) (?:virtual |static )?\w[\w:*<> ]* ?\**[\w:]+\(", str(error))[0]
    return " ".join(text.split()).rstrip(".;, ")
