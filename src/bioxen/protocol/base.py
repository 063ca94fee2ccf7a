"""What every message on the wire shares, and the one way to read one from outside."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from bioxen.errors import ValidationError, near_matches

M = TypeVar("M", bound="Message")
OF_NO_KIND = {
    "union_tag_invalid": "there is no such kind",
    "union_tag_not_found": "it is missing, and it tells which kind this is",
}
"""Mistakes in the field that tells the kind of a message, in our words."""
BETWEEN_FIELDS = "between_fields"
"""The type of a mistake that a rule over several fields found."""


def mistake_at(place: str, words: str) -> PydanticCustomError:
    """Return what a rule over several fields raises: pydantic knows the message it looked at, not the field.

    Args:
        place: the field to mend, from the message that has the rule: `upper`, `measurements.S1`.
        words: what is wrong with it.
    """
    return PydanticCustomError(BETWEEN_FIELDS, "{words}", {"words": words, "place": place})


class Message(BaseModel):
    """A message: strict types, no unknown fields, no NaN, immutable once made."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    def fingerprint(self) -> str:
        """Return the sha256 of the message's canonical JSON: equal requests have equal fingerprints."""
        return fingerprint_of(self.model_dump(mode="json", exclude_none=True))


class MappingMessage(Message):
    """A message that also reads like a dict: `result["status"]`, `result.get("symbolic")`, `dict(result)`."""

    def __getitem__(self, key: str) -> Any:
        if key not in type(self).model_fields:
            raise KeyError(key)
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in type(self).model_fields

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # a mapping iterates over its keys
        return iter(type(self).model_fields)

    def __len__(self) -> int:
        return len(type(self).model_fields)

    def keys(self) -> Iterator[str]:
        """Return the names of the fields."""
        return iter(self)

    def values(self) -> Iterator[Any]:
        """Return the fields' values, in the order of `keys`."""
        return (self[key] for key in self)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Return pairs of name and value."""
        return ((key, self[key]) for key in self)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the field `key`, or `default` where there is no such field."""
        return getattr(self, key) if key in self else default


def parse(message_type: type[M], data: bytes | str | Mapping[str, Any]) -> M:
    """Return `data` (JSON text or a mapping) as a message.

    Raises:
        ValidationError: `data` has another form; the error names the place and what would be right.
    """
    try:
        if isinstance(data, bytes | str):
            return message_type.model_validate_json(data)
        return message_type.model_validate(dict(data))
    except pydantic.ValidationError as error:
        if not isinstance(data, bytes | str) and (plainer := plain(data)) is not data:
            return parse(message_type, plainer)
        given = _decoded(data) if isinstance(data, bytes | str) else data
        raise validation_error(as_given(error.errors(), given), message_type) from None


def plain(value: Any) -> Any:
    """Return NumPy's scalars and arrays (all that has `tolist`) as Python's; `value` itself without any."""
    if isinstance(value, Mapping):
        made = {key: plain(one) for key, one in value.items()}
        return made if any(made[key] is not one for key, one in value.items()) else value
    if isinstance(value, list | tuple):
        items = [plain(one) for one in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value.tolist() if callable(getattr(value, "tolist", None)) else value


def _decoded(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # that is the mistake, and it has no place inside
        return None


def as_given(errors: Sequence[Any], given: Any) -> list[dict[str, Any]]:
    """Return pydantic's `errors` with places in `given`: which kind of several it tried is none.

    Of the kinds that a value could have been, the one that fits further in speaks first.
    """
    placed = [{**error, "loc": _walked(error, given)} for error in errors]
    first = placed[0]["loc"]
    if len(first) < len(errors[0]["loc"]):
        placed.sort(key=lambda error: error["loc"][: len(first)] != first or len(error["loc"]) == len(first))
    return placed


def _walked(error: Mapping[str, Any], value: Any) -> tuple[str | int, ...]:
    """Return the path of `error` through `value`, without the parts that are no step into it."""
    path: list[str | int] = []
    for number, part in enumerate(error["loc"], 1):
        if _leads(part, value):
            value = value[part]
        elif number < len(error["loc"]) or not _is_field(part, error, value):
            continue
        path.append(part)
    return tuple(path)


def _is_field(part: str | int, error: Mapping[str, Any], value: Any) -> bool:
    """Return whether the last part of a path is a field that was not sent, and no kind of what was sent."""
    if error["type"] == "missing" or part == "[key]":
        return True
    return repr(error["input"]) != repr(value)  # a default that does not fit; NaN differs from itself


def _leads(part: str | int, value: Any) -> bool:
    if isinstance(value, Mapping):
        return part in value
    return isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)


def validation_error(errors: Sequence[Any], message_type: type[BaseModel] | None = None) -> ValidationError:
    """Return the BioXen error for pydantic's list of `errors`; the first is told in full, all are listed."""
    first = errors[0]
    place = _place(first)
    details: dict[str, Any] = {
        "place": place,
        "remedy": _remedy(first, message_type),
        "problems": [{"place": _place(error), "message": _words(error)} for error in errors[:20]],
    }
    return ValidationError(f"{place}: {_words(first)}" if place else _words(first), details=details)


def _place(error: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in (*error["loc"], *_field(error)) if part != "body")


def _field(error: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the field that is meant where pydantic names the message that has it."""
    if error["type"] in OF_NO_KIND:
        return (error["ctx"]["discriminator"].strip("'"),)
    return (error["ctx"]["place"],) if error["type"] == BETWEEN_FIELDS else ()


def _words(error: Mapping[str, Any]) -> str:
    if error["type"] in OF_NO_KIND:
        return OF_NO_KIND[error["type"]]
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    return str(error["msg"]).removeprefix("Value error, ")


def _remedy(error: Mapping[str, Any], message_type: type[BaseModel] | None) -> str:
    if error["type"] == "union_tag_invalid":
        return _choice(str(error["ctx"]["tag"]), error["ctx"]["expected_tags"])
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        return _choice(error["input"], error["ctx"]["expected"])
    if error["type"] != "extra_forbidden" or message_type is None:
        return "Correct the value at that place; the OpenAPI document shows its form."
    fields = list(message_type.model_fields)
    close = near_matches(str(error["loc"][-1]), fields)
    return f"Did you mean {', '.join(close)}?" if close else f"The fields are {', '.join(fields)}."


def _choice(given: str, expected: str) -> str:
    """Return the remedy for a word that is none of those `expected`, which pydantic lists in quotes."""
    known = re.findall("'([^']*)'", expected)
    close = near_matches(given, known)
    return f"Did you mean {', '.join(close)}?" if close else f"Give one of {', '.join(known) or expected}."


def fingerprint_of(value: Any) -> str:
    """Return the sha256 of the canonical JSON of `value`, as `Message.fingerprint` does of a message."""
    return hashlib.sha256(_canonical_json(value)).hexdigest()


def _canonical_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
