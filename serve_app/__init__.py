"""CLARA's serving platform; `app.py` is the place to start reading."""

__version__ = "0.1.0"
