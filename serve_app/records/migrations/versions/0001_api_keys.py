"""API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("created_unix_s", sa.Double, nullable=False),
        sa.Column("expires_unix_s", sa.Double),
        sa.Column("revoked_unix_s", sa.Double),
        sa.Column("last_used_unix_s", sa.Double),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("api_keys")
