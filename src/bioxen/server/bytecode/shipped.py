"""The models that ship: their manifests, and where their texts are.

A text stands beside its manifest, or in an installed package whose data may not be copied (COBRApy's).
"""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bioxen.protocol.services import ModelInfo
from bioxen.server.bytecode.entry import Entry

SHIPPED = Path(__file__).with_name("data")


@cache
def shipped_entries(directory: Path) -> tuple[Entry, ...]:
    """Return the models of every manifest in this folder's folders."""
    return tuple(
        entry for manifest in sorted(directory.glob("*/manifest.toml")) for entry in _read_manifest(manifest)
    )


@cache
def shipped_by_id(directory: Path) -> dict[str, Entry]:
    """Return the same models under their ids."""
    return {entry.info.id: entry for entry in shipped_entries(directory)}


def _read_manifest(manifest: Path) -> Iterator[Entry]:
    for program in tomllib.loads(manifest.read_text(encoding="utf-8")).get("program", []):
        package = program.get("package")
        root = manifest.parent if package is None else _package_directory(package)
        info = ModelInfo(
            id=program["id"],
            kind=program["kind"],
            chassis=manifest.parent.name,
            title=program["title"],
            format=program["format"],
            version=program["version"],
            digest=program["sha256"],
            licence=program["licence"],
            sources=program["sources"],
            limits=program["limits"],
            origin="bioxen" if package is None else "package",
        )
        yield Entry(info, root / program["file"])


def _package_directory(package: str) -> Path:
    """Return the folder of a package without importing it; one that does not exist if it is not installed."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else Path(package)
