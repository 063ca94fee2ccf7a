"""The bytecode repository: the models that ship, and the models a user added, found by id or by digest.

Shipped models stand in `data/<chassis>/manifest.toml`; their text is in this package, or in an installed
one that may not be copied (COBRApy's). A user's models are one folder each under
`$BIOXEN_HOME/models`: `manifest.json` and the text. A folder is written aside and then renamed into its
place, so a reader sees all of a model or nothing, and of two writers one wins.
"""

from __future__ import annotations

import errno
import gzip
import importlib.util
import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

from bioxen.errors import ConfigurationError, InvalidModelError, ModelNotFoundError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.services import ModelInfo
from bioxen.server.bytecode.scan import admit
from bioxen.server.bytecode.source import ModelFormat, ModelKind, ModelSource, digest_of

SHIPPED = Path(__file__).with_name("data")
FORMAT_VERSION = 1
"""Version of a user model's manifest; older ones load for ever."""
RENAME_TRIES = 20

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")
_SUFFIX: dict[ModelFormat, str] = {"sbml": ".xml", "cobra-json": ".json", "antimony": ".ant"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the repository: what is said of it, and where its text is."""

    info: ModelInfo
    path: Path


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `Repository.verify` says of one model."""

    info: ModelInfo
    ok: bool
    problem: str | None


class Repository:
    """Models by id or digest.

    Args:
        user_directory: where the user's models are; `$BIOXEN_HOME/models`, or the platform's place for a
            user's data, where absent.
        shipped: the folder of shipped manifests.
    """

    def __init__(self, user_directory: Path | None = None, shipped: Path = SHIPPED) -> None:
        self.user_directory = user_directory or user_models_directory()
        self._shipped = shipped

    def list(self) -> list[ModelInfo]:
        """Return every model, the shipped ones first."""
        return [entry.info for entry in self._entries()]

    def find(self, id_or_digest: str) -> ModelInfo:
        """Return the model of that id, sha256, or unambiguous beginning (12 digits or more) of a sha256.

        Raises:
            ModelNotFoundError: there is none, or the beginning fits several.
        """
        return self._entry(id_or_digest).info

    def read(self, id_or_digest: str) -> ModelSource:
        """Return the text of a model, after comparing it with its digest.

        Raises:
            ModelNotFoundError: there is no such model, or its package is not installed.
            InvalidModelError: the text is not the one the manifest was written for.
        """
        entry = self._entry(id_or_digest)
        info = entry.info
        text = _read_text(entry)
        found = digest_of(text)
        if found != info.digest:
            raise InvalidModelError(
                f"the text of model {info.id} has sha256 {found}, its manifest says {info.digest}",
                details={
                    "place": info.id,
                    "expected": info.digest,
                    "found": found,
                    "remedy": "Install the package again."
                    if info.origin != "user"
                    else "Add the model again.",
                },
            )
        return ModelSource(text=text, format=info.format, digest=info.digest, id=info.id)

    def add(  # noqa: PLR0913 - what a model must say of itself
        self,
        text: str,
        *,
        id: str,
        chassis: str,
        title: str,
        licence: str,
        kind: ModelKind | None = None,
        version: str = "1",
        sources: Sequence[str] = (),
        limits: Sequence[str] = (),
    ) -> ModelInfo:
        """Keep `text` under `id` and return what is known of it; adding the same text again changes nothing.

        Raises:
            InvalidModelError: the text is refused at the door.
            ConfigurationError: the id cannot be a name, or names another model already.
        """
        _check_id(id)
        source = admit(text)
        info = ModelInfo(
            id=id,
            kind=kind or _kind_of(source),
            chassis=chassis,
            title=title,
            format=source.format,
            version=version,
            digest=source.digest,
            licence=licence,
            sources=[*sources],
            limits=[*limits],
            origin="user",
        )
        return self._present(info) or self._store(info, text)

    def remove(self, id: str) -> ModelInfo:
        """Forget a model that the user added, and return what it was.

        Raises:
            ModelNotFoundError: there is none of that id.
            ConfigurationError: the model ships with BioXen.
        """
        entry = self._entry(id)
        if entry.info.origin != "user":
            raise ConfigurationError(
                f"model {entry.info.id} ships with BioXen and stays",
                details={"place": "id", "remedy": "Only models that were added can be removed."},
            )
        aside = tempfile.mkdtemp(prefix=".removed-", dir=self.user_directory)
        try:
            entry.path.parent.rename(Path(aside) / "model")  # at once gone for every reader
        except FileNotFoundError:
            raise _not_found(id, self._entries()) from None
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return entry.info

    def verify(self) -> Sequence[Verdict]:
        """Return for each model whether its text is there, is unchanged, and passes the door."""
        return [self._verdict(info) for info in self.list()]

    def _verdict(self, info: ModelInfo) -> Verdict:
        try:
            admit(self.read(info.id).text, info.format)
        except (InvalidModelError, ModelNotFoundError) as error:
            return Verdict(info, ok=False, problem=error.message)
        return Verdict(info, ok=True, problem=None)

    def _entries(self) -> Sequence[Entry]:
        return [*_shipped_entries(self._shipped), *_user_entries(self.user_directory)]

    def _entry(self, id_or_digest: str) -> Entry:
        shipped = _shipped_by_id(self._shipped).get(id_or_digest)
        if shipped is not None:  # most requests; the user's models need not be looked through for them
            return shipped
        entries = self._entries()
        for entry in entries:
            if entry.info.id == id_or_digest:
                return entry
        digest = _DIGEST.fullmatch(id_or_digest)
        fits = [entry for entry in entries if digest and entry.info.digest.startswith(digest[1])]
        if not fits:
            raise _not_found(id_or_digest, entries)
        if len({entry.info.digest for entry in fits}) > 1:
            ids = [entry.info.id for entry in fits]
            raise ModelNotFoundError(
                f"the digest {id_or_digest} fits several models: {', '.join(ids)}",
                details={"place": "model", "near_matches": ids, "remedy": "Give more digits."},
            )
        return fits[0]

    def _present(self, info: ModelInfo) -> ModelInfo | None:
        """Return the model that has this id already, if its text is the same; refuse if it is not."""
        there = next((entry.info for entry in self._entries() if entry.info.id == info.id), None)
        if there is not None and there.digest != info.digest:
            raise ConfigurationError(
                f"the id {info.id} already names another model (sha256 {there.digest[:12]}…)",
                details={"place": "id", "remedy": "Choose another id, or remove that model first."},
            )
        return there

    def _store(self, info: ModelInfo, text: str) -> ModelInfo:
        self.user_directory.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".adding-", dir=self.user_directory))
        try:
            _write_durably(aside / _text_name(info), text)
            manifest = {"format_version": FORMAT_VERSION, "model": info.model_dump(mode="json")}
            _write_durably(aside / "manifest.json", json.dumps(manifest, indent=2))
            return self._move_in(aside, info)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _move_in(self, aside: Path, info: ModelInfo) -> ModelInfo:
        """Rename the finished folder into its place; of several writers the first wins."""
        place = self.user_directory / info.id
        for _ in range(RENAME_TRIES):
            try:
                aside.rename(place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise
            else:
                return info
            present = self._present(info)
            if present is not None:
                return present  # else it was removed again in between
        raise ConfigurationError(
            f"something that is no model is in the way: {place}",
            details={"place": "id", "remedy": "Remove it, or choose another id."},
        )


def user_models_directory() -> Path:
    """Return where a user's own models are kept: `$BIOXEN_HOME/models`, else the platform's place."""
    home = os.environ.get("BIOXEN_HOME") or platformdirs.user_data_dir("bioxen")
    return Path(home) / "models"


@cache
def _shipped_entries(directory: Path) -> tuple[Entry, ...]:
    return tuple(
        entry for manifest in sorted(directory.glob("*/manifest.toml")) for entry in _read_manifest(manifest)
    )


@cache
def _shipped_by_id(directory: Path) -> dict[str, Entry]:
    return {entry.info.id: entry for entry in _shipped_entries(directory)}


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


def _user_entries(directory: Path) -> list[Entry]:
    entries = []
    for manifest in sorted(directory.glob("[!.]*/manifest.json")):
        try:
            content = json.loads(manifest.read_text(encoding="utf-8"))
        except FileNotFoundError:  # removed in this moment
            continue
        info = _stored_info(manifest, content)
        entries.append(Entry(info, manifest.parent / _text_name(info)))
    return entries


def _stored_info(manifest: Path, content: dict[str, Any]) -> ModelInfo:
    """Return what a manifest of any version up to `FORMAT_VERSION` says of its model."""
    if content.get("format_version") != FORMAT_VERSION:
        raise ConfigurationError(
            f"model {manifest.parent.name} was stored in format {content.get('format_version')}, "
            f"this version reads {FORMAT_VERSION}",
            details={"place": str(manifest), "remedy": "Upgrade BioXen, or remove that folder."},
        )
    return parse(ModelInfo, content["model"])


def _text_name(info: ModelInfo) -> str:
    return "model" + _SUFFIX[info.format]


def _read_text(entry: Entry) -> str:
    try:
        data = entry.path.read_bytes()
    except FileNotFoundError:
        raise ModelNotFoundError(
            f"the text of model {entry.info.id} is not there: {entry.path.name}",
            details={
                "place": entry.info.id,
                "remedy": 'Install what brings it: pip install "bioxen[server]".',
            },
        ) from None
    return (gzip.decompress(data) if entry.path.suffix == ".gz" else data).decode("utf-8")


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _check_id(id: str) -> None:
    if not _ID.fullmatch(id) or _DIGEST.fullmatch(id):
        raise ConfigurationError(
            f"{id!r} cannot be the id of a model",
            details={
                "place": "id",
                "remedy": "Use up to 100 letters, digits and _.- that do not look like a digest.",
            },
        )


def _kind_of(source: ModelSource) -> ModelKind:
    """Return what the text is for: flux balance constraints make a model metabolic."""
    if source.format == "sbml":
        return "metabolic" if "sbml.org/sbml/level3/version1/fbc/" in source.text else "kinetic"
    return "metabolic" if source.format == "cobra-json" else "kinetic"


def _not_found(name: str, entries: Sequence[Entry]) -> ModelNotFoundError:
    known = [entry.info.id for entry in entries]
    return ModelNotFoundError(
        f"the repository has no model {name!r}",
        details={"place": "model", **did_you_mean(name, known), "known": known[:50]},
    )
