"""Trains the demo model from scratch: a vision tower on drawn films, then three stages on drawn studies."""
