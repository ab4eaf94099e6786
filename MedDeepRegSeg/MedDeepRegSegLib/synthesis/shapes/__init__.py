"""Shapes that are painted into a random label map, one a file."""
