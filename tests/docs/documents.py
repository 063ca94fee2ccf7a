"""The documents as data: their fenced blocks, in order, with the place of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
EVERYTHING = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    path: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks(path: Path) -> list[Block]:
    text = path.read_text()
    return [
        Block(path, text.count("\n", 0, found.start()) + 2, found["language"], found["text"])
        for found in _FENCE.finditer(text)
    ]


def python_with_output(path: Path) -> Iterator[tuple[Block, str | None]]:
    """Yield each Python block, with the `text` block that follows it: what it prints."""
    found = blocks(path)
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.language == "python":
            yield block, following.text if following and following.language == "text" else None


def shell_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, command) for each command of the `bash` blocks; continued lines are joined."""
    for block in blocks(path):
        if block.language == "bash":
            joined = re.sub(r"\\\n\s*", "", block.text)
            for line in joined.splitlines():
                command = line.strip()
                if command and not command.startswith("#"):
                    yield block.place, command
