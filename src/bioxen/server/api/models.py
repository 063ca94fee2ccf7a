"""Models over HTTP: `/models`. The machine's are everybody's; an owner's are that owner's alone."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import PlainTextResponse

from bioxen.errors import ConfigurationError, ModelNotFoundError
from bioxen.protocol.models import NewModel
from bioxen.protocol.services import ModelInfo
from bioxen.server.api.problems import responses_for
from bioxen.server.api.security import Asking
from bioxen.server.bytecode.repository import Repository
from bioxen.server.orchestrator.owned import OwnersModels

Name = Annotated[str, Path(min_length=1, max_length=256)]


def owners_model_routes(
    models: OwnersModels, repository: Repository, removed: Callable[[], None]
) -> APIRouter:
    """Return the routes of models; `removed` is called where a name has lost its meaning."""
    router = APIRouter(prefix="/models", tags=["models"])

    @router.get("", response_model=list[ModelInfo], responses=responses_for())
    async def get_models(asking: Asking) -> list[ModelInfo]:
        """List the models that a request may name; an orchestrator's list ends with your own."""
        return [*repository.list(), *await models.list(asking.owner)]

    @router.post(
        "",
        status_code=HTTPStatus.CREATED,
        response_model=ModelInfo,
        responses={
            200: {"model": ModelInfo, "description": "It was there already."},
            **responses_for(400, 409, 413, 422, 507),
        },
    )
    async def post_model(asking: Asking, new: NewModel, response: Response) -> ModelInfo:
        """Keep a model for yourself. Once more the same text changes nothing; another text is a 409."""
        info, added = await models.add(asking.owner, new)
        response.headers["Location"] = f"/models/{info.id}"
        if not added:
            response.status_code = HTTPStatus.OK
        return info

    @router.get("/{name}", response_model=ModelInfo, responses=responses_for(404, 422))
    async def get_model(asking: Asking, name: Name) -> ModelInfo:
        """Return what is known of the model of that id or digest."""
        own = await models.find(asking.owner, name)
        async with models.suggested(asking.owner, name):
            return repository.find(name) if own is None else own.info

    @router.get("/{name}/text", response_class=PlainTextResponse, responses=responses_for(404, 422))
    async def get_text(asking: Asking, name: Name) -> Response:
        """Return the text of a model of your own, as you gave it."""
        own = await models.find(asking.owner, name)
        if own is None:
            async with models.suggested(asking.owner, name):
                info = repository.find(name)
            raise ModelNotFoundError(
                f"{info.id} is no model of your own; its text is not given out.",
                details={"place": "name", "remedy": "Requests may name it. `sources` says where it is from."},
            )
        return PlainTextResponse(own.text, headers={"ETag": f'"{own.info.digest}"'})

    @router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses=responses_for(404, 422))
    async def delete_model(asking: Asking, name: Name) -> None:
        """Forget a model of your own, by its id. Jobs that were handed in with it go on with it."""
        try:
            await models.remove(asking.owner, name)
        except ModelNotFoundError:
            if all(info.id != name for info in repository.list()):
                raise
            raise ConfigurationError(
                f"The model {name} is this server's, and stays.",
                details={"place": "name", "remedy": "Only models of your own can be deleted."},
            ) from None
        removed()

    return router
