"""Every fault BioXen knows, with one class and one code for each.

The tree::

    BioXenException
    ├─ VmCreationError (BX001)          ├─ VmNotFoundError (BX010)
    ├─ ResourceAllocationError (BX002)  ├─ ModelNotFoundError (BX011)
    ├─ ChassisError (BX003)             ├─ InvalidModelError (BX012)
    ├─ OverloadError (BX004)            ├─ UnknownIdentifierError (BX013)
    ├─ ConfigurationError (BX005)       ├─ UnknownProcessError (BX014)
    ├─ VmStateError (BX006)             ├─ ServiceUnavailableError (BX015)
    ├─ MissingModuleError (BX007)       ├─ ComputationTimeoutError (BX016)
    ├─ ValidationError (BX008)          ├─ EngineCrashError (BX017)
    ├─ ResourceExhaustionError (BX009)  ├─ ComputationError (BX018)
    ├─ JobNotFoundError (BX019)         ├─ JobStateError (BX020)
    ├─ MissingScopeError (BX021)        ├─ ArrayNotFoundError (BX022)
    └─ ModelExistsError (BX023)

A scientific outcome (infeasible, unbounded, an integration that cannot go on) is a status in a
result, never one of these. An exception is a fault: bad input, a missing part, a broken engine.

Each fault travels as one JSON body, `application/problem+json` of RFC 9457, and the client turns the body
back into the same class: `BioXenException.from_problem(error.to_problem())` is an equal error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Self

PROBLEM_TYPE_PREFIX = "urn:bioxen:error:"


class BioXenErrorCode(StrEnum):
    """The code of a fault, stable for ever; scripts may match on it."""

    VM_CREATION_FAILED = "BX001"
    RESOURCE_ALLOCATION_ERROR = "BX002"
    CHASSIS_INITIALIZATION_ERROR = "BX003"
    HYPERVISOR_OVERLOAD = "BX004"
    INVALID_CONFIGURATION = "BX005"
    VM_STATE_ERROR = "BX006"
    IMPORT_MODULE_ERROR = "BX007"
    API_VALIDATION_ERROR = "BX008"
    RESOURCE_EXHAUSTION = "BX009"
    VM_NOT_FOUND = "BX010"
    MODEL_NOT_FOUND = "BX011"
    INVALID_MODEL = "BX012"
    UNKNOWN_IDENTIFIER = "BX013"
    UNKNOWN_PROCESS = "BX014"
    SERVICE_UNAVAILABLE = "BX015"
    COMPUTATION_TIMEOUT = "BX016"
    ENGINE_CRASH = "BX017"
    COMPUTATION_FAILED = "BX018"
    JOB_NOT_FOUND = "BX019"
    JOB_STATE_ERROR = "BX020"
    MISSING_SCOPE = "BX021"
    ARRAY_NOT_FOUND = "BX022"
    MODEL_EXISTS = "BX023"


class BioXenException(Exception):  # noqa: N818 - the public name since the project's first day
    """A fault with a code, and in `details` the place of the mistake and its remedy where they are known.

    Args:
        message: one sentence that names what is wrong.
        code: the fault's code; a subclass brings its own, and giving another is a mistake.
        details: JSON-ready facts. Keys with a meaning: `place` (a path into the input, such as
            `constraints.EX_o2_e`), `remedy` (what would be right), `near_matches` (names that exist),
            `retry_after` (seconds).
    """

    default_code: ClassVar[BioXenErrorCode] = BioXenErrorCode.COMPUTATION_FAILED
    http_status: ClassVar[int] = 500
    _classes: ClassVar[dict[BioXenErrorCode, type[BioXenException]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        BioXenException._classes[cls.default_code] = cls

    def __new__(
        cls,
        message: str = "",  # noqa: ARG004 - for __init__
        code: BioXenErrorCode | None = None,
        details: Mapping[str, Any] | None = None,  # noqa: ARG004 - for __init__
    ) -> Self:
        """Give the class that belongs to `code`, so that `except VmStateError` also sees a plain raise."""
        chosen = cls if code is None else BioXenException._classes.get(code, cls)
        return super().__new__(chosen if issubclass(chosen, cls) else cls)

    def __init__(
        self,
        message: str,
        code: BioXenErrorCode | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code, details)
        self.message = message
        self.code = code or self.default_code
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        message = self.message if self.message.endswith((".", "!", "?")) else self.message + "."
        return f"[{self.code.value}] {message} {self.remedy or ''}".rstrip()

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is type(self)
            and isinstance(other, BioXenException)
            and ((self.message, self.code, self.details) == (other.message, other.code, other.details))
        )

    __hash__ = Exception.__hash__

    @property
    def place(self) -> str | None:
        """Where in the input the mistake is, if it has a place."""
        return self.details.get("place")

    @property
    def remedy(self) -> str | None:
        """What would be right, in words for a person."""
        return self.details.get("remedy")

    def to_problem(self) -> dict[str, Any]:
        """Return the JSON body (RFC 9457) this fault has on the wire."""
        return {
            "type": PROBLEM_TYPE_PREFIX + self.code.value,
            "title": self.code.name,
            "status": self.http_status,
            "detail": self.message,
            "code": self.code.value,
            "place": self.place,
            "remedy": self.remedy,
            "details": {k: v for k, v in self.details.items() if k not in ("place", "remedy")},
        }

    @staticmethod
    def from_problem(problem: Mapping[str, Any]) -> BioXenException:
        """Return the fault that `problem`, a body made by `to_problem`, stands for."""
        details = dict(problem.get("details") or {})
        details.update({k: problem[k] for k in ("place", "remedy") if problem.get(k) is not None})
        return BioXenException(str(problem.get("detail", "")), BioXenErrorCode(problem["code"]), details)


class VmCreationError(BioXenException):
    """A virtual cell cannot be made from what was asked."""

    default_code = BioXenErrorCode.VM_CREATION_FAILED
    http_status = 422


class ResourceAllocationError(BioXenException):
    """A resource was asked for in an amount that makes no sense or exceeds what one cell may have."""

    default_code = BioXenErrorCode.RESOURCE_ALLOCATION_ERROR
    http_status = 422


class ChassisError(BioXenException):
    """No chassis of that name, or its definition is broken."""

    default_code = BioXenErrorCode.CHASSIS_INITIALIZATION_ERROR
    http_status = 422


class OverloadError(BioXenException):
    """Every queue is full; `details["retry_after"]` says in how many seconds to try again."""

    default_code = BioXenErrorCode.HYPERVISOR_OVERLOAD
    http_status = 503


class ConfigurationError(BioXenException):
    """A setting contradicts another or names something that does not exist."""

    default_code = BioXenErrorCode.INVALID_CONFIGURATION
    http_status = 422


class VmStateError(BioXenException):
    """The cell's state does not allow that; `details` names the state and what it allows."""

    default_code = BioXenErrorCode.VM_STATE_ERROR
    http_status = 409


