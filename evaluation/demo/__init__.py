"""Scores and publishes the demo model: follow-up questions, published figures, shipped folder."""
