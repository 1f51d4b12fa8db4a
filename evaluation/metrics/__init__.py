"""Compares reports by words and by atomic facts, with confidence intervals."""
