import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from serve_app.settings.step import Step


class RecordsSettings(Step):
    """The database of what must outlast a process: keys, decisions, the audit log."""

    url: str = "auto"
    """Address of the database, without a password: `sqlite:///PATH` for one machine, `postgresql://USER@HOST/NAME` for
    a cluster. "auto" is a SQLite file in the user's data folder."""
    url_file: Path | Literal["none"] = "none"
    """File with the address and its password, mounted from a Secret; it takes the place of `url`."""
    encryption_key_file: Path | Literal["auto"] = "auto"
    """File with the keys that encrypt what is kept of reports: Fernet keys, one a line, the newest first, mounted from
    a Secret. "auto" makes one in the user's data folder, for one machine."""
    answer_retention_s: float = Field(86_400, gt=0)
    """Seconds for which the answer to a request with an Idempotency-Key is kept, encrypted."""
    timeout_s: float = Field(5, gt=0)
    """Seconds that the database may take for one question; then the request gets 503."""

    @property
    def address(self) -> str:
        """The database's address; it may hold a password.

        Raises:
            OSError: `url_file` cannot be read.
        """
        if self.url_file != "none":
            return self.url_file.read_text(encoding="utf-8").strip()
        return f"sqlite:///{_data_folder() / 'records.db'}" if self.url == "auto" else self.url

    @property
    def is_shared(self) -> bool:
        """Whether several machines use the database."""
        return self.url_file != "none" or self.url.startswith("postgresql")

    @property
    def encryption_key_path(self) -> Path:
        """The file with the keys; it may not be there yet where `encryption_key_file` is auto."""
        if self.encryption_key_file != "auto":
            return self.encryption_key_file
        return _data_folder() / "records.key"


def _data_folder() -> Path:
    """Find the user's folder for data. Source: XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "clara"
