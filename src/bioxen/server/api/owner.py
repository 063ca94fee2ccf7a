"""`GET /owner`: who asks, what it may have, and what it has."""

from __future__ import annotations

from fastapi import APIRouter

from bioxen.protocol.quotas import OwnerReport, Quotas
from bioxen.server.api.problems import responses_for
from bioxen.server.api.security import Asking
from bioxen.server.store.quotas import quotas_of, usage_of
from bioxen.server.store.store import Store


def owner_route(store: Store, defaults: Quotas) -> APIRouter:
    """Return `GET /owner`."""
    router = APIRouter(tags=["status"])

    @router.get("/owner", response_model=OwnerReport, responses=responses_for())
    async def get_owner(asking: Asking) -> OwnerReport:
        """Return whom your token speaks for, with quotas and what is used of them."""
        return OwnerReport(
            owner=asking.owner,
            scopes=sorted(asking.scopes),
            quotas=await store.read(quotas_of, asking.owner, defaults),
            usage=await store.read(usage_of, asking.owner),
        )

    return router
