"""The operator's verbs: tokens, owners and quotas, the store, jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.test_cli import Cli
from tests.server.toys import DECAY

from bioxen.client import BiologicalComputationClient
from bioxen.server.store.store import Store
from bioxen.server.store.tokens import find_token
from bioxen.server.supervisor import Supervisor


@pytest.fixture
def bioxen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], services: Supervisor, tmp_path: Path
) -> Cli:
    monkeypatch.setenv("BIOXEN_URL", services.url)
    monkeypatch.setenv("BIOXEN_STORE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return Cli(monkeypatch, capsys)


def test_a_token_is_made_listed_and_revoked_beside_a_server(bioxen: Cli, tmp_path: Path) -> None:
    server = Store.at(tmp_path).open()
    made = bioxen("token", "create", "ada", "--scope", "jobs", "--name", "nightly", "--expires-days", "9")
    secret = made.out.strip()
    token = server.read_now(find_token, secret)
    assert token is not None
    assert (token.owner, token.name, token.scopes) == ("ada", "nightly", ["jobs"])
    (listed,) = json.loads(bioxen("token", "list", "--json").out)
    assert listed["token_id"] == token.token_id
    shown = bioxen("token", "list", "--owner", "ada").out
    assert "valid until" in shown
    assert secret not in shown
    assert bioxen("token", "revoke", token.token_id).code == 0
    assert server.read_now(find_token, secret) is None
    assert "revoked" in bioxen("token", "list").out
    assert bioxen("token", "revoke", "nope").code == 2
    server.close()


def test_a_server_that_cannot_have_its_store_says_so_in_three_lines(tmp_path: Path) -> None:
    other = Store.at(tmp_path).open()
    command = [sys.executable, "-m", "bioxen.cli", "serve", "orchestrator", "--port", "0"]
    ended = subprocess.run(
        [*command, "--store", str(tmp_path)], capture_output=True, text=True, timeout=200, check=False
    )
    other.close()
    assert ended.returncode == 2
    assert "BX005" in ended.stderr
    assert "Another server works on the store" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_token_may_all_but_administer_unless_it_is_told(bioxen: Cli) -> None:
    bioxen("token", "create", "ada")
    (listed,) = json.loads(bioxen("token", "list", "--json").out)
    assert listed["scopes"] == ["compute", "cells", "jobs", "models"]


@pytest.mark.parametrize(
    "arguments",
    [("create", "a b"), ("create", "ada", "--scope", "wishes"), ("create", "ada", "--store", "none")],
)
def test_tokens_that_cannot_be(bioxen: Cli, arguments: tuple[str, ...]) -> None:
    assert bioxen("token", *arguments).code == 2


def test_quotas_of_a_cell_are_set_shown_and_reset(bioxen: Cli, services: Supervisor) -> None:
    with BiologicalComputationClient(None, None, services.url) as client:
        client.cells.create("cli-quota")
        shown = bioxen("cells", "quota", "cli-quota", "cpu_seconds=600", "running_jobs=none").out
        assert "600" in shown and "none" in shown and shown.count("this cell") == 2
        bioxen("cells", "quota", "cli-quota", "queued_jobs=3")
        report = client.cells.get_resource_usage("cli-quota")
        assert report.own_quotas == ["cpu_seconds", "queued_jobs", "running_jobs"]
        assert (report.quotas.cpu_seconds, report.quotas.running_jobs) == (600.0, None)
        assert bioxen("cells", "quota", "cli-quota").out.count("every cell") == 1
        assert bioxen("cells", "quota", "cli-quota", "--reset", "stored_bytes=5").out.count("every cell") == 3
        for wrong in ("wishes=3", "cpu_seconds", "cpu_seconds=x"):
            assert bioxen("cells", "quota", "cli-quota", wrong).code == 2
        assert bioxen("cells", "quota", "nobody").code != 0
        client.cells.destroy("cli-quota")


def test_quotas_are_set_shown_and_reset(bioxen: Cli) -> None:
    bioxen("token", "create", "ada")
    typed_wrong = bioxen("owner", "quota", "adda", "running_jobs=8")
    assert typed_wrong.code == 2 and "Did you mean ada?" in typed_wrong.err
    bioxen("owner", "quota", "ada", "running_jobs=8", "stored_bytes=none")
    shown = bioxen("owner", "quota", "ada").out
    assert [line.split("│")[2].strip() for line in shown.splitlines() if "_" in line] == [
        "8",
        "the server's",
        "none",
        "the server's",
    ]
    bioxen("owner", "quota", "ada", "--reset", "cpu_seconds=60")
    assert bioxen("owner", "quota", "ada").out.count("the server's") == 3
    listed = bioxen("owner", "list").out
    assert "ada" in listed and "adda" not in listed
    for wrong in ("running_jobs", "wishes=3", "running_jobs=many", "running_jobs=0"):
        assert bioxen("owner", "quota", "ada", wrong).code == 2


def test_gc_says_what_it_removed(bioxen: Cli, tmp_path: Path) -> None:
    typed_wrong = bioxen("store", "gc", "--store", str(tmp_path / "stroe"))
    assert typed_wrong.code == 2 and "There is no store" in typed_wrong.err
    assert not (tmp_path / "stroe").exists()
    bioxen("token", "create", "ada")
    done = bioxen("store", "gc", "--results-days", "7", "--jobs-days", "90")
    assert done.code == 0
    assert "Removed 0 files" in done.err
    assert bioxen("store", "gc", "--results-days", "0").code == 2


def test_models_are_kept_on_a_server(bioxen: Cli, services: Supervisor, tmp_path: Path) -> None:
    file, at = tmp_path / "cli-decay.ant", ("--url", services.url)
    file.write_text(DECAY)
    added = bioxen("models", "add", str(file), "--chassis", "syn3a", "--licence", "CC0-1.0", *at)
    assert (added.code, "kinetic model cli-decay" in added.err) == (0, True)
    shown = json.loads(bioxen("models", "show", "cli-decay", "--json", *at).out)
    assert (shown["origin"], shown["chassis"], shown["licence"]) == ("owner", "syn3a", "CC0-1.0")
    assert "cli-decay" in bioxen("models", "list", *at).out
    assert "cli-decay" not in bioxen("models", "list").out  # that is this machine's folder
    assert bioxen("models", "remove", "cli-decay", *at).code == 0
    assert bioxen("models", "show", "cli-decay", *at).code == 2


def test_a_job_is_handed_in_watched_and_fetched(bioxen: Cli, tmp_path: Path) -> None:
    job_id = bioxen("jobs", "submit", "metabolic_fba", "--set", "model=textbook", "--wait").out.strip()
    fetched = json.loads(bioxen("jobs", "result", job_id).out)
    assert fetched["optimal_objective"] == pytest.approx(0.873922, abs=1e-6)
    target = tmp_path / "result.json"
    bioxen("jobs", "result", job_id, "--output", str(target))
    assert json.loads(target.read_text()) == fetched
    assert json.loads(bioxen("jobs", "show", job_id, "--json").out)["state"] == "done"
    assert "done" in bioxen("jobs", "show", job_id).out
    assert job_id in bioxen("jobs", "list", "--state", "done").out
    assert job_id in [job["job_id"] for job in json.loads(bioxen("jobs", "list", "--json").out)]
    assert "done" in bioxen("jobs", "cancel", job_id).err
    assert bioxen("jobs", "wait", job_id, "--timeout", "200").code == 0


def test_what_a_job_would_take_is_said_before_it_starts(bioxen: Cli) -> None:
    options = ("metabolic_phase_plane", "--set", 'reactions=["EX_o2_e", "EX_glc__D_e"]')
    said = bioxen("jobs", "estimate", *options)
    assert said.code == 0
    assert "s of computing (assumed)" in said.out
    assert json.loads(bioxen("jobs", "estimate", *options, "--json").out)["memory_bytes"] > 0
    assert "s of computing (assumed)" in bioxen("jobs", "submit", *options).err
    assert bioxen("jobs", "estimate", "metabolic_fba", "--set", "model=nowhere").code == 2


def test_a_failed_job_ends_with_its_own_error(bioxen: Cli, tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"process_code": "metabolic_fba", "objective": "Biomas"}))
    failed = bioxen("jobs", "submit", "--request", str(request), "--key", "failing", "--wait")
    assert failed.code == 2
    assert "BX013" in failed.err
    again = bioxen("jobs", "submit", "--request", str(request), "--key", "failing")
    assert again.out == failed.out
    assert bioxen("jobs", "result", again.out.strip()).code == 2


def test_what_cannot_be_handed_in(bioxen: Cli, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    for arguments in ((), ("metabolic_fba", "--request", "x"), ("--request", str(tmp_path / "list.json"))):
        assert bioxen("jobs", "submit", *arguments).code == 2
    assert bioxen("jobs", "submit", "--request", str(tmp_path / "absent.json")).code == 2
    assert bioxen("jobs", "show", "nowhere").code == 2
