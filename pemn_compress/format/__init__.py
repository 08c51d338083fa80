"""The archive format: its generator, its mask codecs, its container. Torch-free, usable alone."""
