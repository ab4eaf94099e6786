"""Segmentation networks: one file a network; :mod:`.build` makes the one that settings name."""
