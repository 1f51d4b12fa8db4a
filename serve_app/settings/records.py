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
        return f"sqlite:///{data_folder() / 'records.db'}" if self.url == "auto" else self.url


def data_folder() -> Path:
    """Find the user's folder for data. Source: XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "clara"
