"""Sentences with their facts, annotated by hand without sight of the extractor."""
