"""The tables of the database; `migrations` make them. Times are seconds since 1970."""

from sqlalchemy import Column, Double, MetaData, Table, Text

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
