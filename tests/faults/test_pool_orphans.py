"""No process outlives its pool, however the server ends; and a user's script runs once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from tests.server.workers.stage import ACTORS, alive, wait_until

SCRIPT = f"""
import asyncio
from bioxen.server.workers.base import Task
from bioxen.server.workers.config import WorkerConfig
from bioxen.server.workers.local import LocalPool

print("once", flush=True)

async def main():
    config = WorkerConfig(sys_path=({ACTORS!r},))
    async with LocalPool(engines=("actors:EchoEngine", "actors:NeverEngine"), size=2, config=config) as pool:
        print(await pool.run(Task("echo", b'{{"say": "hello"}}')), flush=True)
        WAIT

asyncio.run(main())
"""
LAUNCHER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
BUSY = """await pool.run(Task("never", b"{}", deadline=3600))"""


@contextmanager
def script(tmp_path: Path, wait: str) -> Iterator[subprocess.Popen[str]]:
    """Run a user's script: a plain one, without a guard for its main part."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("WAIT", wait))
    # A shell ignores Ctrl-C for what it runs in the background, and its children inherit that.
    command = [sys.executable, "-c", LAUNCHER, sys.executable, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def family(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes of the script's pool once its two workers answer."""
    assert process.stdout is not None
    assert process.stdout.readline() == "once\n"
    assert "hello" in process.stdout.readline()
    pids = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    assert len(pids) == 3
    return pids


def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    with script(tmp_path, "pass") as process:
        output, _ = process.communicate(timeout=200)
        assert process.returncode == 0, output
        assert output.count("once") == 1
        assert output.count("hello") == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("wait", [BUSY, "await asyncio.sleep(3600)"])
def test_no_process_outlives_the_server(tmp_path: Path, number: signal.Signals, wait: str) -> None:
    with script(tmp_path, wait) as process:
        pids = family(process)
        process.send_signal(number)
        assert wait_until(lambda: not any(alive(pid) for pid in pids))
        process.wait(20)


def test_terminal_signals_are_the_servers_business(tmp_path: Path) -> None:
    with script(tmp_path, "await asyncio.sleep(3600)") as process:
        pids = family(process)
        for pid in pids:
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
        assert not wait_until(lambda: not all(alive(pid) for pid in pids), 0.3)
        assert all(os.getsid(pid) != os.getsid(process.pid) for pid in pids)
