"""Checks code and .ui files against the names that a running Slicer exposes.

``slicer-api-excerpt.json`` holds the part of a dump of Slicer's names that the extension uses;
``make_excerpt.py`` writes it from the full dump.
"""
