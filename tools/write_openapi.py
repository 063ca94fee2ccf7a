"""Writes the OpenAPI document of the orchestrator, which has every route, to the file that is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bioxen.server.app import orchestrator_app
from bioxen.server.settings import ServiceSettings


def document() -> str:
    """Return the document as it is committed."""
    app = orchestrator_app(ServiceSettings(workers=1), [])
    return json.dumps(app.openapi(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document())
