"""What computations took, in a file: a server that starts again estimates as the last one did."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import msgspec

from bioxen.server.admission.rates import Key
from bioxen.server.admission.sizes import PASSING

log = logging.getLogger("bioxen.jobs")
ASIDE = ".aside"


class RateFile:
    """A file of averages, which no estimate needs: one that is damaged is begun anew.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[tuple[Key, float]]:
        """Return the averages in the file; none where there is none, or where it is not what was written."""
        try:
            digest, _, content = self._path.read_bytes().partition(b"\n")
            if digest != _digest(content):
                raise ValueError("it was damaged")
            return msgspec.json.decode(content, type=list[tuple[Key, float]])
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            log.warning("What computations took is not known any more: %s: %s", self._path, error)
            return []

    def write(self, rates: list[tuple[Key, float]]) -> None:
        """Keep averages, but for those of models that go with this process."""
        content = msgspec.json.encode([one for one in rates if not one[0][-1].startswith(PASSING)])
        aside = self._path.with_suffix(ASIDE)
        try:
            aside.write_bytes(_digest(content) + b"\n" + content)
            aside.replace(self._path)
        except OSError as error:
            log.warning("What computations took cannot be kept: %s", error)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
