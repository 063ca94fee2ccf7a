"""The snapshot a cell was forked from; edits and restores in the history; snapshots that are deleted."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
OF_PROCESSES: dict[str, Any] = {
    "process_code": sa.String(256),
    "context": sa.Integer,
    "request_digest": sa.String(64),
    "result_digest": sa.String(64),
}
"""Columns of the history that an edit leaves empty."""


def upgrade() -> None:
    """Add what is needed. What was not noted before stays unknown."""
    op.add_column(
        "cells",
        sa.Column("snapshot", sa.Integer, comment="of its parent, where it began; null for its present"),
    )
    op.drop_index("ix_cells_parent", "cells")
    op.create_index("ix_cells_parent_vm_id", "cells", ["parent", "vm_id"])
    with op.batch_alter_table("snapshots") as snapshots:
        snapshots.alter_column(
            "delta", existing_type=sa.Integer, nullable=True, comment="null for one that was deleted"
        )
        snapshots.add_column(sa.Column("deleted_at", sa.String(32)))
    with op.batch_alter_table("history") as history:
        for name, kind in OF_PROCESSES.items():
            comment = "null for an edit or a restore" if name == "process_code" else None
            history.alter_column(name, existing_type=kind, nullable=True, comment=comment)
        history.add_column(
            sa.Column("snapshot", sa.Integer, comment="to which it was restored; null for all else")
        )
        for name, comment in {
            "new_delta": "null where the cell did not move",
            "new_living": "where it went, with the edits",
        }.items():
            history.add_column(sa.Column(name, sa.Integer, comment=comment))
            history.create_foreign_key(f"fk_history_{name}", "texts", [name], ["text_id"])
