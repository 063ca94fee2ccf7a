"""Results put together from parts that were checked when they were made: nothing is checked again."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


def blank(kind: type[M]) -> M:
    """Return a message to be filled in by `model_copy`, with its fields in the order of the wire.

    A copy keeps that order, and takes a third of the time that `model_construct` does. A required field that
    is left out has no value that could be written.
    """
    defaults: dict[str, Any] = {name: field.default for name, field in kind.model_fields.items()}
    return kind.model_construct(**defaults)


def part_of(kind: type[M]) -> Callable[[M], dict[str, Any]]:
    """Return what gives the fields of `kind` that a message of a kind derived from it has, by name."""
    names = tuple(kind.model_fields)
    values = attrgetter(*names)
    return lambda message: dict(zip(names, values(message), strict=True))


def encoded(result: BaseModel) -> bytes:
    """Return a result as it goes out."""
    return result.model_dump_json().encode()


def filled_in(text: bytes, field: str, value: bytes) -> bytes:
    """Return an encoded message with `value`, which is JSON, in the place of a field that is null.

    A text within a message has its quotation marks escaped, so it never looks like a field.

    Raises:
        ValueError: the message has no such field, or the field has a value.
    """
    name = f'"{field}":'.encode()
    before, found, after = text.partition(name + b"null")
    if not found:
        raise ValueError(f"no empty field {field} to fill in")
    return b"".join((before, name, value, after))
