"""Settings of the services, with the defaults that suit one laptop."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from bioxen.errors import ConfigurationError
from bioxen.protocol.quotas import CellQuotas, Quotas
from bioxen.server.accelerators.routes import MEASURED, VARIABLE

MIB = 1024 * 1024
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What a service is told at its start.

    Raises:
        ConfigurationError: an address other than loopback without a token.
    """

    host: str = "127.0.0.1"
    """The address that is bound."""
    token: str | None = None
    """The services' own secret, brought as `Authorization: Bearer …`; needed off loopback. Where it is set,
    every request must bring it, or to an orchestrator a token of its store."""
    workers: int | None = None
    """Worker processes of a computation service; one a core where absent."""
    queue_limit: int = 1000
    """Requests that may wait in a service, in an orchestrator those of one owner; one more is answered with
    503 and Retry-After."""
    memory_limit: int = 2048 * MIB
    """Bytes one worker may use; beyond that it is killed and its request fails."""
    cache_bytes: int = 256 * MIB
    """Bytes of exact answers that a computation service keeps; 0 keeps none."""
    cache_dir: Path | None = None
    """A folder where they are kept as well, for the next start; in none where absent."""
    routes: str = field(default_factory=lambda: os.environ.get(VARIABLE) or MEASURED)
    """What a kinetic service routes studies by: `measured`, `fixed`, or the path of a file."""
    deadline: float = 60.0
    """Seconds a computation may take where its request does not say."""
    max_body: int = 64 * MIB
    """Largest request body, bytes."""
    tools: tuple[str, ...] = ()
    """Third-party tools beside the registered ones, as `module:Class`."""
    store: Path | str | None = None
    """Where an orchestrator keeps what outlives it: a folder or a database URL; in none where absent."""
    job_slots: int | None = None
    """Parts of jobs under way at once: other requests wait for no more. One more than the cores if absent."""
    quotas: Quotas = field(default_factory=Quotas)
    """What each owner may have of an orchestrator, where the store says nothing else of that owner."""
    cell_quotas: CellQuotas = field(default_factory=CellQuotas)
    """What each kept cell may have of that, where nothing else was set for the cell."""
    sys_path: tuple[Path, ...] = ()
    """Folders where workers look for those modules."""

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK_HOSTS and not self.token:
            raise ConfigurationError(
                f"Refusing to serve on {self.host} without a token: anyone could compute here.",
                details={"place": "host", "remedy": "Give --token (or BIOXEN_TOKEN), or bind 127.0.0.1."},
            )
