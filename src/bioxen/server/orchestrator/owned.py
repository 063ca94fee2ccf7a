"""Models that owners keep: a request that names one is computed with its text, and with nobody else's.

Services know the models of their machine alone. So the text stands in for the name before a request is passed
on, and the result says the name again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection

from bioxen.errors import InvalidModelError, ModelExistsError, ModelNotFoundError, did_you_mean
from bioxen.protocol.models import NewModel
from bioxen.protocol.quotas import Quotas
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport, ModelInfo
from bioxen.server.bytecode.describe import check_id, describe
from bioxen.server.bytecode.recent import Recent
from bioxen.server.bytecode.repository import Repository
from bioxen.server.bytecode.scan import admit
from bioxen.server.engines.models import text_field, with_text
from bioxen.server.orchestrator.computation import Computer, R
from bioxen.server.orchestrator.sharding import Shard
from bioxen.server.sharing import owners
from bioxen.server.store import models
from bioxen.server.store.models import KeptModel
from bioxen.server.store.quotas import check_room
from bioxen.server.store.store import Store

REMEMBERED = 4096
"""Names remembered, those among them that name nothing of their owner's."""
BYTES = 256_000_000
"""Bytes of texts remembered."""
UNNAMED = b'"provenance":{"model_id":null'
"""What a result says of a model that came as text."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is to be computed."""

    request: ComputeRequest
    model: KeptModel | None
    """The owner's own model that it is about."""


