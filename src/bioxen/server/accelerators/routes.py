"""Routes as a file, which sends studies the same way on every machine that has it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pydantic

from bioxen._version import VERSION
from bioxen.errors import ConfigurationError
from bioxen.protocol.base import Message
from bioxen.protocol.kinetic import Route
from bioxen.server.engines.crossover import Crossover, Kind, route_of

MEASURED: Final = "measured"
FIXED: Final = "fixed"
VARIABLE: Final = "BIOXEN_ROUTES"
"""Says what a service routes by: one of the two words, or a file."""


class Routes(Message):
    """Routes of some programs."""

    version: str
    """Version of BioXen that measured; another one's routes are not taken."""
    routes: dict[str, dict[Kind, Route]]
    """Digest of a model → kind of study → from how many members on it takes which way."""

    def of(self, program: str, kind: Kind) -> Route | None:
        """Return the route of a program's studies, where there is one."""
        return self.routes.get(program, {}).get(kind)


def routes_from(found: Iterable[Crossover]) -> Routes:
    """Return the routes that follow from measurements; those that failed leave the fixed rule."""
    routes: dict[str, dict[Kind, Route]] = {}
    for one in sorted(found, key=lambda one: one.gpu_too):  # one with a GPU knows more
        if not one.failed:
            routes.setdefault(one.program, {})[one.kind] = route_of(one)
    return Routes(version=VERSION, routes=routes)


def write(path: Path, routes: Routes) -> None:
    """Write routes as a file; one that is there is written anew."""
    path.write_text(
        routes.model_dump_json(indent=1, exclude={"routes": {"__all__": {"__all__": {"source"}}}})
    )


def read(path: Path) -> Routes:
    """Return the routes in a file.

    Raises:
        ConfigurationError: it cannot be read, or was measured with another version of BioXen.
    """
    remedy = "Write it anew with `bioxen routes export`, or route by 'measured' or 'fixed'."
    try:
        found = Routes.model_validate_json(path.read_bytes())
    except (OSError, pydantic.ValidationError) as error:
        raise ConfigurationError(
            f"The routes in {path} cannot be read: {error}.", details={"place": "routes", "remedy": remedy}
        ) from error
    if found.version != VERSION:
        raise ConfigurationError(
            f"The routes in {path} were measured with BioXen {found.version}, this is {VERSION}.",
            details={"place": "routes", "remedy": remedy},
        )
    return Routes(
        version=VERSION,
        routes={
            program: {kind: route.model_copy(update={"source": "file"}) for kind, route in kinds.items()}
            for program, kinds in found.routes.items()
        },
    )
