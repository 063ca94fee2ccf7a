"""What a cell may be told at its making, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from pydantic import TypeAdapter
from pydantic import ValidationError as PydanticError

from bioxen.errors import ConfigurationError, VmCreationError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.cells import ExecutionMode, VmConfig, VmId
from bioxen.protocol.services import DYNAMIC_PORT, STATIC_PORT

MODES: tuple[ExecutionMode, ...] = get_args(ExecutionMode)
DEFAULT_CONFIG = VmConfig()
_VM_ID: TypeAdapter[str] = TypeAdapter(VmId)


class ServiceUrls(NamedTuple):
    """Where a cell's services are; null where it has none."""

    static: str | None
    dynamic: str | None
    tools: str | None


LOCAL_SERVICES = ServiceUrls(f"http://127.0.0.1:{STATIC_PORT}", f"http://127.0.0.1:{DYNAMIC_PORT}", None)
"""Where `bioxen up` starts the services."""


def read_config(config: VmConfig | Mapping[str, Any] | None) -> VmConfig:
    """Return `config` as a message.

    Raises:
        ValidationError: it has a setting that does not exist, or a value of another form.
    """
    if config is None:
        return DEFAULT_CONFIG
    return config if isinstance(config, VmConfig) else parse(VmConfig, config)


def uses_services(config: VmConfig, default: bool) -> bool:
    """Return whether a cell may ask services.

    Raises:
        ConfigurationError: the setting's two names contradict each other.
    """
    new, old = config.enable_service_computation, config.enable_execution_modal
    if new is not None and old is not None and new != old:
        raise ConfigurationError(
            f"enable_service_computation is {new}, but its older name enable_execution_modal is {old}.",
            details={"place": "enable_execution_modal", "remedy": "Give enable_service_computation alone."},
        )
    chosen = old if new is None else new
    if chosen is None:
        wants_them = (
            config.execution_mode in ("real", "hybrid") or config.computation_service_urls is not None
        )
        return default or wants_them
    return chosen


def execution_mode(config: VmConfig, services: bool) -> ExecutionMode:
    """Return a new cell's mode.

    Raises:
        ConfigurationError: a mode that computes, on a cell that may not ask services.
    """
    mode = config.execution_mode
    if mode is None:
        return "hybrid" if services else "symbolic"
    if mode != "symbolic" and not services:
        raise ConfigurationError(
            f"The execution mode {mode!r} needs services, which enable_service_computation turns off.",
            details={"place": "execution_mode", "remedy": "Turn services on, or choose symbolic."},
        )
    return mode


def service_urls(config: VmConfig) -> ServiceUrls | None:
    """Return the URLs a cell was given; null where it was given none."""
    urls = config.computation_service_urls
    return None if urls is None else ServiceUrls(urls.static, urls.dynamic, urls.tools)


def checked_mode(mode: str) -> ExecutionMode:
    """Return `mode` where there is such an execution mode.

    Raises:
        ConfigurationError: there is none of that name.
    """
    for known in MODES:
        if mode == known:
            return known
    details = {"place": "execution_mode", **did_you_mean(mode, MODES), "known": list(MODES)}
    raise ConfigurationError(f"There is no execution mode {mode!r}.", details=details)


def checked_id(vm_id: str) -> str:
    """Return `vm_id` where a cell can be called that.

    Raises:
        VmCreationError: it cannot.
    """
    try:
        return _VM_ID.validate_python(vm_id, strict=True)
    except PydanticError as error:
        raise VmCreationError(
            f"{vm_id!r} cannot be the id of a cell: {error.errors()[0]['msg']}.",
            details={
                "place": "vm_id",
                "remedy": "Use 1 to 128 letters, digits, dots, dashes or underscores.",
            },
        ) from None
