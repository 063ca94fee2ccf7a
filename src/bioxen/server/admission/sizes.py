"""How large a model is, counted in its text: an estimate needs no compiled model, and comes before one."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from bioxen.protocol.request import ComputeRequest
from bioxen.server.bytecode.repository import Repository
from bioxen.server.engines.models import GivenText, given_text, model_name

REMEMBERED = 1024
"""Models whose sizes are remembered."""
PASSING = "text "
"""How the key of a model begins that came as text: another process gives it another key."""
_REACTION = re.compile(r"<(?:\w+:)?reaction[\s>]")
_SPECIES = re.compile(r"<(?:\w+:)?species[\s>]")
_GENE = re.compile(r"<(?:\w+:)?geneProduct[\s>]")
_ARROW = re.compile(r"->|=>")
_WORD = re.compile(r"\$?\b[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class ModelSize:
    """The size of one model."""

    key: str
    """Stands for the model where its computations are remembered."""
    reactions: int
    species: int
    """Or metabolites."""
    genes: int
    text: int
    """Characters of its text."""

    @property
    def weight(self) -> int:
        """What the time of a solve or a simulation grows with."""
        return max(1, self.reactions + self.species)


class Sizes:
    """The sizes of the models that requests are about, each counted once.

    Args:
        repository: where models are found by name.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: OrderedDict[str, ModelSize] = OrderedDict()

    async def of(self, request: ComputeRequest) -> ModelSize:
        """Return the size of the request's model; its text is read and counted the first time, in a thread.

        Raises:
            ModelNotFoundError: the repository has no such model.
        """
        given = given_text(request)
        # Python remembers a text's hash, so parts of one request do not go through its text again.
        key = f"{PASSING}{hash(given.text)}" if given else self._repository.find(model_name(request)).digest
        size = self._known.get(key)
        if size is None:
            size = await asyncio.to_thread(self._measured, given, key)
            self._known[key] = size
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return size

    def _measured(self, given: GivenText | None, key: str) -> ModelSize:
        return measure(given.text if given else self._repository.read(key).text, key)


def measure(text: str, key: str) -> ModelSize:
    """Return the size of the model in `text`: SBML, COBRA JSON or Antimony. What cannot be read counts 0."""
    start = text[:1000].lstrip()
    if start.startswith("<"):
        counts = _count(_REACTION, text), _count(_SPECIES, text), _count(_GENE, text)
    elif start.startswith("{"):
        counts = _of_json(text)
    else:
        counts = _of_antimony(text)
    return ModelSize(key, *counts, len(text))


def _count(form: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in form.finditer(text))


def _of_json(text: str) -> tuple[int, int, int]:
    try:
        model = msgspec.json.decode(text)
        return len(model["reactions"]), len(model["metabolites"]), len(model["genes"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return 0, 0, 0


def _of_antimony(text: str) -> tuple[int, int, int]:
    equations = [line.split(";")[0].rpartition(":")[2] for line in text.splitlines() if _ARROW.search(line)]
    species = {name for equation in equations for name in _WORD.findall(equation)}
    return len(equations), len(species), 0
