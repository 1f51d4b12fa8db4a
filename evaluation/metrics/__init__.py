"""How reports are compared: words, atomic facts, and how sure the figures are."""
