"""Acute stroke: where a lesion in MNI space lies among the arterial territories, and the table that is learned from."""
