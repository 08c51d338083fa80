"""What is masked, by how much and with which fixed values, as rules over names and shapes.

Torch-free: accounting, the command line and whoever only counts bytes import this half alone.
"""
