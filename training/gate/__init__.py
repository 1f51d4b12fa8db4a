"""Trains the gate: films and drawn chests against everything that is no chest film."""
