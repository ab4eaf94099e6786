"""Engines of the MedDeep extension: volumes, registration, segmentation, jobs, and the MRML border.

Importing this package imports nothing heavy; each capability is a subpackage.
"""

__version__ = "0.1.0"
