"""Makes a small store as this version writes it, to be kept among the tests: later ones must still read it.

    python -m tools.archive_store tests/server/store/archive

It is run once for each new schema, before the schema changes again; the file is named by the schema. In it is
what a server writes: a culture that was advanced, forked and snapped, a cell with edits, a restore and a
deleted snapshot, a job in each state, one of a cell and one about a model that is gone, a model of an owner,
quotas of an owner and of a cell, a token that was revoked. All is asked of a running server, which is killed
so that one job is left in the middle.
"""

from __future__ import annotations

import io
import sqlite3
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.cells import Delta, VmConfig, VmSpec
from bioxen.protocol.lineage import ForkSpec
from bioxen.protocol.metabolic import BatchRequest, Variant
from bioxen.server.store.quotas import set_quotas
from bioxen.server.store.store import Store
from bioxen.server.store.tokens import create_token, revoke_token
from bioxen.server.supervisor import Supervisor


def main() -> None:
    """Write the archive into the folder that is named."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = ["--store", str(folder)]
        with Supervisor(compute_arguments=["--workers", "1"], orchestrator_arguments=arguments) as services:
            with BiologicalComputationClient(None, None, services.url) as client:
                fill(client)
            orchestrator = services.services[-1].process
            if orchestrator is not None:
                orchestrator.kill()
                orchestrator.wait()
        store = Store.at(folder).open()
        store.write_now(set_quotas, "ada", {"running_jobs": 8})
        made = store.write_now(create_token, "ada", "laptop", ["jobs", "cells"])
        store.write_now(revoke_token, made.token.token_id)
        store.close()
        schema = folded(folder / "bioxen.db")
        path = Path(sys.argv[1]) / f"{schema}.tar.xz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:xz") as archive:
            for file in sorted(one for one in folder.rglob("*") if one.is_file()):
                if not file.name.startswith("."):
                    _add(archive, file, str(file.relative_to(folder)))
    print(f"{path}: {path.stat().st_size} bytes")


def fill(client: BiologicalComputationClient) -> None:
    """Do a little of everything that is kept."""
    cells, jobs = client.cells, client.jobs
    edits = Delta(gene_knockouts=["b2276"], constraints={"EX_glc__D_e": (-8.0, 1000.0)})
    config = VmConfig(model="textbook", delta=edits)
    cells.create_many([VmSpec(vm_id="culture", biological_type="ecoli", config=config)])
    cells.create("clock", "syn3a")
    cells.act_many(["culture", "clock"], "start")
    cells.snapshot("culture", "inoculum")
    cells.run("culture", "metabolic_dfba", {"time_end": 1.0, "time_points": 3}, advance=True)
    cells.fork_many("culture", [ForkSpec(vm_id="mutant", changes=Delta(gene_knockouts=["b1723"]))])
    cells.run("mutant", "metabolic_fba")
    cells.create("revised", "ecoli", config={"model": "textbook", "delta": {"seed": 1}})
    for seed in (2, 3):
        cells.set_delta("revised", {"seed": seed})
        cells.snapshot("revised", f"seed {seed}")
    cells.restore("revised", 1)
    cells.fork("revised", "offshoot", snapshot=2)
    cells.delete_snapshot("revised", 2)
    cells.create("bounded", "ecoli", config={"model": "textbook"}, quotas={"cpu_seconds": 600.0})
    cells.act("bounded", "start")
    cells.run("bounded", "metabolic_fba", {"constraints": {"EX_glc__D_e": [-7.0, 1000.0]}})
    ended = [
        cells.submit(
            "bounded", "metabolic_fba", {"constraints": {"EX_glc__D_e": [-6.0, 1000.0]}}, key="cell"
        ),
        jobs.submit({"process_code": "metabolic_fba"}, key="done"),
        jobs.submit({"process_code": "metabolic_fba", "objective": "Biomas"}, key="failed"),
    ]
    for job in ended:
        jobs.wait(job.job_id)
    text = "model decay; S -> ; k*S; S = 10; k = 0.1; end"
    client.models.add("decay", text, licence="CC0-1.0")
    client.models.add("gone", text.replace("0.1", "0.2"))
    running = jobs.submit(screen(100, "metabolic_pfba"), key="running")
    jobs.submit(screen(1), key="queued")
    jobs.submit({"process_code": "kinetic_ode", "model": "gone"}, key="of-a-model", priority=0)
    client.models.delete("gone")
    jobs.cancel(jobs.submit(screen(2), key="cancelled").job_id)
    while jobs.get(running.job_id).parts_done < 1:
        pass


def screen(parts: int, analysis: str | None = None) -> BatchRequest:
    """Return a batch of so many parts."""
    bounds = [(-1.0 - number % 20, 1000.0) for number in range(parts * (4 if analysis else 250))]
    variants = [Variant(constraints={"EX_glc__D_e": some}) for some in bounds]
    batch = BatchRequest(process_code="metabolic_batch", model="textbook", variants=variants)
    if analysis is None:
        return batch
    return BatchRequest.model_validate({**batch.model_dump(), "analysis": {"process_code": analysis}})


def folded(path: Path) -> str:
    """Take the log of a database into its file; return its schema."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = delete")
        connection.execute("vacuum")
        return str(connection.execute("select version_num from alembic_version").fetchone()[0])


def _add(archive: tarfile.TarFile, file: Path, name: str) -> None:
    content = file.read_bytes()
    entry = tarfile.TarInfo(name)  # it says nothing of this machine
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main()
