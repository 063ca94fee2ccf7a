"""Runs the Python blocks of one document in one namespace: `python -m tests.docs.run_document README.md`.

Where a block is followed by a `text` block, what it prints must be that text.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.docs.documents import Block, python_with_output


def run(path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "document"}
    for block, expected in python_with_output(path):
        printed = _run_block(block, namespace)
        if expected is not None and printed.strip() != expected.strip():
            raise AssertionError(f"{block.place} prints\n{printed}\nbut the document says\n{expected}")


def _run_block(block: Block, namespace: dict[str, Any]) -> str:
    printed = io.StringIO()
    code = compile("\n" * (block.line - 1) + block.text, str(block.path), "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)  # noqa: S102 - the documents are ours
    return printed.getvalue()


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]).resolve())
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # at once: services that a failed block left open are not waited for
