"""What an owner asks for as a job: with the owner's own models, and only if it fits."""

from __future__ import annotations

from bioxen.protocol.jobs import Estimate
from bioxen.protocol.request import ComputeRequest
from bioxen.server.admission.estimator import Estimator
from bioxen.server.orchestrator.owned import Asked, OwnersModels


async def admitted(
    models: OwnersModels, estimator: Estimator, owner: str, request: ComputeRequest
) -> tuple[Asked, Estimate]:
    """Return an owner's request as it is to be computed, and what it will take.

    Raises:
        ModelNotFoundError: neither the owner nor the machine has such a model.
        InvalidModelError: the owner's model is of the other kind.
        ResourceExhaustionError: a worker, or this machine, has not the memory that it needs.
    """
    asked = await models.resolve(owner, request)
    async with models.suggested(owner, request.model):
        return asked, await estimator.admit(asked.request)
