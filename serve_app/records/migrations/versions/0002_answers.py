"""Answers that clients may ask for again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "answers",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("ends_unix_s", sa.Double, nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("answers")
