"""A run's result as one page that needs nothing else."""
