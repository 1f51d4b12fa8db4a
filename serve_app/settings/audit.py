from pathlib import Path
from typing import Literal

from pydantic import Field

from serve_app.settings.records import data_folder
from serve_app.settings.step import Step


class AuditSettings(Step):
    """The log of who did what, kept so that changes to it are found."""

    mode: Literal["as-access", "required", "lenient", "off"] = "as-access"
    """`required`: a report whose entry cannot be written fails with 503; `lenient`: it is sent, and the failure is
    logged; `off`: nothing is written. `as-access` is `required` where `access.mode` is, and otherwise `off`."""
    key_file: Path | Literal["auto"] = "auto"
    """File with the private key that signs checkpoints, Ed25519 in PEM, mounted from a Secret: the same for every
    replica. "auto" makes one in the user's data folder at first use, for one machine."""
    checkpoint_entries: int = Field(100, ge=1)
    """Entries of a tenant after which a checkpoint is signed. Whoever can write to the database can forge the entries
    after the last checkpoint; 1 signs every entry."""
    checkpoint_period_s: float = Field(60, ge=1)
    """Seconds after which a checkpoint covers an entry, however few there are."""
    retention_days: int = Field(365, ge=184)
    """Days for which entries are kept; `clara audit prune` removes older ones. At least six months."""

    @property
    def key_path(self) -> Path:
        """The file with the private key; it may not be there yet where `key_file` is auto."""
        return data_folder() / "audit.pem" if self.key_file == "auto" else self.key_file
