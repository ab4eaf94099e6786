"""Cases that a model learned from, kept with it without names: what reasons compare a new case with."""

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.learning.stored import StoredArrays

MOST_KNOWN = 1000
"""More would make reasons slow and tell little more."""


def known_cases(table: CaseTable, *, seed: int) -> CaseTable:
    """Return the cases to keep: at most 1000 drawn by ``seed``, with numbers in place of patients and cases."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(table))[:MOST_KNOWN])
    names, patients = np.unique(table.patients[chosen], return_inverse=True)
    patients = np.random.default_rng(seed + 1).permutation(len(names))[patients]  # not in the order of the names
    return CaseTable(
        names=table.names,
        values=table.values[chosen],
        target=table.target[chosen],
        patients=patients.astype(str),
        cases=np.arange(len(chosen)).astype(str),
    )


def known_arrays(known: CaseTable) -> dict[str, NDArray[np.float64]]:
    """Return what :func:`known_from_arrays` takes; which values are given is an array of its own."""
    given = ~np.isnan(known.values)
    return {
        "values": np.where(given, known.values, 0.0),
        "given": given.astype(np.float64),
        "target": known.target,
        "patients": known.patients.astype(np.float64),
    }


def known_from_arrays(names: tuple[str, ...], stored: StoredArrays) -> CaseTable | None:
    """Return the cases that lie in a model folder, None if there are none; raises InputError if they do not fit."""
    if not stored.has("values"):
        return None
    values = stored.get("values", None, len(names))
    count = len(values)
    given = stored.get("given", count, len(names)) > 0
    patients = stored.indices("patients", count, below=count)
    return CaseTable(
        names=names,
        values=np.where(given, values, np.nan),
        target=stored.get("target", count),
        patients=patients.astype(str),
        cases=np.arange(count).astype(str),
    )
