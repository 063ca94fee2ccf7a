"""From pydantic's list of what is wrong with a request to one error, in the words of whoever wrote it.

Pydantic puts the process code that chose a request's type into the path of a mistake; nobody wrote it there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioxen.errors import BioXenException, UnknownProcessError, ValidationError, near_matches
from bioxen.protocol.base import BETWEEN_FIELDS, OF_NO_KIND, as_given, validation_error
from bioxen.protocol.processes import COMPUTE_PATHS, find_process, process_codes

Path = tuple[str | int, ...]
INSIDE = "request"
"""The field of a message that holds a request."""
WHOLE = ("the body",)
EVERY_CODE = "GET /processes lists the codes that exist."


def request_error(errors: Sequence[Mapping[str, Any]], given: Any = None) -> BioXenException:
    """Return the error for a request, or for a message with one in its field `request`.

    Args:
        errors: what pydantic says.
        given: what it says that of, as plain data; where it is known, places are those in it.
    """
    first = errors[0]
    of_process = "process_code" in str(first.get("ctx", {}).get("discriminator"))
    if of_process and first["type"] == "union_tag_invalid":
        return _unknown_process(str(first["ctx"]["tag"]), tuple(first["loc"]))
    if of_process and first["type"] == "union_tag_not_found":
        return _no_process_code(tuple(first["loc"]))
    at = 1 if first["loc"][:1] == (INSIDE,) else 0
    code = first["loc"][at] if len(first["loc"]) > at else None
    process = None if code is None else find_process(str(code))
    if process is not None:
        errors = [{**one, "loc": (*one["loc"][:at], *one["loc"][at + 1 :])} for one in errors]
    if given is not None:
        errors = as_given(errors, given)
    named = {*OF_NO_KIND, BETWEEN_FIELDS}
    placed = [one if one["loc"] or one["type"] in named else {**one, "loc": WHOLE} for one in errors]
    return validation_error(placed, process.request if process else None)


def _unknown_process(code: str, where: Path) -> UnknownProcessError:
    """Return the error for a process code that is none, or that is not asked for here."""
    place = _place(where)
    process = find_process(code)
    if process is not None:
        remedy = f"POST it to {COMPUTE_PATHS[process.service]}, or hand it in as a job."
        return UnknownProcessError(
            f"The process {code!r} cannot be asked for here.", details={"place": place, "remedy": remedy}
        )
    close = near_matches(code, process_codes())
    return UnknownProcessError(
        f"No process has the code {code!r}.",
        details={
            "place": place,
            "near_matches": close,
            "remedy": f"Did you mean {', '.join(close)}?" if close else EVERY_CODE,
        },
    )


def _no_process_code(where: Path) -> ValidationError:
    place = _place(where)
    message = f"{place}: it is missing, and it tells what to compute."
    return ValidationError(message, details={"place": place, "remedy": EVERY_CODE})


def _place(where: Path) -> str:
    return ".".join(str(part) for part in (*where, "process_code"))
