"""The bytecode repository: the models that ship, and the models a user added, found by id or by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bioxen.errors import ConfigurationError, InvalidModelError, ModelNotFoundError, did_you_mean
from bioxen.protocol.services import ModelInfo
from bioxen.server.bytecode.describe import DIGEST, check_id, describe, is_id
from bioxen.server.bytecode.entry import Entry, read_text
from bioxen.server.bytecode.scan import admit
from bioxen.server.bytecode.shelf import Shelf, user_models_directory
from bioxen.server.bytecode.shipped import SHIPPED, shipped_by_id, shipped_entries
from bioxen.server.bytecode.source import ModelKind, ModelSource, digest_of


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
        self._shelf = Shelf(self.user_directory)
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

    def named(self, id: str) -> ModelInfo | None:
        """Return the model of that id, `None` where there is none."""
        entry = self._named(id)
        return entry.info if entry is not None else None

    def ships(self, id_or_digest: str) -> bool:
        """Return whether a model that ships has that id or digest; no file is looked at for it."""
        if id_or_digest in shipped_by_id(self._shipped):
            return True
        digest = DIGEST.fullmatch(id_or_digest)
        entries = shipped_entries(self._shipped)
        return digest is not None and any(entry.info.digest.startswith(digest[1]) for entry in entries)

    def read(self, id_or_digest: str) -> ModelSource:
        """Return the text of a model, after comparing it with its digest.

        Raises:
            ModelNotFoundError: there is no such model, or its package is not installed.
            InvalidModelError: the text is not the one the manifest was written for.
        """
        entry = self._entry(id_or_digest)
        info = entry.info
        text = read_text(entry)
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
        check_id(id)
        info = describe(
            admit(text),
            id=id,
            chassis=chassis,
            title=title,
            licence=licence,
            origin="user",
            kind=kind,
            version=version,
            sources=sources,
            limits=limits,
        )
        return self._present(info) or self._shelf.put(info, text, partial(self._present, info))

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
        if not self._shelf.remove(entry):
            raise _not_found(id, self._entries())
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
        return [*shipped_entries(self._shipped), *self._shelf.entries()]

    def _named(self, id: str) -> Entry | None:
        """Return the model of that id; most requests name one that ships, and no file is looked at for it."""
        shipped = shipped_by_id(self._shipped).get(id)
        return shipped or (self._shelf.entry(id) if is_id(id) else None)

    def _entry(self, id_or_digest: str) -> Entry:
        named = self._named(id_or_digest)
        if named is not None:
            return named
        entries = self._entries()
        digest = DIGEST.fullmatch(id_or_digest)
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
        there = self.named(info.id)
        if there is not None and there.digest != info.digest:
            raise ConfigurationError(
                f"the id {info.id} already names another model (sha256 {there.digest[:12]}…)",
                details={"place": "id", "remedy": "Choose another id, or remove that model first."},
            )
        return there


def _not_found(name: str, entries: Sequence[Entry]) -> ModelNotFoundError:
    known = [entry.info.id for entry in entries]
    return ModelNotFoundError(
        f"the repository has no model {name!r}",
        details={"place": "model", **did_you_mean(name, known), "known": known[:50]},
    )
