"""A stored graph run in numpy alone: kernels by kind, and the interpreter that calls them."""
