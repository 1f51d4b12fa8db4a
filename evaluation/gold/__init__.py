"""Sentences with their facts, annotated by hand before the extractor was written."""
