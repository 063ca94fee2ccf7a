"""Starts a PostgreSQL server of its own, runs a command with its URL in the environment, and stops it.

    python -m tools.postgres pytest tests/server/store

The server lives in a temporary folder and is reached by a socket there: it takes no port and meets no other
server. On Debian, root gets PostgreSQL installed where it is missing. Where it cannot be had, that is said,
and the command runs without it; tests that need it then skip, with the reason that is given here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

URL, MISSING = "BIOXEN_TEST_DATABASE", "BIOXEN_TEST_DATABASE_MISSING"
"""Variables that tell the command where the server is, or why there is none."""
WITHOUT_A_DISK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""A server that lives for one run need not survive the machine; it is killed with the run."""
PATIENCE = 120.0
PLAIN = {"LC_ALL": "C"}
"""The server speaks English and sorts by bytes, whatever this user's language is."""


class MissingError(Exception):
    """PostgreSQL cannot be had here; the text says what is needed."""


def main() -> int:
    """Run the command that the arguments are; return its exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then too
    command = sys.argv[1:]
    try:
        with started(_programs()) as url:
            return subprocess.run(command, env={**os.environ, URL: url}, check=False).returncode
    except MissingError as missing:
        print(f"PostgreSQL: {missing}", file=sys.stderr)
        return subprocess.run(command, env={**os.environ, MISSING: str(missing)}, check=False).returncode


@contextlib.contextmanager
def started(programs: Path) -> Iterator[str]:
    """Give the URL of a server that runs for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="bioxen-postgres-") as name:
        folder = Path(name)
        data, user = folder / "data", _user()
        if user:
            shutil.chown(folder, user["user"])
        folder.chmod(0o755)  # others reach the socket; the data is the server's own
        run = {"cwd": folder, "stdout": subprocess.DEVNULL, "env": {**os.environ, **PLAIN}, **user}
        settings = ["--auth=trust", "--username=bioxen", "--encoding=UTF8", "--no-sync"]
        subprocess.run([programs / "initdb", "-D", data, *settings], check=True, **run)
        options = [f"-c{word}" for word in ("listen_addresses=", "max_connections=200", *WITHOUT_A_DISK)]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, *options], stderr=log, **run
            )
        try:
            _wait(server, folder)
            yield f"postgresql+psycopg://bioxen@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": it closes connections and does not wait for clients
            server.wait(PATIENCE)


def _wait(server: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not (folder / ".s.PGSQL.5432").exists() or "ready to accept" not in (folder / "log").read_text():
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"PostgreSQL did not start:\n{(folder / 'log').read_text()}")
        time.sleep(0.05)


def _user() -> dict[str, Any]:
    """Return whom the server runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
    raise MissingError("it does not run as root, and there is neither a user postgres nor nobody.")


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs, installed where that can be done."""
    if importlib.util.find_spec("psycopg") is None:
        raise MissingError("its driver is missing: pip install 'bioxen[postgres]'.")
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        found = _found()
    if found is None:
        raise MissingError("its programs initdb and postgres are not here; install the package postgresql.")
    return found


def _found() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for folder in [*reversed(debian), *on_path]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    patient = ["-o", "Acquire::Retries=3", "-o", f"DPkg::Lock::Timeout={PATIENCE:.0f}"]
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "postgresql"]):
        done = subprocess.run(
            ["apt-get", *patient, *arguments], env=environment, stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise MissingError(f"apt-get {arguments[0]} failed with {done.returncode}; install it by hand.")


if __name__ == "__main__":
    sys.exit(main())
