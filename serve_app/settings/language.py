"""The language of the command line, as every program reads it from the environment."""

import os


def prefers_vietnamese() -> bool:
    """Return whether LC_ALL, LC_MESSAGES or LANG asks for Vietnamese; the first that is not empty decides."""
    named = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next(filter(None, named), "").partition("_")[0].partition(".")[0].lower() == "vi"
