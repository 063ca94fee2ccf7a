"""Where the validation data is: models and reference results that are not part of the project."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_BESIDE = Path(__file__).parents[2] / "shared" / "data"
DIRECTORY = Path(os.environ.get("BIOXEN_SHARED_DATA", _BESIDE))


def shared(*parts: str) -> Path:
    """Return the path of a file or folder of the validation data; skip the test where it is absent."""
    path = DIRECTORY.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no validation data: {'/'.join(parts)} (set BIOXEN_SHARED_DATA)")
    return path


@cache
def reference() -> dict[str, Any]:
    """Return the numbers computed from the validation data with other tools."""
    content: dict[str, Any] = json.loads(shared("reference.json").read_text(encoding="utf-8"))
    return content
