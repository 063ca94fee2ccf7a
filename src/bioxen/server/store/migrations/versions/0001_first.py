"""Owners with their tokens, jobs with their shards, results, and cells with their past."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "owners",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column(
            "quotas", sa.Text, nullable=False, comment="JSON: limits that differ from the server's own"
        ),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name="pk_owners"),
        sa.UniqueConstraint("name", name="uq_owners_name"),
    )
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column(
            "secret_digest", sa.String(64), nullable=False, comment="sha256; the secret itself is not kept"
        ),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False, comment="JSON list"),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32)),
        sa.Column("revoked_at", sa.String(32)),
        sa.PrimaryKeyConstraint("token_id", name="pk_tokens"),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.owner_id"], name="fk_tokens_owner_id"),
        sa.UniqueConstraint("secret_digest", name="uq_tokens_secret_digest"),
    )
    op.create_table(
        "results",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False, comment="bytes"),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_results"),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("vm_id", sa.String(128)),
        sa.Column("process_code", sa.String(256), nullable=False),
        sa.Column("request", sa.Text, nullable=False, comment="JSON"),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("deadline", sa.Float, comment="seconds from its start"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cancel_asked", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, comment="servers that began it"),
        sa.Column("parts_done", sa.Integer, nullable=False),
        sa.Column("parts_total", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False, comment="computing time of its finished parts"),
        sa.Column("result_digest", sa.String(64)),
        sa.Column("error", sa.Text, comment="JSON: a problem body"),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("started_at", sa.String(32)),
        sa.Column("finished_at", sa.String(32)),
        sa.Column("heartbeat_at", sa.String(32), comment="when the server that runs it last said so"),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.owner_id"], name="fk_jobs_owner_id"),
        sa.ForeignKeyConstraint(["result_digest"], ["results.digest"], name="fk_jobs_result_digest"),
        sa.UniqueConstraint("owner_id", "idempotency_key", name="uq_jobs_owner_id_idempotency_key"),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_jobs_state")
        ),
    )
    op.create_index("ix_jobs_state_priority", "jobs", ["state", "priority", "created_at"])
    op.create_index("ix_jobs_owner_id_created_at", "jobs", ["owner_id", "created_at"])
    op.create_table(
        "shards",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("result_digest", sa.String(64), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("finished_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_shards"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_shards_job_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["result_digest"], ["results.digest"], name="fk_shards_result_digest"),
    )
    _cells()
    _past_of_cells()


def _cells() -> None:
    op.create_table(
        "texts",
        sa.Column("text_id", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("text_id", name="pk_texts"),
        sa.UniqueConstraint("digest", name="uq_texts_digest"),
    )
    op.create_table(
        "cells",
        sa.Column("cell_id", sa.Integer, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("vm_id", sa.String(128), nullable=False),
        sa.Column("biological_type", sa.String(64), nullable=False),
        sa.Column("image", sa.Integer, nullable=False),
        sa.Column("delta", sa.Integer, nullable=False),
        sa.Column("living", sa.Integer, comment="null until a process advanced it"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("resources", sa.Text, comment="JSON: what it asks for"),
        sa.Column("processes_executed", sa.Integer, nullable=False),
        sa.Column("cache_hits", sa.Integer, nullable=False),
        sa.Column("parent", sa.Integer),
        sa.Column("changes", sa.Integer, comment="how it differs from its parent"),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("destroyed_at", sa.String(32)),
        sa.PrimaryKeyConstraint("cell_id", name="pk_cells"),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.owner_id"], name="fk_cells_owner_id"),
        sa.ForeignKeyConstraint(["image"], ["texts.text_id"], name="fk_cells_image"),
        sa.ForeignKeyConstraint(["delta"], ["texts.text_id"], name="fk_cells_delta"),
        sa.ForeignKeyConstraint(["living"], ["texts.text_id"], name="fk_cells_living"),
        sa.ForeignKeyConstraint(["parent"], ["cells.cell_id"], name="fk_cells_parent"),
        sa.ForeignKeyConstraint(["changes"], ["texts.text_id"], name="fk_cells_changes"),
        sa.CheckConstraint(
            "state in ('created', 'running', 'paused', 'stopped', 'destroyed')", name=op.f("ck_cells_state")
        ),
    )
    alive = sa.text("destroyed_at is null")
    op.create_index(
        "uq_cells_alive",
        "cells",
        ["owner_id", "vm_id"],
        unique=True,
        sqlite_where=alive,
        postgresql_where=alive,
    )
    op.create_index("ix_cells_owner_id_state", "cells", ["owner_id", "state", "vm_id"])
    op.create_index("ix_cells_parent", "cells", ["parent"])


def _past_of_cells() -> None:
    op.create_table(
        "snapshots",
        sa.Column("cell_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("name", sa.String(128)),
        sa.Column("delta", sa.Integer, nullable=False),
        sa.Column("living", sa.Integer),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "number", name="pk_snapshots"),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.cell_id"], name="fk_snapshots_cell_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["delta"], ["texts.text_id"], name="fk_snapshots_delta"),
        sa.ForeignKeyConstraint(["living"], ["texts.text_id"], name="fk_snapshots_living"),
    )
    op.create_table(
        "history",
        sa.Column("cell_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("process_code", sa.String(256), nullable=False),
        sa.Column("context", sa.Integer, nullable=False),
        sa.Column("advance", sa.Boolean, nullable=False),
        sa.Column("delta", sa.Integer, nullable=False),
        sa.Column("living", sa.Integer, comment="where it started from"),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("result_digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "number", name="pk_history"),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.cell_id"], name="fk_history_cell_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["context"], ["texts.text_id"], name="fk_history_context"),
        sa.ForeignKeyConstraint(["delta"], ["texts.text_id"], name="fk_history_delta"),
        sa.ForeignKeyConstraint(["living"], ["texts.text_id"], name="fk_history_living"),
    )
