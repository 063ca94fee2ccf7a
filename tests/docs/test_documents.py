"""Documentation that can fail: what the documents say is run, parsed, or compared with the code."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.docs.documents import EVERYTHING, GUIDES, README, ROOT, blocks, python_with_output, shell_lines
from typer.main import get_command

from bioxen.cli import app, exit_code
from bioxen.errors import BioXenErrorCode, BioXenException
from bioxen.protocol.bulk import BulkRequest, PopulationRun
from bioxen.protocol.cells import CellProcessCall, Delta, ProcessCall, Resources, VmConfig, VmSpec
from bioxen.protocol.kinetic import AnyKineticRequest
from bioxen.protocol.lineage import ForkSpec, RestoreSpec, SnapshotSpec
from bioxen.protocol.metabolic import AnyMetabolicRequest
from bioxen.protocol.models import NewModel
from bioxen.protocol.processes import PROCESSES
from bioxen.protocol.submission import JobSubmission
from bioxen.server.api.registry import Registration
from bioxen.server.app import orchestrator_app
from bioxen.server.settings import ServiceSettings

BODIES: dict[str, Any] = {
    "/compute/metabolic": AnyMetabolicRequest,
    "/compute/kinetic": AnyKineticRequest,
    "/compute/process": ProcessCall,
    "/jobs/estimate": JobSubmission,
    "/models": NewModel,
    "/services": Registration,
    "/vms": VmSpec,
    "/vms/{vm_id}/delta": Delta,
    "/vms/bulk": BulkRequest,
    "/vms/runs": PopulationRun,
    "/vms/{vm_id}/forks": ForkSpec,
    "/vms/{vm_id}/processes": CellProcessCall,
    "/vms/{vm_id}/restore": RestoreSpec,
    "/vms/{vm_id}/snapshots": SnapshotSpec,
    "/vms/{vm_id}/resources": Resources,
}
"""Path → what a body sent there must be."""

WITH_PYTHON = [path for path in (README, *GUIDES) if any(True for _ in python_with_output(path))]
COMMANDS = [(place, command) for path in EVERYTHING for place, command in shell_lines(path)]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def paths() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = orchestrator_app(ServiceSettings(workers=1), []).openapi()["paths"]
    return found


@pytest.fixture(scope="module")
def guides() -> str:
    return "\n".join(path.read_text() for path in GUIDES)


# What runs.


@pytest.mark.parametrize("path", WITH_PYTHON, ids=name)
def test_python_runs_and_prints_what_it_says(path: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "BIOXEN_HOME": str(tmp_path),
        "PYTHONDEVMODE": "0",
        "PYTHONPATH": os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")]))),
    }
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    command = [sys.executable, "-m", "tests.docs.run_document", str(path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


def test_the_readme_shows_the_first_steps() -> None:
    shown = next(block for block in blocks(README) if block.language == "python")
    script = (ROOT / "examples/first_steps.py").read_text()
    assert shown.text.strip() == script.partition('"""\n\n')[2].strip()


# What is typed into a shell.


@pytest.mark.parametrize(("place", "command"), [one for one in COMMANDS if "bioxen " in one[1]])
def test_bioxen_commands_exist(place: str, command: str) -> None:
    words = shlex.split(command, comments=True)
    while "=" in words[0]:  # VARIABLE=value before the command
        words.pop(0)
    assert words[0] in ("bioxen", "docker", "pip"), f"{place}: {command}"
    if words[0] == "bioxen":
        _parse_command(words[1:])


def _parse_command(words: list[str]) -> None:
    command: Any = get_command(app)
    context = command.make_context("bioxen", words)
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        found, command, words = command.resolve_command(context, rest)
        assert found is not None
        assert command is not None
        context = command.make_context(found, words, parent=context)


@pytest.mark.parametrize(("place", "command"), [one for one in COMMANDS if one[1].startswith("make ")])
def test_make_targets_exist(place: str, command: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(shlex.split(command, comments=True)[1:]) <= set(targets), place


@pytest.mark.parametrize(("place", "command"), [one for one in COMMANDS if one[1].startswith("curl ")])
def test_curl_asks_for_what_exists(place: str, command: str, paths: dict[str, dict[str, Any]]) -> None:
    words = shlex.split(command, comments=True)
    url = next(word for word in words if word.startswith("http"))
    body = words[words.index("-d") + 1] if "-d" in words else None
    method = words[words.index("-X") + 1] if "-X" in words else "GET" if body is None else "POST"
    path = next(known for known in paths if _fits(known, re.sub(r"^http://[^/]+|\?.*$", "", url)))
    assert method.lower() in paths[path], place
    if body is not None:
        TypeAdapter(BODIES[path]).validate_json(body)


def _fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None


# What must be said.


def test_every_route_is_described(paths: dict[str, dict[str, Any]]) -> None:
    guide = (ROOT / "docs/guides/services-and-orchestrator.md").read_text()
    routes = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    assert [route for route in routes if f"`{route}`" not in guide] == []


def verbs() -> Iterator[str]:
    for verb, command in get_command(app).commands.items():  # type: ignore[attr-defined]  # it is a group
        children = getattr(command, "commands", {})
        yield from (f"bioxen {verb} {child}" for child in children) if children else [f"bioxen {verb}"]


def test_every_verb_is_described(guides: str) -> None:
    assert [verb for verb in verbs() if verb not in guides] == []


def test_every_option_is_described(guides: str) -> None:
    options = {
        option
        for verb in verbs()
        for parameter in _command(verb).params
        if not getattr(parameter, "hidden", False)
        for option in parameter.opts
        if option.startswith("--")
    }
    assert sorted(option for option in options if option not in guides) == []


def _command(verb: str) -> Any:
    command: Any = get_command(app)
    for word in verb.split()[1:]:
        command = command.commands[word]
    return command


def test_every_process_is_in_the_table_of_the_readme() -> None:
    rows = [line for line in README.read_text().splitlines() if line.startswith("|")]
    for process in PROCESSES:
        row = next((row for row in rows if f"`{process.code}`" in row), "")
        assert all(f"`{code}`" in row for code in process.codes), process.code
        assert process.kisao is None or process.kisao in row, process.code


@pytest.mark.parametrize("code", BioXenErrorCode)
def test_every_error_code_is_in_the_table(code: BioXenErrorCode) -> None:
    error = BioXenException("", code)
    row = f"| {code} | `{code.name}` | `{type(error).__name__}` | {error.http_status} | {exit_code(error)} |"
    guide = (ROOT / "docs/guides/errors.md").read_text()
    assert row in guide
    assert f"### {code}" in guide


@pytest.mark.parametrize("settings", [ServiceSettings, VmConfig, Delta, Resources])
def test_every_setting_is_described(settings: type[Any], guides: str) -> None:
    known = settings.model_fields if hasattr(settings, "model_fields") else [f.name for f in fields(settings)]
    assert [field for field in known if f"`{field}`" not in guides] == []


# What must fit together.


@pytest.mark.parametrize("path", [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=name)
def test_links_from_the_root_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", path.read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_json_blocks_are_json() -> None:
    for path in EVERYTHING:
        for block in blocks(path):
            if block.language == "json":
                json.loads(block.text)


def test_nothing_is_loaded_from_elsewhere() -> None:
    """The site reads offline: no diagrams, fonts or scripts that a browser would fetch."""
    assert "font: false" in (ROOT / "mkdocs.yml").read_text()
    for path in EVERYTHING:
        assert "```mermaid" not in path.read_text(), name(path)
        assert re.search(r"!\[[^]]*\]\(http|<(script|img|link)\b", path.read_text()) is None, name(path)
