"""From any nn.Module and settings to masks; what needs no torch for that is in `rules`."""
