"""Training of any nn.Module, masked or not, and how well it then does."""
