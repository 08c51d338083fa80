"""How scores become masks while training: one file per search method."""
