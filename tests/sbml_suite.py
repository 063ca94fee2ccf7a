"""Cases of the SBML Test Suite, read and judged by its own rules; any simulator can be put to them."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TimeCourse:
    """One deterministic case."""

    name: str
    sbml: str
    outputs: list[str]
    """Selections: `S` for an amount, `[S]` for a concentration."""
    start: float
    end: float
    points: int
    absolute: float
    relative: float
    expected: FloatArray
    """points × outputs."""

    def request(self) -> dict[str, Any]:
        """Return what to ask the kinetic engine."""
        return {
            "process_code": "kinetic_ode",
            "time_start": self.start,
            "time_end": self.end,
            "time_points": self.points,
            "outputs": self.outputs,
        }

    def wrong(self, got: FloatArray) -> str | None:
        """Return the first output that is outside of the case's tolerances, in words, or `None`."""
        want = self.expected
        finite = np.isfinite(want)
        with np.errstate(invalid="ignore"):
            near = np.abs(want - got) <= self.absolute + self.relative * np.abs(want)
        right = np.where(finite, near & np.isfinite(got), ~np.isfinite(got))
        if right.all():
            return None
        row, column = np.argwhere(~right)[0]
        return (
            f"{self.outputs[column]} at point {row}: {got[row, column]:.9g}, expected {want[row, column]:.9g}"
        )


def settings_of(folder: Path) -> dict[str, str]:
    """Return a case's settings file."""
    lines = (folder / f"{folder.name}-settings.txt").read_text().splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def sbml_of(folder: Path) -> str:
    """Return a case's model in the newest level and version it comes in."""
    return max(folder.glob("*-sbml-*.xml")).read_text(encoding="utf-8")


def time_course_folders(directory: Path) -> list[Path]:
    """Return the folders of every deterministic time course below `directory`."""
    return [
        folder
        for folder in sorted(directory.glob("[0-9]*"))
        if "FluxBalance" not in (folder / f"{folder.name}-model.m").read_text(encoding="utf-8")
    ]


def read_time_course(folder: Path) -> TimeCourse:
    """Return one deterministic case."""
    settings = settings_of(folder)
    concentrations = _names(settings.get("concentration", ""))
    outputs = [f"[{name}]" if name in concentrations else name for name in _names(settings["variables"])]
    start, steps = float(settings["start"]), int(settings["steps"])
    _, rows = _table(folder)
    return TimeCourse(
        name=folder.name,
        sbml=sbml_of(folder),
        outputs=outputs,
        start=start,
        end=start + float(settings["duration"]),
        points=steps + 1,
        absolute=float(settings["absolute"]),
        relative=float(settings["relative"]),
        expected=rows[:, 1:],
    )


Sampler = Callable[[str, list[float], list[str], int], FloatArray]
"""(SBML text, times, species, n) → n × times × species, amounts of n independent trajectories."""


@dataclass(frozen=True, slots=True)
class StochasticCase:
    """One stochastic case: the mean and the standard deviation at every time, or the median."""

    name: str
    sbml: str
    times: list[float]
    species: list[str]
    mean: FloatArray
    """times × species."""
    deviation: FloatArray
    """times × species; NaN where the case gives none: then `mean` is the median."""
    mean_range: tuple[float, float]
    deviation_range: tuple[float, float]

    def outside(self, samples: FloatArray) -> list[str]:
        """Return every point whose mean or variance is outside of the suite's range.

        Args:
            samples: n × times × species.
        """
        middle = [0.5 - self.median_margin(len(samples)), 0.5 + self.median_margin(len(samples))]
        quantiles = np.quantile(samples, middle, axis=0)
        return self.outside_of(samples.shape[0], samples.mean(axis=0), samples.std(axis=0, ddof=1), quantiles)

    def median_margin(self, runs: int) -> float:
        """Return how far from a half a share is whose quantile is three standard errors off the median."""
        return float(1.5 / math.sqrt(runs))

    def outside_of(
        self, runs: int, mean: FloatArray, deviation: FloatArray, quantiles: FloatArray
    ) -> list[str]:
        """Return every point whose mean or variance, or median, is outside of the suite's range.

        Args:
            runs: how many trajectories there were.
            mean: times × species.
            deviation: times × species, with n − 1 in the denominator.
            quantiles: two × times × species: those of a half less and more the `median_margin`.

        The suite compares Z = √n·(X̄ − μ)/σ and Y = √(n/2)·(S²/σ² − 1) with its ranges. A correct simulator
        leaves them now and then: at n = 10,000 up to one point a case is what chance allows. A distribution
        without a mean is judged by its median, which must lie within three standard errors of the expected.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            z = math.sqrt(runs) * (mean - self.mean) / self.deviation
            y = math.sqrt(runs / 2) * (deviation**2 / self.deviation**2 - 1)
        certain = self.deviation == 0  # nothing is random there: the value itself must be right
        exact = np.isclose(mean, self.mean, rtol=1e-6, atol=1e-9)
        z, y = np.where(certain, np.where(exact, 0.0, np.inf), z), np.where(certain, 0.0, y)
        known = np.isfinite(self.deviation)
        low, high = quantiles[0] - self.mean, quantiles[1] - self.mean
        far = np.where((low <= 0) & (high >= 0), 0.0, np.where(low > 0, low, high))
        return [
            *self._beyond("mean", z, self.mean_range, known),
            *self._beyond("variance", y, self.deviation_range, known),
            *self._beyond("median", far, (0.0, 0.0), ~known),
        ]

    def _beyond(
        self, what: str, values: FloatArray, allowed: tuple[float, float], known: NDArray[np.bool_]
    ) -> list[str]:
        bad = known & ~((values >= allowed[0]) & (values <= allowed[1]))
        return [
            f"{what} of {self.species[column]} at time {self.times[row]:g}: {values[row, column]:.2f}"
            for row, column in np.argwhere(bad)
        ]


def read_stochastic(folder: Path) -> StochasticCase:
    """Return one stochastic case."""
    settings = settings_of(folder)
    header, rows = _table(folder)
    columns = dict(zip(header, rows.T, strict=True))
    species = [name.removesuffix("-mean") for name in header if name.endswith("-mean")]
    unknown = np.full(rows.shape[0], np.nan)
    return StochasticCase(
        name=folder.name,
        sbml=sbml_of(folder),
        times=rows[:, 0].tolist(),
        species=species,
        mean=np.array([columns[f"{name}-mean"] for name in species]).T,
        deviation=np.array([columns.get(f"{name}-sd", unknown) for name in species]).T,
        mean_range=_range(settings.get("meanRange", "(-3, 3)")),
        deviation_range=_range(settings.get("sdRange", "(-5, 5)")),
    )


def stochastic_folders(directory: Path) -> list[Path]:
    """Return the folders of the stochastic cases below `directory`."""
    return sorted(directory.glob("[0-9]*"))


def check_sampler(sampler: Sampler, case: StochasticCase, runs: int) -> list[str]:
    """Return what is outside of the suite's ranges when `sampler` draws `runs` trajectories of `case`."""
    return case.outside(sampler(case.sbml, case.times, case.species, runs))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _range(text: str) -> tuple[float, float]:
    low, high = text.strip("() ").split(",")
    return float(low), float(high)


def _table(folder: Path) -> tuple[list[str], FloatArray]:
    with (folder / f"{folder.name}-results.csv").open(encoding="utf-8") as file:
        header, *rows = (row for row in csv.reader(file) if row)
    return [*map(str.strip, header)], np.array([_numbers(row) for row in rows])


def _numbers(row: Iterable[str]) -> list[float]:
    return [float(value) for value in row]
