"""Finding engines by name, in the process that runs them."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from bioxen.errors import BioXenException, ConfigurationError, MissingModuleError, did_you_mean
from bioxen.server.engines.base import Engine

GROUP = "bioxen.engines"
INSTALL_REMEDY = 'Install it with: pip install "bioxen[server]"'


def load_engine(name: str) -> type[Engine]:
    """Return the class that `name` stands for: an entry point of `bioxen.engines`, or `module:Class`.

    Raises:
        MissingModuleError: a package that the engine needs is not installed.
        ConfigurationError: nothing has that name.
    """
    try:
        loaded: Any = _entry_point(name).load()
    except ImportError as error:
        raise missing_module(name, error) from error
    except AttributeError as error:
        raise ConfigurationError(f"The engine {name!r} does not exist: {error}.") from error
    return loaded  # type: ignore[no-any-return]


def missing_module(engine: str, error: ImportError) -> BioXenException:
    """Return the fault for an engine that cannot be imported."""
    words = f"The engine {engine!r} cannot be loaded: {error}."
    return MissingModuleError(words, details={"module": error.name, "remedy": INSTALL_REMEDY})


def _entry_point(name: str) -> EntryPoint:
    if ":" in name:
        return EntryPoint(name=name, value=name, group=GROUP)
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        raise ConfigurationError(f"No engine is called {name!r}.", details=did_you_mean(name, known))
    return known[name]
