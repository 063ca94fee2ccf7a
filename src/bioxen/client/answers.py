"""From an HTTP answer to a message, or to the same exception the service raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx2
import pydantic

from bioxen.errors import BioXenException, ServiceUnavailableError

M = TypeVar("M", bound=pydantic.BaseModel)

PROBLEM = "application/problem+json"


def read_message(response: httpx2.Response, message_type: type[M]) -> M:
    """Return the message that `response` carries.

    Raises:
        BioXenException: the fault that the service answered with.
        ServiceUnavailableError: the answer is no BioXen service's.
    """
    raise_for_fault(response)
    try:
        return message_type.model_validate_json(response.content)
    except pydantic.ValidationError as error:
        raise _stranger(
            response, f"its answer is no {message_type.__name__}: {error.errors()[0]['msg']}"
        ) from None


def read_object(response: httpx2.Response) -> dict[str, Any]:
    """Return the JSON object that `response` carries.

    Raises:
        BioXenException: the fault that the service answered with.
        ServiceUnavailableError: the answer is no BioXen service's.
    """
    raise_for_fault(response)
    answer = _json(response)
    if not isinstance(answer, dict):
        raise _stranger(response, "its answer is no JSON object")
    return answer


def raise_for_fault(response: httpx2.Response) -> None:
    """Raise the fault that an unsuccessful `response` stands for.

    Raises:
        BioXenException: of the class that the service raised.
        ServiceUnavailableError: the answer has no problem body; a proxy's page, for example.
    """
    if response.is_success:
        return
    fault = _fault(response)
    if "Retry-After" in response.headers:
        fault.details.setdefault("retry_after", _seconds(response.headers["Retry-After"]))
    raise fault


def _fault(response: httpx2.Response) -> BioXenException:
    body = _json(response)
    if response.headers.get("Content-Type", "").startswith(PROBLEM) and isinstance(body, Mapping):
        try:
            return BioXenException.from_problem(body)
        except (KeyError, ValueError):  # a code that this version does not know
            return _stranger(response, str(body.get("detail", "unknown problem")))
    return _stranger(response, "the answer is no problem body of BioXen's")


def _stranger(response: httpx2.Response, why: str) -> ServiceUnavailableError:
    status, url = response.status_code, str(response.request.url)
    return ServiceUnavailableError(
        f"{url} answered with status {status}, but not as a BioXen service of this version would: {why}.",
        details={
            "url": url,
            "status": status,
            "remedy": "Check the URL, and what stands before the service.",
        },
    )


def _json(response: httpx2.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _seconds(retry_after: str) -> float | str:
    try:
        return float(retry_after)
    except ValueError:  # HTTP allows a date
        return retry_after
