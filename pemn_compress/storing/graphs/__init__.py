"""A model's computation as the format's own graph: captured from any module, built without code."""
