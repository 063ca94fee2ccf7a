"""Models that owners keep, and the jobs that are about such; what a population's job was asked."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what is needed."""
    op.add_column(
        "jobs",
        sa.Column(
            "asked_digest",
            sa.String(64),
            comment="of what was asked, where the request was made from that",
        ),
    )
    op.create_table(
        "models",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("model_id", sa.String(128), nullable=False),
        sa.Column("text", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False, comment="bytes of the text in UTF-8"),
        sa.Column("info", sa.Text, nullable=False, comment="JSON: what is said of it"),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "model_id", name="pk_models"),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.owner_id"], name="fk_models_owner_id"),
        sa.ForeignKeyConstraint(["text"], ["texts.text_id"], name="fk_models_text"),
    )
    op.create_index("ix_models_text", "models", ["text"])
    op.create_table(
        "job_models",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("text", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False, comment="bytes of the text in UTF-8"),
        sa.Column("info", sa.Text, nullable=False, comment="JSON: what was said of it"),
        sa.PrimaryKeyConstraint("job_id", name="pk_job_models"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_job_models_job_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["text"], ["texts.text_id"], name="fk_job_models_text"),
    )
    op.create_index("ix_job_models_text", "job_models", ["text"])
