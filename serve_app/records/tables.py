"""The tables of the database; `migrations` make them. Times are seconds since 1970."""

from sqlalchemy import Column, Double, LargeBinary, MetaData, Table, Text

TABLES = MetaData()

API_KEYS = Table(
    "api_keys",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("created_unix_s", Double, nullable=False),
    Column("expires_unix_s", Double),
    Column("revoked_unix_s", Double),
    Column("last_used_unix_s", Double),
)

ANSWERS = Table(
    "answers",
    TABLES,
    Column("tenant", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("ends_unix_s", Double, nullable=False, index=True),
    Column("sealed", LargeBinary),
)
"""A row without an answer is a claim; whatever has ended is as good as gone."""