class OwnersModels:
    """The models of all owners, for the thread of one event loop.

    Args:
        store: where they are kept.
        repository: the machine's own models, whose ids no owner can take.
        quotas: what each owner may have, where the store says nothing else.
    """

    def __init__(self, store: Store, repository: Repository, quotas: Quotas) -> None:
        self._store, self._repository, self._quotas = store, repository, quotas
        self._known: Recent[tuple[str, str], KeptModel | None] = Recent(REMEMBERED, BYTES)
        self._changes = 0

    async def add(self, owner: str, new: NewModel) -> tuple[ModelInfo, bool]:
        """Keep a model; return what is kept under its id, and whether it is new there.

        Raises:
            InvalidModelError: the text is refused at the door.
            ConfigurationError: the id cannot be a name.
            ModelExistsError: it names another model of the owner, or one of the machine.
            ResourceExhaustionError: the owner's space is used up.
        """
        info = await asyncio.to_thread(self._described, new)

        def change(connection: Connection) -> ModelInfo | None:
            there = models.present(connection, owner, info)
            if there is None:
                if not models.keeps(connection, owner, info.digest):  # each text counts once
                    check_room(connection, owner, self._quotas, len(new.text.encode()))
                models.add(connection, owner, KeptModel(info, new.text))
            return there

        there = await self._store.write(change)
        self._forget(owner)
        return there or info, there is None

    async def list(self, owner: str) -> list[ModelInfo]:
        """Return an owner's models, by id."""
        return await self._store.read(models.listed, owner)

    async def find(self, owner: str | None, name: str | None) -> KeptModel | None:
        """Return an owner's model of that id, sha256, or beginning of a sha256; `None` where there is none.

        What ships has its name before all owners' models, and is not looked for in the store.

        Raises:
            ModelNotFoundError: the beginning fits several.
        """
        if owner is None or name is None or self._repository.ships(name):
            return None
        key = (owner, name)
        if key in self._known:
            return self._known[key]
        changes = self._changes
        found = await self._store.read(models.find, owner, name)
        if changes == self._changes and key not in self._known:  # else it may be older than a change
            self._known.put(key, found, _size(found))
        return found

    async def remove(self, owner: str, model_id: str) -> None:
        """Forget an owner's model; jobs that were handed in with it have it until they end.

        Raises:
            ModelNotFoundError: there is none of that id.
        """
        await self._store.write(models.remove, owner, model_id)
        self._forget(owner)

    async def resolve(self, owner: str | None, request: ComputeRequest) -> Asked:
        """Return `request` with the text of the owner's model that it names, if it names one.

        Models that ship, and texts that come with requests, are not looked for in the store.

        Raises:
            ModelNotFoundError: the name is the beginning of several digests.
            InvalidModelError: the model is of the other kind.
        """
        model = await self.find(owner, request.model)
        return Asked(request if model is None else with_text(request, model.info, model.text), model)

    async def resolve_context(self, owner: str | None, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the context of a tool's process with the text of the owner's model that it names, if any.

        The text takes the place of the name in the field that requests have for it.

        Raises:
            ModelNotFoundError: the name is the beginning of several digests.
        """
        name = context.get("model")
        model = await self.find(owner, name) if isinstance(name, str) else None
        if model is None:
            return dict(context)
        rest = {field: value for field, value in context.items() if field != "model"}
        return rest | {text_field(model.info): model.text}

    @asynccontextmanager
    async def suggested(self, owner: str | None, name: str | None) -> AsyncIterator[None]:
        """Suggest the owner's own models too where nothing in this block knows a model of that name."""
        try:
            yield
        except ModelNotFoundError as error:
            known = error.details.get("known")  # there where the whole repository was looked through
            if owner is not None and name is not None and known is not None:
                own = [info.id for info in await self.list(owner)]
                near = error.details.get("near_matches", [])
                error.details |= did_you_mean(name, [*own, *near, *known])
                error.details["known"] = [*own, *known]
            raise

    def _described(self, new: NewModel) -> ModelInfo:
        check_id(new.id)
        if self._repository.named(new.id) is not None:
            raise ModelExistsError(
                f"The id {new.id} names a model of this server, which every owner has.",
                details={"place": "id", "remedy": "Choose another id."},
            )
        try:
            source = admit(new.text, new.format)
        except InvalidModelError as error:
            error.details.setdefault("field", "text")
            raise
        return describe(
            source,
            id=new.id,
            chassis=new.chassis,
            title=new.title or new.id,
            licence=new.licence,
            origin="owner",
            kind=new.kind,
            version=new.version,
            sources=new.sources,
            limits=new.limits,
        )

    def _forget(self, owner: str) -> None:
        self._changes += 1
        self._known.pop_where(lambda key: key[0] == owner)


class OwnedComputer:
    """Computes requests of whoever asks now, with that owner's own models.

    Args:
        computer: computes.
        models: the owners' models.
    """

    def __init__(self, computer: Computer, models: OwnersModels) -> None:
        self._computer, self._models = computer, models

    async def compute(self, request: ComputeRequest) -> bytes:
        """Return the encoded result of `request`; raises as `Computer.compute` and `OwnersModels.resolve`."""
        asked = await self._models.resolve(owners.current(), request)
        async with self._suggested(request):
            return await self._computer.compute(asked.request)

    async def parts(self, request: ComputeRequest) -> AsyncGenerator[Shard]:
        """Give the answers to the parts of `request`; raises as `compute`."""
        asked = await self._models.resolve(owners.current(), request)
        async with self._suggested(request), aclosing(self._computer.parts(asked.request)) as answers:
            async for shard in answers:
                yield shard

    async def routed(self, request: R) -> R:
        """Return `request` with its route, and with its model's text; raises as `compute`."""
        asked = await self._models.resolve(owners.current(), request)
        async with self._suggested(request):
            return cast(R, await self._computer.routed(asked.request))

    def _suggested(self, request: ComputeRequest) -> AbstractAsyncContextManager[None]:
        return self._models.suggested(owners.current(), request.model)

    def health(self) -> HealthReport:
        """Return the state of things now."""
        return self._computer.health()


def known_as(result: bytes, model_id: str) -> bytes:
    """Return an encoded result about a text as one about the model of that id.

    Raises:
        ValueError: it says nothing of a model that came as text.
    """
    if UNNAMED not in result:
        raise ValueError("A result that does not say that its model came as text.")
    return result.replace(UNNAMED, UNNAMED.removesuffix(b"null") + json.dumps(model_id).encode(), 1)


def _size(model: KeptModel | None) -> int:
    return 0 if model is None else sys.getsizeof(model.text)
