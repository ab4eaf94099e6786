"""Decision support for research: pathology models, calibrated prediction, reasons and reports.

Builds on :mod:`MedDeepRegSegLib`, never the other way.
"""

from MedDeepRegSegLib import __version__

__all__ = ["__version__"]
