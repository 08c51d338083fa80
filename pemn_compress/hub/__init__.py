"""Models in folders and in repositories of the Hugging Face Hub: the archive, its card."""
