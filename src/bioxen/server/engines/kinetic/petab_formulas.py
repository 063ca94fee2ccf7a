"""The formulas of a PEtab problem, evaluated for many points at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioxen.errors import UnknownIdentifierError, ValidationError, did_you_mean
from bioxen.server.engines.kinetic.side_by_side import Matrix

_LOG: dict[str, Callable[[Matrix], Matrix]] = {"lin": np.asarray, "log": np.log, "log10": np.log10}
_LN_10 = math.log(10)


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as a function of its symbols."""

    symbols: tuple[str, ...]
    function: Callable[..., Any]

    def __call__(self, values: Mapping[str, Matrix], shape: tuple[int, ...]) -> Matrix:
        """Return the values in an array of `shape`, NaN where there is no real number."""
        try:
            with np.errstate(all="ignore"):
                found = self.function(*(values[name] for name in self.symbols))
        except ZeroDivisionError:
            return np.full(shape, np.nan)
        return np.array(np.broadcast_to(np.asarray(found, dtype=np.float64), shape))


@dataclass(frozen=True, slots=True)
class Observable:
    """One row of the observable table."""

    formula: Formula
    noise: Formula
    transformation: str
    distribution: str

    def score(self, seen: Matrix, sigma: Matrix, measured: Matrix) -> tuple[Matrix, Matrix]:
        """Return the log-likelihood of measurements and their normalised residuals.

        Args:
            seen: points × measurements, what was simulated.
            sigma: points × measurements, on the transformed scale.
            measured: measurements.
        """
        scale = _LOG[self.transformation]
        with np.errstate(all="ignore"):
            residual = (scale(seen) - scale(measured)) / sigma
            slope = {"lin": np.ones_like(measured), "log": measured, "log10": measured * _LN_10}
            width = np.log(sigma * slope[self.transformation])
        width[~(sigma > 0)] = np.nan
        if self.distribution == "laplace":
            return -math.log(2) - width - np.abs(residual), residual
        return -0.5 * math.log(2 * math.pi) - width - 0.5 * residual**2, residual


class Observables:
    """The observable table, each formula compiled once."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._known: dict[str, Observable] = {}

    def of(self, observable: str, place: str) -> Observable:
        """Return an observable.

        Raises:
            UnknownIdentifierError: there is none of that name.
            ValidationError: a formula cannot be read.
        """
        if observable not in self._frame.index:
            near = did_you_mean(observable, [str(name) for name in self._frame.index])
            raise UnknownIdentifierError(
                f"There is no observable {observable!r}.", details={"place": place, **near}
            )
        if observable not in self._known:
            row = self._frame.loc[observable]
            transformation, distribution = row.get("observableTransformation"), row.get("noiseDistribution")
            self._known[observable] = Observable(
                _compiled(row["observableFormula"]),
                _compiled(row["noiseFormula"]),
                transformation if isinstance(transformation, str) else "lin",
                distribution if isinstance(distribution, str) else "normal",
            )
        return self._known[observable]


def _compiled(text: Any) -> Formula:
    import sympy
    from petab.v1.math import sympify_petab

    try:
        expression = sympify_petab(text)
    except Exception as error:  # the parser has its own
        raise ValidationError(
            f"The formula {text!r} cannot be read: {error}",
            details={"place": "observable_table", "remedy": "Write it as PEtab's math prescribes."},
        ) from error
    symbols = sorted(expression.free_symbols, key=str)
    function = sympy.lambdify(symbols, expression, modules="numpy")
    return Formula(tuple(str(symbol) for symbol in symbols), function)
