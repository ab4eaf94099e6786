"""One measured quantity."""

from dataclasses import dataclass

Code = tuple[str, str, str]
"""Coding scheme, code value, code meaning."""

MM: Code = ("UCUM", "mm", "millimeter")
MM2: Code = ("UCUM", "mm2", "square millimeter")
MM3: Code = ("UCUM", "mm3", "cubic millimeter")
CM3: Code = ("UCUM", "cm3", "cubic centimeter")
PER_MM: Code = ("UCUM", "/mm", "per millimeter")
NO_UNITS: Code = ("UCUM", "1", "no units")
HOUNSFIELD: Code = ("UCUM", "[hnsf'U]", "Hounsfield unit")
HOUNSFIELD2: Code = ("UCUM", "[hnsf'U]2", "square Hounsfield unit")


@dataclass(frozen=True)
class Measurement:
    """A value with its name, units and DICOM codes."""

    name: str
    """Stable name for programs, with the units where they matter: ``volume_mm3``."""
    title: str
    """Title for people, without units."""
    value: float | None
    """The value in ``units``; None where it is not defined, for example the mean intensity of nothing."""
    units: str = ""
    """Units as shown; empty for pure numbers."""
    description: str = ""
    """What is measured and how, in one sentence."""
    quantity_code: Code | None = None
    """DICOM (SNOMED CT, IBSI, DCM) code of the quantity, where there is one."""
    units_code: Code | None = None
    """UCUM code of the units."""
    derivation_code: Code | None = None
    """Code of how the value derives from many (mean, maximum ...)."""
    method_code: Code | None = None
    """Code of how it was measured, where one quantity can be measured in several ways."""
