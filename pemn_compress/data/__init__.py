"""From what a user names to samples, and from samples to batches."""
