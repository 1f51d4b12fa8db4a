"""The tables of the database; `migrations` make them. Times are seconds since 1970."""

from sqlalchemy import BigInteger, Column, Double, LargeBinary, MetaData, Table, Text

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

AUDIT_CHAINS = Table(
    "audit_chains",
    TABLES,
    Column("tenant", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("signed_sequence", BigInteger, nullable=False),
    Column("signed_unix_ms", BigInteger, nullable=False),
)

AUDIT_ENTRIES = Table(
    "audit_entries",
    TABLES,
    Column("tenant", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("time_unix_ms", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False, index=True),
    Column("request_id", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("commitment", Text),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("personal", Text),
    Column("salt", Text),
)

AUDIT_CHECKPOINTS = Table(
    "audit_checkpoints",
    TABLES,
    Column("tenant", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("time_unix_ms", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", Text, nullable=False),
)

STOPS = Table(
    "stops",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_unix_s", Double, nullable=False),
)
