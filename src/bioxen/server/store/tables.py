"""The tables, as the newest migration leaves them; a test compares the two.

Times are ISO 8601 in UTC. Small documents (requests, edits, errors) are JSON texts, so that both databases
keep the same bytes; large results are files (see `blobs`), and a row holds their sha256.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

ID, DIGEST, TIME = String(64), String(64), String(32)
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""Without fixed names no later migration could name a constraint."""

metadata = MetaData(naming_convention=NAMING)

owners = Table(
    "owners",
    metadata,
    Column("owner_id", ID, primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("quotas", Text, nullable=False, comment="JSON: limits that differ from the server's own"),
    Column("created_at", TIME, nullable=False),
)
"""Whoever work is done for. The owner `local` is everyone on loopback without a token."""

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", ID, primary_key=True),
    Column("owner_id", ID, ForeignKey("owners.owner_id"), nullable=False),
    Column(
        "secret_digest", DIGEST, nullable=False, unique=True, comment="sha256; the secret itself is not kept"
    ),
    Column("name", String(128), nullable=False),
    Column("scopes", Text, nullable=False, comment="JSON list"),
    Column("created_at", TIME, nullable=False),
    Column("expires_at", TIME),
    Column("revoked_at", TIME),
)
"""Secrets that speak for an owner. They are long and random, so a plain hash keeps them safe."""

