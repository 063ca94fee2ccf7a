"""From an HTTP answer to a message, or to the same exception the service raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from bioxen.client.transport import Answer
from bioxen.errors import BioXenException, ServiceUnavailableError

M = TypeVar("M", bound=pydantic.BaseModel)

PROBLEM = "application/problem+json"


def read_message(answer: Answer, message_type: type[M]) -> M:
    """Return the message that `answer` carries.

    Raises:
        BioXenException: the fault that the service answered with.
        ServiceUnavailableError: the answer is no BioXen service's.
    """
    raise_for_fault(answer)
    try:
        return message_type.model_validate_json(answer.content)
    except pydantic.ValidationError as error:
        raise _stranger(
            answer, f"its answer is no {message_type.__name__}: {error.errors()[0]['msg']}"
        ) from None


def read_object(answer: Answer) -> dict[str, Any]:
    """Return the JSON object that `answer` carries.

    Raises:
        BioXenException: the fault that the service answered with.
        ServiceUnavailableError: the answer is no BioXen service's.
    """
    raise_for_fault(answer)
    body = _json(answer)
    if not isinstance(body, dict):
        raise _stranger(answer, "its answer is no JSON object")
    return body


def raise_for_fault(answer: Answer) -> None:
    """Raise the fault that an unsuccessful `answer` stands for.

    Raises:
        BioXenException: of the class that the service raised.
        ServiceUnavailableError: the answer has no problem body; a proxy's page, for example.
    """
    if answer.is_success:
        return
    fault = _fault(answer)
    if "retry-after" in answer.headers:
        fault.details.setdefault("retry_after", _seconds(answer.headers["retry-after"]))
    raise fault


def _fault(answer: Answer) -> BioXenException:
    body = _json(answer)
    if answer.headers.get("content-type", "").startswith(PROBLEM) and isinstance(body, Mapping):
        try:
            return BioXenException.from_problem(body)
        except (KeyError, ValueError):  # a code that this version does not know
            return _stranger(answer, str(body.get("detail", "unknown problem")))
    return _stranger(answer, "the answer is no problem body of BioXen's")


def _stranger(answer: Answer, why: str) -> ServiceUnavailableError:
    status, url = answer.status, answer.url
    return ServiceUnavailableError(
        f"{url} answered with status {status}, but not as a BioXen service of this version would: {why}.",
        details={
            "url": url,
            "status": status,
            "remedy": "Check the URL, and what stands before the service.",
        },
    )


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.content)
    except ValueError:
        return None


def _seconds(retry_after: str) -> float | str:
    try:
        return float(retry_after)
    except ValueError:  # HTTP allows a date
        return retry_after
