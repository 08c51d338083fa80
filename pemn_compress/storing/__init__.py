"""A model to an archive; an archive to a model, plain or packed, or to a program."""
