"""The three stages of fine-tuning: findings from the film, the impression from both, then the whole conversation."""
