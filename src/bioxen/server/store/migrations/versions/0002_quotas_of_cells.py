"""Quotas of cells, and what each cell uses."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
OF_CELLS = '{"cell":%'
"""How the request of a cell's process begins."""


def upgrade() -> None:
    """Add what is needed, and find the cells of the jobs that are there."""
    op.add_column(
        "cells",
        sa.Column("quotas", sa.Text, comment="JSON: limits that differ from the server's own; null for none"),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "advances", sa.Boolean, comment="whether it moves its cell on; null where it is no cell's process"
        ),
    )
    op.create_table(
        "job_cells",
        sa.Column("cell_id", sa.Integer, nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("share", sa.Float, nullable=False, comment="the part of the job that counts for the cell"),
        sa.PrimaryKeyConstraint("cell_id", "job_id", name="pk_job_cells"),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.cell_id"], name="fk_job_cells_cell_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_job_cells_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_job_cells_job_id", "job_cells", ["job_id"])
    op.create_table(
        "spent",
        sa.Column("cell_id", sa.Integer, nullable=False),
        sa.Column("since", sa.String(32), nullable=False, comment="beginning of the ten minutes"),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "since", name="pk_spent"),
        sa.ForeignKeyConstraint(["cell_id"], ["cells.cell_id"], name="fk_spent_cell_id", ondelete="CASCADE"),
    )
    _find_cells()


def _find_cells() -> None:
    jobs = sa.table("jobs", sa.column("job_id"), sa.column("request"), sa.column("advances"))
    job_cells = sa.table("job_cells", sa.column("cell_id"), sa.column("job_id"), sa.column("share"))
    cells = sa.table("cells", sa.column("cell_id"))
    connection = op.get_bind()
    for job_id, request in connection.execute(
        sa.select(jobs.c.job_id, jobs.c.request).where(jobs.c.request.like(OF_CELLS))
    ).all():
        asked = json.loads(request)
        advances = bool(asked["call"].get("advance", False))
        connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(advances=advances))
        whole = sa.select(cells.c.cell_id, sa.literal(job_id), sa.literal(1.0))
        connection.execute(
            sa.insert(job_cells).from_select(
                ["cell_id", "job_id", "share"], whole.where(cells.c.cell_id == asked["cell_id"])
            )
        )
