"""The record of what was measured: fault, seconds to recover, jobs lost, wrong answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

HEAD = "| Fault | Time to recover, s | Jobs lost | Wrong answers |\n|---|---|---|---|\n"


@dataclass
class Record:
    """One row for each fault; a fault that is measured again keeps its longest time."""

    rows: dict[str, tuple[float, int, int]] = field(default_factory=dict)

    def note(self, fault: str, seconds: float, lost: int = 0, wrong: int = 0) -> None:
        """Write down one measurement, and print it."""
        before = self.rows.get(fault, (0.0, 0, 0))
        self.rows[fault] = (max(before[0], seconds), before[1] + lost, before[2] + wrong)
        print(f"{fault}: right again after {seconds:.3f} s; jobs lost {lost}, wrong answers {wrong}")

    def write(self, path: Path) -> None:
        """Write the table."""
        lines = [
            f"| {fault} | {seconds:.2g} | {lost} | {wrong} |\n"
            for fault, (seconds, lost, wrong) in self.rows.items()
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + "".join(lines))


RECORD = Record()
