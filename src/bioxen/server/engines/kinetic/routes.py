"""Measurements that a service was given to route by: from how many members on which way is taken, by model.

They are taken elsewhere, once, and read when the process starts: no clock decides between equal requests.
Their digest is part of the engine's version, and so of every result and of whatever is kept under that.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from bioxen.errors import ConfigurationError

VARIABLE: Final = "BIOXEN_ROUTES"
"""Names the file."""


class Route(msgspec.Struct, frozen=True):
    """What was measured of one model; null is never."""

    lanes: int | None
    """Members from which on the CPU's lanes were faster than one after the other."""
    gpu: int | None
    """Members from which on a GPU was faster than either, and agreed."""


class Routes(msgspec.Struct, frozen=True):
    """Routes of some models, by the digest of the model."""

    version: str
    """Version of BioXen that was measured; another one's routes are not taken."""
    routes: dict[str, Route]


NONE: Final = Routes("", {})


@cache
def routes() -> Routes:
    """Return the routes that `BIOXEN_ROUTES` names; none where it names nothing.

    Raises:
        ConfigurationError: the file cannot be read, or was measured with another version of BioXen.
    """
    path = os.environ.get(VARIABLE)
    return read(Path(path)) if path else NONE


def read(path: Path) -> Routes:
    """Return the routes in a file.

    Raises:
        ConfigurationError: as `routes`.
    """
    from bioxen._version import VERSION

    remedy = f"Measure again with BioAcceleratorManager.write_routes, or unset {VARIABLE}."
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Routes)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(
            f"The routes in {path} cannot be read: {error}.", details={"place": VARIABLE, "remedy": remedy}
        ) from error
    if found.version != VERSION:
        raise ConfigurationError(
            f"The routes in {path} were measured with BioXen {found.version}, this is {VERSION}.",
            details={"place": VARIABLE, "remedy": remedy},
        )
    return found


def label() -> str:
    """Return what the engine's version says of the routes: nothing where there are none."""
    found = routes()
    if not found.routes:
        return ""
    return f", routes {hashlib.sha256(msgspec.json.encode(found, order='sorted')).hexdigest()[:12]}"
