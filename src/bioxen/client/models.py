"""Models from the asking side: those that an orchestrator knows, and those that it keeps for you."""

from __future__ import annotations

from typing import Any

from pydantic import RootModel

from bioxen.client.answers import raise_for_fault, read_message
from bioxen.client.paths import of_model
from bioxen.client.sending import Sender
from bioxen.protocol.base import parse
from bioxen.protocol.models import NewModel
from bioxen.protocol.services import ModelInfo


class Models:
    """The models of one orchestrator: the machine's, and your own, which no other owner sees."""

    def __init__(self, send: Sender) -> None:
        self._send = send

    def add(self, model_id: str, text: str, **fields: Any) -> ModelInfo:
        """Keep a model, so that requests can name it; the same once more changes nothing.

        Args:
            model_id: what requests will name it.
            text: the whole model: SBML, Antimony or COBRA JSON.
            fields: more of `NewModel`: format, kind, chassis, title, version, licence, sources, limits.

        Raises:
            InvalidModelError: the text is no model, or could harm whoever reads it.
            ModelExistsError: the id names another model.
            ConfigurationError: the id cannot be a name.
            ResourceExhaustionError: your quota of stored bytes is used up.
            ValidationError: a field is not of its form.
        """
        new = parse(NewModel, {"id": model_id, "text": text, **fields})
        return read_message(self._send("POST", "/models", new.model_dump_json(exclude_none=True)), ModelInfo)

    def list(self) -> list[ModelInfo]:
        """Return the models that requests may name: the machine's, then your own (origin `owner`)."""
        return read_message(self._send("GET", "/models"), RootModel[list[ModelInfo]]).root

    def get(self, name: str) -> ModelInfo:
        """Return what is known of the model of that id or digest.

        Raises:
            ModelNotFoundError: there is none that you may name.
        """
        return read_message(self._send("GET", of_model(name)), ModelInfo)

    def text(self, name: str) -> str:
        """Return the text of a model of your own.

        Raises:
            ModelNotFoundError: you keep none of that id or digest.
        """
        answer = self._send("GET", of_model(name, "text"))
        raise_for_fault(answer)
        return answer.content.decode()

    def delete(self, model_id: str) -> None:
        """Forget a model of your own, by its id. Jobs that were handed in with it go on with it.

        Raises:
            ModelNotFoundError: you keep none of that id.
            ConfigurationError: it is the machine's.
        """
        raise_for_fault(self._send("DELETE", of_model(model_id)))
