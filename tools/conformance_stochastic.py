"""The stochastic cases of the SBML Test Suite, put to the REST service at the suite's own number of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from tests.sbml_suite import FloatArray, StochasticCase, read_stochastic, stochastic_folders

RUNS = 10_000
_ANOTHER_SEED = 100_000
_MOST_BY_CHANCE = 3
"""Points outside that the suite's authors may put down to chance, unless two runs share one."""
OK, REFUSED = 200, 422


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the service made of one stochastic case."""

    case: str
    outcome: str
    """right, wrong, refused or failed."""
    way: str
    """How the members were simulated."""
    words: str
    """The points outside of the suite's ranges, or what was refused or failed."""


def run_stochastic(directory: Path, http: httpx2.Client, url: str, deadline: float) -> list[Sampled]:
    """Return what the service at `url` makes of each case below `directory`; all workers share each case."""
    cases = [read_stochastic(folder) for folder in stochastic_folders(directory)]
    return [_judge(case, http, url, deadline) for case in cases]


def _judge(case: StochasticCase, http: httpx2.Client, url: str, deadline: float) -> Sampled:
    """Judge by a first run; where more than one point of a statistic is outside, by another one too."""
    first = _run(case, int(case.name), http, url, deadline)
    if isinstance(first, Sampled):
        return first
    way, outside = first
    if _few(outside):
        return Sampled(case.name, "right", way, "; ".join(outside))
    second = _run(case, int(case.name) + _ANOTHER_SEED, http, url, deadline)
    if isinstance(second, Sampled):
        return second
    again = second[1]
    repeated = {_point(words) for words in outside} & {_point(words) for words in again}
    right = not repeated and len(again) <= _MOST_BY_CHANCE
    words = f"{'; '.join(outside)}. With another seed: {'; '.join(again) or 'none'}"
    return Sampled(case.name, "right" if right else "wrong", way, words)


def _few(outside: Sequence[str]) -> bool:
    """Whether no statistic of any species is outside at more than one point."""
    statistics = [words.partition(" at time ")[0] for words in outside]
    return len(statistics) == len(set(statistics))


def _point(words: str) -> str:
    return words.partition(":")[0]


def _run(
    case: StochasticCase, seed: int, http: httpx2.Client, url: str, deadline: float
) -> tuple[str, list[str]] | Sampled:
    """Return how the members were simulated and the points outside; or a refusal or failure."""
    margin = case.median_margin(RUNS)
    body = {
        "process_code": "kinetic_ensemble",
        "kinetic_code": case.sbml,
        "method": "ssa",
        "members": RUNS,
        "seed": seed,
        "report": "summary",
        "bins": 0,
        "quantiles": [0.5 - margin, 0.5 + margin],
        "time_start": case.times[0],
        "time_end": case.times[-1],
        "time_points": len(case.times),
        "outputs": case.species,
        "deadline": deadline,
    }
    answer = http.post(f"{url}/compute/kinetic", json=body)
    content: dict[str, Any] = answer.json()
    if answer.status_code == REFUSED:
        return Sampled(case.name, "refused", "", str(content["detail"]))
    if answer.status_code != OK or content["status"] != "completed" or content["summary"]["members"] != RUNS:
        return Sampled(case.name, "failed", "", content.get("message") or str(content.get("detail")))
    summary = content["summary"]
    mean, deviation, quantiles = (
        _array(summary[name]) for name in ("mean", "standard_deviation", "quantiles")
    )
    method = content["provenance"]["settings"]["method"].partition(":")[0]
    return method, case.outside_of(RUNS, mean, deviation, quantiles)


def _array(packed: dict[str, Any]) -> FloatArray:
    return np.array(packed["numbers"], dtype=float).reshape(packed["shape"])


def stochastic_section(sampled: Sequence[Sampled]) -> list[str]:
    """Return the lines of the document about the stochastic cases."""
    outcomes = ("right", "wrong", "refused", "failed")
    counts = {outcome: sum(one.outcome == outcome for one in sampled) for outcome in outcomes}
    noted = [one for one in sampled if one.words]
    ways = sorted({one.way for one in sampled if one.way})
    return [
        "## Stochastic cases",
        "",
        f"The {len(sampled)} stochastic cases at hand, each one request for an ensemble of {RUNS:,}",
        "members by the method `ssa`, whose seed is the case's number. Means and variances at",
        "every point are compared by the suite's own statistics, Z and Y, with the ranges that",
        "the case gives; a Cauchy distribution, which has neither, by its median. A case is",
        "right when no statistic of a species is outside at more than one point. Where more are,",
        "it is run once more with another seed: it is right when no point is outside in both",
        f"runs and no more than {_MOST_BY_CHANCE} are in the second, which is what the suite's authors allow",
        "chance.",
        "",
        "| Outcome | Cases |",
        "|---|---|",
        *(f"| {outcome} | {count} |" for outcome, count in counts.items()),
        "",
        f"Simulated by: {', '.join(ways) or 'nothing'}.",
        "",
        *(["| Case | Outcome | Points outside |", "|---|---|---|"] if noted else []),
        *(f"| {one.case} | {one.outcome} | {one.words} |" for one in noted),
        *([""] if noted else []),
    ]
