"""The catalogue of processes and the routing rule: which service a process code belongs to.

The request types are the catalogue: each names its codes, the canonical one first. A code that nobody
knows is never guessed into another analysis; its near matches go into the reason instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from bioxen.errors import near_matches
from bioxen.protocol.kinetic import AnyKineticRequest
from bioxen.protocol.metabolic import AnyMetabolicRequest
from bioxen.protocol.request import ComputeRequest

Service = Literal["static", "dynamic"]

COMPUTE_PATHS: dict[Service, str] = {"static": "/compute/metabolic", "dynamic": "/compute/kinetic"}
"""Where a service takes its requests."""
ROUTE_PATH = "/compute/kinetic/route"
"""Where a service tells the route of a study."""

ACCELERATED_TYPES = {"transcription_": "transcriptomics_inference", "protein_": "protein_folding"}
"""Prefix of a code → accelerated process type. No engine ships for these; a registered tool computes them."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process that an engine of BioXen computes."""

    code: str
    """The canonical code."""
    aliases: tuple[str, ...]
    """Other codes that mean the same."""
    service: Service
    request: type[ComputeRequest]

    @property
    def title(self) -> str:
        """What the process is called, for a person."""
        return self.request.title

    @property
    def kisao(self) -> str | None:
        """The algorithm's id in the KiSAO ontology, where it has one."""
        return self.request.kisao

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code of the process, the canonical one first."""
        return (self.code, *self.aliases)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a process code belongs."""

    service: Service | None
    """The service whose family the code is of; null where it is of none."""
    process: Process | None
    """The process, where an engine of BioXen knows the code."""
    accelerated_type: str | None
    """The accelerated process type the code is of, where it is of one."""
    near_matches: tuple[str, ...]
    """Known codes that look like an unknown one."""


def _processes(union: object, service: Service) -> list[Process]:
    processes = []
    for request in get_args(get_args(union)[0]):
        code, *aliases = get_args(request.model_fields["process_code"].annotation)
        processes.append(Process(code, tuple(aliases), service, request))
    return processes


PROCESSES: tuple[Process, ...] = (
    *_processes(AnyMetabolicRequest, "static"),
    *_processes(AnyKineticRequest, "dynamic"),
)
"""Every process that BioXen's own engines compute."""

_BY_CODE = {code: process for process in PROCESSES for code in process.codes}


def find_process(code: str) -> Process | None:
    """Return the process of that code, canonical or alias, or `None`."""
    return _BY_CODE.get(code)


def process_codes() -> tuple[str, ...]:
    """Return every known code, aliases included."""
    return tuple(_BY_CODE)


def route(code: str) -> Route:
    """Return where `code` belongs, by the catalogue first and by its name second."""
    process = find_process(code)
    service = process.service if process else _service_by_name(code)
    accelerated = next((kind for prefix, kind in ACCELERATED_TYPES.items() if code.startswith(prefix)), None)
    close = () if process else tuple(near_matches(code, _BY_CODE))
    return Route(service, process, accelerated, close)


def _service_by_name(code: str) -> Service | None:
    if code.startswith("metabolic_"):
        return "static"
    if code.startswith("kinetic_"):
        return "dynamic"
    if "flux" in code:
        return "static"
    return "dynamic" if "dynamic" in code else None
