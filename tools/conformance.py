"""Puts every time course of the SBML Test Suite to the REST service and writes what came out.

    python -m tools.conformance docs/conformance.md

The suite is no part of the project. It is looked for under $BIOXEN_SHARED_DATA, or beside the repository in
shared/data, as sbml-test-suite/cases/semantic; where it is not there, nothing is written.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
import numpy as np
from tests.sbml_suite import TimeCourse, read_time_course, time_course_folders
from tests.shared_data import DIRECTORY
from tools.conformance_stochastic import Sampled, run_stochastic, stochastic_section

from bioxen.server.supervisor import Supervisor

CASES = DIRECTORY / "sbml-test-suite" / "cases"
SUITE = CASES / "semantic"
WORKERS = 2
DEADLINE = 600.0
"""Seconds one case may take: two of them have ten thousand events, each located and drawn."""
OK, REFUSED = 200, 422
Outcome = Literal["right", "wrong", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the service made of one case."""

    case: str
    outcome: Outcome
    words: str
    """The algorithm that answered; or what was wrong, refused or failed."""
    versions: str = ""


def main() -> int:
    """Write the document; return 1 where an answer was wrong or a simulation failed."""
    if not SUITE.is_dir():
        print(f"The SBML Test Suite is not at {SUITE}: nothing to run. Set BIOXEN_SHARED_DATA to its folder.")
        return 0
    cases = [read_time_course(folder) for folder in time_course_folders(SUITE)]
    with (
        Supervisor(compute_arguments=["--workers", str(WORKERS), "--deadline", str(DEADLINE)]) as services,
        httpx2.Client(timeout=DEADLINE + 60, trust_env=False) as http,
        ThreadPoolExecutor(WORKERS) as threads,
    ):
        verdicts = [*threads.map(lambda case: judge(case, http, services.url), cases)]
        sampled = run_stochastic(CASES / "stochastic", http, services.url, DEADLINE)
    Path(sys.argv[1]).write_text(written(verdicts, sampled), encoding="utf-8")
    results: list[Verdict | Sampled] = [*verdicts, *sampled]
    counts = Counter(result.outcome for result in results)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    for result in results:
        if result.outcome in ("wrong", "failed"):
            print(f"{result.case} {result.outcome}: {result.words}")
    return 1 if counts["wrong"] or counts["failed"] else 0


def judge(case: TimeCourse, http: httpx2.Client, url: str) -> Verdict:
    """Return what the service at `url` makes of `case`."""
    body = {**case.request(), "kinetic_code": case.sbml, "deadline": DEADLINE}
    answer = http.post(f"{url}/compute/kinetic", json=body)
    content: dict[str, Any] = answer.json()
    if answer.status_code == REFUSED:
        return Verdict(case.name, "refused", _construct(content))
    if answer.status_code != OK or content["status"] != "completed":
        return Verdict(case.name, "failed", content.get("message") or str(content.get("detail")))
    columns = content["species_trajectories"]
    got = np.array([columns[name] for name in case.outputs], dtype=float).T
    wrong = case.wrong(got)
    provenance = content["provenance"]
    if wrong is not None:
        return Verdict(case.name, "wrong", wrong)
    settings = provenance["settings"]
    algorithm = f"{settings['algorithm']} ({settings['kisao']}), {settings['solver']}"
    return Verdict(case.name, "right", algorithm, f"{provenance['engine_version']}")


def _construct(problem: dict[str, Any]) -> str:
    construct = (problem.get("details") or {}).get("construct") or problem.get("construct")
    return str(construct or problem["detail"].partition(":")[0])


def written(verdicts: Sequence[Verdict], sampled: Sequence[Sampled]) -> str:
    """Return the document."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    rows = [f"| {outcome} | {counts[outcome]} |" for outcome in ("right", "wrong", "refused", "failed")]
    versions = next((verdict.versions for verdict in verdicts if verdict.versions), "none answered")
    return (
        "\n".join(
            [
                "# Conformance",
                "",
                f"The {len(verdicts)} deterministic time courses of the SBML Test Suite that are at",
                "hand, each sent as one request to the REST service with default settings.",
                "`make conformance` writes this page.",
                "A case is right when every value is within the case's own tolerances, and refused",
                "when the service answers `BX012` and names a construct that it does not run. A",
                "refusal is no answer, and so no wrong one.",
                "",
                f"Versions: {versions}.",
                "",
                "| Outcome | Cases |",
                "|---|---|",
                *rows,
                "",
                "## What answered",
                "",
                "| Algorithm, solver | Cases |",
                "|---|---|",
                *_grouped(verdicts, "right", with_cases=False),
                "",
                "The provenance of each result says which rung of the",
                "[ladder](guides/kinetic.md#integrators) answered, and why the ones before it did not.",
                "",
                *_section("What is refused", "Construct", verdicts, "refused"),
                *_section("What is wrong", "What", verdicts, "wrong"),
                *_section("What failed", "What", verdicts, "failed"),
                *stochastic_section(sampled),
            ]
        ).rstrip("\n")
        + "\n"
    )


def _section(title: str, what: str, verdicts: Sequence[Verdict], outcome: Outcome) -> list[str]:
    rows = _grouped(verdicts, outcome, with_cases=True)
    if not rows:
        return []
    return [f"## {title}", "", f"| {what} | Cases | Numbers |", "|---|---|---|", *rows, ""]


def _grouped(verdicts: Sequence[Verdict], outcome: Outcome, *, with_cases: bool) -> list[str]:
    groups: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.outcome == outcome:
            groups.setdefault(verdict.words, []).append(verdict.case)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return [
        f"| {words} | {len(cases)} |" + (f" {', '.join(cases)} |" if with_cases else "")
        for words, cases in ordered
    ]


if __name__ == "__main__":
    sys.exit(main())
