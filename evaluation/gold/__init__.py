"""Sentences with their facts, annotated by hand without knowledge of the extractor's output."""
