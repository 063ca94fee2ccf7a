"""Which model a request is about: the text it brings, the name it gives, or its chassis' default."""

from __future__ import annotations

from typing import NamedTuple

from bioxen.chassis import find_chassis
from bioxen.errors import InvalidModelError
from bioxen.protocol.metabolic import MetabolicRequest
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import ModelInfo
from bioxen.server.bytecode.source import ModelFormat, ModelKind

TEXT_FIELDS: dict[str, ModelFormat | None] = {
    "sbml": "sbml",
    "cobra_json": "cobra-json",
    "kinetic_code": None,
}
"""Request fields that hold a whole model, with its format where the field says it."""


class GivenText(NamedTuple):
    """A model that came with its request."""

    field: str
    text: str
    format: ModelFormat | None


def given_text(request: ComputeRequest) -> GivenText | None:
    """Return the model's text that `request` brings, or `None` where it names its model."""
    for field, model_format in TEXT_FIELDS.items():
        text = vars(request).get(field)
        if text is not None:
            return GivenText(field, text, model_format)
    return None


def with_text(request: ComputeRequest, model: ModelInfo, text: str) -> ComputeRequest:
    """Return `request` with the text of a model in the place of its name.

    Raises:
        InvalidModelError: the model is of the other kind.
    """
    check_kind(model, "metabolic" if isinstance(request, MetabolicRequest) else "kinetic")
    return request.bound(text_field(model), text, model.id)


def text_field(model: ModelInfo) -> str:
    """Return the field in which requests bring the text of a model."""
    if model.kind == "kinetic":
        return "kinetic_code"
    return "cobra_json" if model.format == "cobra-json" else "sbml"


def check_kind(model: ModelInfo, wanted: ModelKind) -> None:
    """Return where a model is of the kind that a service runs.

    Raises:
        InvalidModelError: it is not.
    """
    if model.kind != wanted:
        service = "static" if wanted == "metabolic" else "dynamic"
        raise InvalidModelError(
            f"{model.id} is a {model.kind} model; this is the {service} service.",
            details={"place": "model", "remedy": f"Name a {wanted} model; GET /models lists them."},
        )


def model_name(request: ComputeRequest) -> str:
    """Return the id or digest of the model that a request without text is about."""
    if request.model is not None:
        return request.model
    chassis = find_chassis(request.chassis_type)
    if isinstance(request, MetabolicRequest):
        return chassis.default_model
    if getattr(request, "process_code", None) == "kinetic_gene_expression":
        return chassis.gene_expression_program
    return chassis.default_kinetic_program
