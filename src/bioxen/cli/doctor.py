"""`bioxen doctor`: what is installed, what works, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import typer
from rich.text import Text

from bioxen._version import VERSION
from bioxen.cli.console import errors, results, table
from bioxen.errors import BioXenException
from bioxen.protocol.services import DYNAMIC_PORT, ORCHESTRATOR_PORT, STATIC_PORT

SERVER_REMEDY = 'pip install "bioxen[server]"'
ELSEWHERE = "without the server extra cells compute elsewhere"
PACKAGES = ("cobra", "highspy", "libroadrunner", "antimony", "python-libsbml", "fastapi", "uvicorn")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    what: str
    ok: bool | None
    """`None` where it is neither needed nor there."""
    detail: str
    remedy: str = ""


def doctor() -> None:
    """Check packages, engines, models, accelerators and ports; exit code 1 where something needs mending.

    Example: [bold]bioxen doctor[/]
    """
    findings = [_platform(), *_packages()]
    with errors.status("running each engine once …"):
        findings += _engines()
    findings += [_models(), *_accelerators(), *_ports()]
    listing = table("BioXen doctor", "", "what", "detail", "what to do")
    marks = {True: Text("ok", "green"), False: Text("no", "red"), None: Text("-", "dim")}
    for finding in findings:
        listing.add_row(marks[finding.ok], finding.what, finding.detail, finding.remedy)
    results.print(listing)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def _platform() -> Finding:
    supported = sys.platform in ("linux", "darwin")
    detail = f"BioXen {VERSION}, Python {platform.python_version()}, {platform.platform()}"
    return Finding(
        "platform", supported, detail, "" if supported else "Workers need Linux or macOS (or WSL)."
    )


def _packages() -> list[Finding]:
    return [_package(name) for name in PACKAGES]


def _package(name: str) -> Finding:
    try:
        return Finding(f"package {name}", True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(f"package {name}", _needed(), "not installed", SERVER_REMEDY)


def _needed() -> bool | None:
    """Return what a missing part means: nothing on a machine whose cells compute elsewhere."""
    return False if _computes_here() else None


def _computes_here() -> bool:
    return any(importlib.util.find_spec(module) for module in ("fastapi", "cobra", "roadrunner"))


def _engines() -> list[Finding]:
    """Compute something small on each engine, through real workers."""
    if importlib.util.find_spec("fastapi") is None:
        return [Finding("engines", _needed(), f"not tried: {ELSEWHERE}", SERVER_REMEDY)]
    import bioxen

    try:
        with bioxen.local(workers=1) as hypervisor:
            hypervisor.create_vm("doctor", "ecoli", "lightweight").start()
            return [
                _tried("metabolic engine", lambda: hypervisor.execute_process("doctor", "metabolic_fba")),
                _tried("kinetic engine", lambda: hypervisor.execute_process("doctor", "kinetic_ode")),
            ]
    except BioXenException as error:
        return [Finding("engines", False, error.message, error.remedy or "")]


def _tried(what: str, ask: Callable[[], object]) -> Finding:
    start = time.perf_counter()
    try:
        output = ask()["biological_output"]  # type: ignore[index]
    except BioXenException as error:
        return Finding(what, False, error.message, error.remedy or "")
    return Finding(what, True, f"{output} ({(time.perf_counter() - start) * 1000:.0f} ms, cold)")


def _models() -> Finding:
    if importlib.util.find_spec("fastapi") is None:
        return Finding("models", _needed(), f"not checked: {ELSEWHERE}", SERVER_REMEDY)
    from bioxen.server.bytecode.repository import Repository

    broken = [verdict.info.id for verdict in Repository().verify() if not verdict.ok]
    if broken:
        return Finding("models", False, f"changed on disk: {', '.join(broken)}", "Install BioXen again.")
    return Finding("models", True, f"{len(Repository().list())} models, every digest right")


def _accelerators() -> list[Finding]:
    if importlib.util.find_spec("pynvml") is None:
        return [Finding("accelerators", None, f"not looked for: {ELSEWHERE}", SERVER_REMEDY)]
    from bioxen.server.accelerators import AcceleratorType, detect

    found = detect()
    lines = [
        Finding(f"accelerator {one.type}", True, one.name + (f", {one.units} cores" if one.units > 1 else ""))
        for one in found
    ]
    missing = {AcceleratorType.GPU, AcceleratorType.TPU} - {one.type for one in found}
    return lines + [
        Finding(f"accelerator {kind}", None, "none found; not needed") for kind in sorted(missing)
    ]


def _ports() -> list[Finding]:
    return [
        _port(name, port)
        for name, port in (
            ("orchestrator", ORCHESTRATOR_PORT),
            ("metabolic", STATIC_PORT),
            ("kinetic", DYNAMIC_PORT),
        )
    ]


def _port(name: str, port: int) -> Finding:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    detail = "something listens there" if taken else "free"
    return Finding(f"port {port} ({name})", None if taken else True, detail)
