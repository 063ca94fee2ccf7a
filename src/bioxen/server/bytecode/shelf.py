"""The models that a user added: one folder each, with `manifest.json` and the text.

A folder is written aside and then renamed into its place, so a reader sees all of a model or nothing, and of
two writers one wins.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from bioxen.errors import ConfigurationError
from bioxen.protocol.base import parse
from bioxen.protocol.services import ModelInfo
from bioxen.server.bytecode.entry import Entry
from bioxen.server.bytecode.source import ModelFormat

FORMAT_VERSION = 1
"""Version of a user model's manifest; older ones load for ever."""
RENAME_TRIES = 20

_Stamp = tuple[int, int, int]
"""What tells one file from another under the same name."""
_SUFFIX: dict[ModelFormat, str] = {"sbml": ".xml", "cobra-json": ".json", "antimony": ".ant"}


def user_models_directory() -> Path:
    """Return where a user's own models are kept: `$BIOXEN_HOME/models`, else the platform's place."""
    home = os.environ.get("BIOXEN_HOME") or platformdirs.user_data_dir("bioxen")
    return Path(home) / "models"


class Shelf:
    """The models of one folder, which need not exist yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._known: dict[Path, tuple[_Stamp, Entry]] = {}
        """Manifests that were read: every request that names a model asks for one."""

    def entries(self) -> list[Entry]:
        """Return the models that are here, by id."""
        manifests = sorted(self.directory.glob("[!.]*/manifest.json"))
        return [entry for entry in map(self._read, manifests) if entry is not None]

    def entry(self, id: str) -> Entry | None:
        """Return the model of a sound id (`is_id`), `None` where there is none; looks at one file alone."""
        found = self._read(self.directory / id / "manifest.json")
        return found if found is not None and found.info.id == id else None  # folders may ignore case

    def _read(self, manifest: Path) -> Entry | None:
        """Return what a manifest says, read anew where it is another file; `None` where there is none."""
        try:
            found = manifest.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            known = self._known.get(manifest)
            if known is not None and known[0] == stamp:
                return known[1]
            content = json.loads(manifest.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):  # removed, perhaps in this moment
            self._known.pop(manifest, None)
            return None
        info = _stored_info(manifest, content)
        entry = Entry(info, manifest.parent / _text_name(info))
        self._known[manifest] = (stamp, entry)
        return entry

    def put(self, info: ModelInfo, text: str, present: Callable[[], ModelInfo | None]) -> ModelInfo:
        """Keep a model, and return what is there under its id.

        Args:
            info: what is said of it.
            text: the model.
            present: returns the same model if it is there already; asked where another writer was first.

        Raises:
            ConfigurationError: something that is no model is in the way.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".adding-", dir=self.directory))
        try:
            _write_durably(aside / _text_name(info), text)
            manifest = {"format_version": FORMAT_VERSION, "model": info.model_dump(mode="json")}
            _write_durably(aside / "manifest.json", json.dumps(manifest, indent=2))
            return self._move_in(aside, info, present)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def remove(self, entry: Entry) -> bool:
        """Remove a model, at once for every reader; return whether it was there."""
        aside = tempfile.mkdtemp(prefix=".removed-", dir=self.directory)
        try:
            entry.path.parent.rename(Path(aside) / "model")
        except FileNotFoundError:
            return False
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return True

    def _move_in(self, aside: Path, info: ModelInfo, present: Callable[[], ModelInfo | None]) -> ModelInfo:
        """Rename the finished folder into its place; of several writers the first wins."""
        place = self.directory / info.id
        for _ in range(RENAME_TRIES):
            try:
                aside.rename(place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise
            else:
                return info
            there = present()
            if there is not None:
                return there  # else it was removed again in between
        raise ConfigurationError(
            f"something that is no model is in the way: {place}",
            details={"place": "id", "remedy": "Remove it, or choose another id."},
        )


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


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