results = Table(
    "results",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("size", Integer, nullable=False, comment="bytes"),
    Column("media_type", String(64), nullable=False),
    Column("created_at", TIME, nullable=False),
)
"""Every result that is kept, once for equal bytes."""

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", ID, primary_key=True),
    Column("owner_id", ID, ForeignKey("owners.owner_id"), nullable=False),
    Column("idempotency_key", String(255)),
    Column("vm_id", String(128)),
    Column("process_code", String(256), nullable=False),
    Column("request", Text, nullable=False, comment="JSON"),
    Column("request_digest", DIGEST, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("deadline", Float, comment="seconds from its start"),
    Column("state", String(16), nullable=False),
    Column("cancel_asked", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False, comment="servers that began it"),
    Column("parts_done", Integer, nullable=False),
    Column("parts_total", Integer, nullable=False),
    Column("seconds", Float, nullable=False, comment="computing time of its finished parts"),
    Column("result_digest", DIGEST, ForeignKey("results.digest")),
    Column("error", Text, comment="JSON: a problem body"),
    Column("created_at", TIME, nullable=False),
    Column("started_at", TIME),
    Column("finished_at", TIME),
    Column("heartbeat_at", TIME, comment="when the server that runs it last said so"),
    Column("advances", Boolean, comment="whether it moves its cell on; null where it is no cell's process"),
    Column("asked_digest", DIGEST, comment="of what was asked, where the request was made from that"),
    UniqueConstraint("owner_id", "idempotency_key"),
    CheckConstraint("state in ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
    Index("ix_jobs_state_priority", "state", "priority", "created_at"),
    Index("ix_jobs_owner_id_created_at", "owner_id", "created_at"),
)

shards = Table(
    "shards",
    metadata,
    Column("job_id", ID, ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("result_digest", DIGEST, ForeignKey("results.digest"), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("finished_at", TIME, nullable=False),
)
"""Finished parts of jobs: what a resumed job does not compute again."""

texts = Table(
    "texts",
    metadata,
    Column("text_id", Integer, primary_key=True),
    Column("digest", DIGEST, nullable=False, unique=True),
    Column("text", Text, nullable=False, comment="JSON"),
)
"""What cells are made of (images, edits, living states, contexts), and models, once each: a fork is a row of
numbers."""

models = Table(
    "models",
    metadata,
    Column("owner_id", ID, ForeignKey("owners.owner_id"), primary_key=True),
    Column("model_id", String(128), primary_key=True),
    Column("text", Integer, ForeignKey("texts.text_id"), nullable=False),
    Column("size", Integer, nullable=False, comment="bytes of the text in UTF-8"),
    Column("info", Text, nullable=False, comment="JSON: what is said of it"),
    Column("created_at", TIME, nullable=False),
    Index("ix_models_text", "text"),
)
"""Models that owners keep; no owner's request finds another's."""

job_models = Table(
    "job_models",
    metadata,
    Column("job_id", ID, ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("text", Integer, ForeignKey("texts.text_id"), nullable=False),
    Column("size", Integer, nullable=False, comment="bytes of the text in UTF-8"),
    Column("info", Text, nullable=False, comment="JSON: what was said of it"),
    Index("ix_job_models_text", "text"),
)
"""The models of owners that jobs are about: they stay a job's until its end, whatever becomes of the name."""

cells = Table(
    "cells",
    metadata,
    Column("cell_id", Integer, primary_key=True),
    Column("owner_id", ID, ForeignKey("owners.owner_id"), nullable=False),
    Column("vm_id", String(128), nullable=False),
    Column("biological_type", String(64), nullable=False),
    Column("image", Integer, ForeignKey("texts.text_id"), nullable=False),
    Column("delta", Integer, ForeignKey("texts.text_id"), nullable=False),
    Column("living", Integer, ForeignKey("texts.text_id"), comment="null until a process advanced it"),
    Column("state", String(16), nullable=False),
    Column("resources", Text, comment="JSON: what it asks for"),
    Column("processes_executed", Integer, nullable=False),
    Column("cache_hits", Integer, nullable=False),
    Column("parent", Integer, ForeignKey("cells.cell_id")),
    Column("changes", Integer, ForeignKey("texts.text_id"), comment="how it differs from its parent"),
    Column("created_at", TIME, nullable=False),
    Column("destroyed_at", TIME),
    Column("quotas", Text, comment="JSON: limits that differ from the server's own; null for none"),
    Column("snapshot", Integer, comment="of its parent, where it began; null for its present"),
    CheckConstraint("state in ('created', 'running', 'paused', 'stopped', 'destroyed')", name="state"),
    Index(
        "uq_cells_alive",
        "owner_id",
        "vm_id",
        unique=True,
        sqlite_where=text("destroyed_at is null"),
        postgresql_where=text("destroyed_at is null"),
    ),
    Index("ix_cells_owner_id_state", "owner_id", "state", "vm_id"),
    Index("ix_cells_parent_vm_id", "parent", "vm_id"),
)
"""Cells. One that is destroyed stays as long as cells that descend from it do."""

job_cells = Table(
    "job_cells",
    metadata,
    Column("cell_id", Integer, ForeignKey("cells.cell_id", ondelete="CASCADE"), primary_key=True),
    Column("job_id", ID, ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("share", Float, nullable=False, comment="the part of the job that counts for the cell"),
    Index("ix_job_cells_job_id", "job_id"),
)
"""Whose quotas a job counts for; of a population's cells only those that have any."""

spent = Table(
    "spent",
    metadata,
    Column("cell_id", Integer, ForeignKey("cells.cell_id", ondelete="CASCADE"), primary_key=True),
    Column("since", TIME, primary_key=True, comment="beginning of the ten minutes"),
    Column("seconds", Float, nullable=False),
)
"""Computing time of cells' processes that were no jobs, in steps of ten minutes, for a day."""

snapshots = Table(
    "snapshots",
    metadata,
    Column("cell_id", Integer, ForeignKey("cells.cell_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", String(128)),
    Column("delta", Integer, ForeignKey("texts.text_id"), comment="null for one that was deleted"),
    Column("living", Integer, ForeignKey("texts.text_id")),
    Column("created_at", TIME, nullable=False),
    Column("deleted_at", TIME),
)
"""Where cells stood. One that is deleted keeps its row, so that its number is never another one's."""

history = Table(
    "history",
    metadata,
    Column("cell_id", Integer, ForeignKey("cells.cell_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("process_code", String(256), comment="null for an edit or a restore"),
    Column("context", Integer, ForeignKey("texts.text_id")),
    Column("advance", Boolean, nullable=False),
    Column("delta", Integer, ForeignKey("texts.text_id"), nullable=False),
    Column("living", Integer, ForeignKey("texts.text_id"), comment="where it started from"),
    Column("request_digest", DIGEST),
    Column("result_digest", DIGEST),
    Column("created_at", TIME, nullable=False),
    Column("snapshot", Integer, comment="to which it was restored; null for all else"),
    Column("new_delta", Integer, ForeignKey("texts.text_id"), comment="null where the cell did not move"),
    Column("new_living", Integer, ForeignKey("texts.text_id"), comment="where it went, with the edits"),
)
"""What became of a cell: the processes that were computed on it, enough to compute each again, its edits, and
its ways back to snapshots."""