class MissingModuleError(BioXenException):
    """A package that this needs is not installed; the remedy names the extra that brings it."""

    default_code = BioXenErrorCode.IMPORT_MODULE_ERROR
    http_status = 501


class ValidationError(BioXenException):
    """The request is not of the form the protocol asks for."""

    default_code = BioXenErrorCode.API_VALIDATION_ERROR
    http_status = 422


class ResourceExhaustionError(BioXenException):
    """What was asked for does not fit into what is left, or a computation outgrew its memory."""

    default_code = BioXenErrorCode.RESOURCE_EXHAUSTION
    http_status = 507


class VmNotFoundError(BioXenException):
    """No virtual cell of that id is registered here."""

    default_code = BioXenErrorCode.VM_NOT_FOUND
    http_status = 404


class ModelNotFoundError(BioXenException):
    """No model of that id or digest is in the repository."""

    default_code = BioXenErrorCode.MODEL_NOT_FOUND
    http_status = 404


class InvalidModelError(BioXenException):
    """The model's text is malformed, hostile, or of a kind this engine cannot run."""

    default_code = BioXenErrorCode.INVALID_MODEL
    http_status = 422


class UnknownIdentifierError(BioXenException):
    """The model has no reaction, gene, species, parameter or objective of that id."""

    default_code = BioXenErrorCode.UNKNOWN_IDENTIFIER
    http_status = 422


class UnknownProcessError(BioXenException):
    """No engine knows that process code."""

    default_code = BioXenErrorCode.UNKNOWN_PROCESS
    http_status = 422


class ServiceUnavailableError(BioXenException):
    """No healthy service could be reached for that computation."""

    default_code = BioXenErrorCode.SERVICE_UNAVAILABLE
    http_status = 503


class ComputationTimeoutError(BioXenException):
    """The computation was stopped at its deadline."""

    default_code = BioXenErrorCode.COMPUTATION_TIMEOUT
    http_status = 504


class EngineCrashError(BioXenException):
    """The worker died under this computation, also when it was tried once more."""

    default_code = BioXenErrorCode.ENGINE_CRASH
    http_status = 502


class ComputationError(BioXenException):
    """An engine failed in a way it has no word for."""

    default_code = BioXenErrorCode.COMPUTATION_FAILED
    http_status = 500


class JobNotFoundError(BioXenException):
    """The owner has no job of that id."""

    default_code = BioXenErrorCode.JOB_NOT_FOUND
    http_status = 404


class JobStateError(BioXenException):
    """The job's state does not allow that; `details` names the state."""

    default_code = BioXenErrorCode.JOB_STATE_ERROR
    http_status = 409


class MissingScopeError(BioXenException):
    """The token is sound but may not do that; `details["scope"]` names what it lacks."""

    default_code = BioXenErrorCode.MISSING_SCOPE
    http_status = 403


class ArrayNotFoundError(BioXenException):
    """No array of that digest is kept, or not any more."""

    default_code = BioXenErrorCode.ARRAY_NOT_FOUND
    http_status = 404


class ModelExistsError(BioXenException):
    """The id names another model already."""

    default_code = BioXenErrorCode.MODEL_EXISTS
    http_status = 409


_MANY_NAMES = 8
"""How many of the names that exist a remedy lists."""


def near_matches(name: str, known: Iterable[str], limit: int = 5) -> list[str]:
    """Return up to `limit` of the `known` names that look like `name`, nearest first; case is ignored."""
    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.casefold(), candidate)
    close = difflib.get_close_matches(name.casefold(), by_folded, n=limit, cutoff=0.5)
    return [by_folded[folded] for folded in close]


def did_you_mean(name: str, known: Iterable[str]) -> dict[str, Any]:
    """Return `details` with the near matches of `name` among `known` and a remedy that says them.

    Where nothing is near, the remedy begins to list what there is.
    """
    names = list(dict.fromkeys(known))
    close = near_matches(name, names)
    return {"near_matches": close, "remedy": f"Did you mean {', '.join(close)}?" if close else _there(names)}


def _there(names: Sequence[str]) -> str:
    if not names:
        return "There are none."
    rest = len(names) - _MANY_NAMES
    more = f" and {rest} more" if rest > 0 else ""
    return f"There are {', '.join(sorted(names)[:_MANY_NAMES])}{more}."
