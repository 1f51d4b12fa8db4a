"""The three stages of fine-tuning: findings from the image, the impression from both, then the whole conversation."""
