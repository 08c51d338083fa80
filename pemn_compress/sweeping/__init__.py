"""Grids of runs: read from TOML, checked before the first one, run in processes of their own."""
