"""Trains the gate: real and drawn chest films against everything that is not a chest film."""
