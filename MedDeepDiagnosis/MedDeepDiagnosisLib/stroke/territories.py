"""The regions of the arterial atlas: what each label number means.

The territories are those of the Digital 3D Brain MRI Arterial Territories Atlas (Liu CF et al., Scientific Data
2023;10:74, https://doi.org/10.1038/s41597-022-01923-0), which was drawn from the infarcts of 1,298 patients. Labels and
groups are those of ``NIfTI/ArterialAtlas136.txt`` in neurolabusc/StrokeOutcomeOptimizationProjectDemo: 30 territories
that make up four arteries on each side, and two lateral ventricles.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from MedDeepRegSegLib.errors import InputError

Side = Literal["left", "right"]

SAMPLE = "arterial-atlas"
"""Name of the sample that is the atlas: ``meddeep samples arterial-atlas``."""

VENTRICLE = "ventricle"
"""The ``artery`` of the regions that no artery supplies."""

_GROUPS = ("aca", "mca", "pca", "basilar", VENTRICLE)


@dataclass(frozen=True)
class Territory:
    """One region of an arterial atlas.

    Attributes
    ----------
    label:
        Number of its voxels in the atlas.
    name:
        For code and columns, unique: ``mca_insula_left``.
    title:
        For people.
    artery:
        The major artery it belongs to: ``aca``, ``mca``, ``pca``, ``basilar`` (vertebro-basilar), or ``ventricle``.
    side:
        Of the patient.
    """

    label: int
    name: str
    title: str
    artery: str
    side: Side


_PAIRS = (
    # name, title, artery; left labels are odd, right ones even, in this order
    ("aca", "anterior cerebral artery", "aca"),
    ("lenticulostriate_medial", "medial lenticulostriate arteries", "aca"),
    ("lenticulostriate_lateral", "lateral lenticulostriate arteries", "mca"),
    ("mca_frontal", "middle cerebral artery, frontal part", "mca"),
    ("mca_parietal", "middle cerebral artery, parietal part", "mca"),
    ("mca_temporal", "middle cerebral artery, temporal part", "mca"),
    ("mca_occipital", "middle cerebral artery, occipital part", "mca"),
    ("mca_insula", "middle cerebral artery, insular part", "mca"),
    ("pca_temporal", "posterior cerebral artery, temporal part", "pca"),
    ("pca_occipital", "posterior cerebral artery, occipital part", "pca"),
    ("choroidal_posterior", "posterior choroidal and thalamoperforating arteries", "pca"),
    ("choroidal_anterior", "anterior choroidal and thalamoperforating arteries", "pca"),
    ("basilar", "basilar artery", "basilar"),
    ("cerebellar_superior", "superior cerebellar artery", "basilar"),
    ("cerebellar_inferior", "inferior cerebellar arteries", "basilar"),
    ("ventricle", "lateral ventricle", VENTRICLE),
)


def _all() -> tuple[Territory, ...]:
    found = []
    for number, (name, title, artery) in enumerate(_PAIRS):
        for offset, side in enumerate(("left", "right")):
            label = 2 * number + 1 + offset
            found.append(Territory(label, f"{name}_{side}", f"{title}, {side}", artery, side))  # type: ignore[arg-type]
    return tuple(found)


TERRITORIES: tuple[Territory, ...] = _all()
"""The 30 territories and two ventricles of the atlas, in the order of their labels."""


def read_regions(path: Path | str) -> tuple[Territory, ...]:
    """Read the regions of an atlas of one's own.

    Parameters
    ----------
    path:
        Text file with one region on each line, as the atlas has it: ``label|acronym|title|group``. Groups are numbered
        1 and 2 for the anterior cerebral artery left and right, then the middle (3, 4) and posterior (5, 6) cerebral
        artery, the vertebro-basilar arteries (7, 8) and the ventricles (9, 10).

    Returns
    -------
    Regions in the order of the file; their names are the acronyms in lower case with the side.

    Raises
    ------
    InputError
        If the file cannot be read, a line has another form, or a label or name repeats.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"regions {path} cannot be read ({error}): expected a text file with lines label|acronym|title|group"
        raise InputError(msg) from error
    regions = [_region(line, number, path) for number, line in enumerate(lines, start=1) if line.strip()]
    if not regions:
        msg = f"regions {path} is empty, expected lines label|acronym|title|group"
        raise InputError(msg)
    for what, values in (("label", [str(r.label) for r in regions]), ("name", [r.name for r in regions])):
        repeated = [value for value in values if values.count(value) > 1]
        if repeated:
            msg = f"regions {path}: {what} {repeated[0]} is there twice, expected each once: rename one"
            raise InputError(msg)
    return tuple(regions)


def _region(line: str, number: int, path: Path | str) -> Territory:
    cells = [cell.strip() for cell in line.split("|")]
    label, group = (cells[0], cells[3]) if len(cells) == 4 else ("", "")
    if not (label.isdigit() and int(label) > 0 and group.isdigit() and 1 <= int(group) <= 2 * len(_GROUPS)):
        msg = f"regions {path}, line {number}: {line.strip()[:60]!r}, expected label|acronym|title|group with a group of 1 to 10"
        raise InputError(msg)
    side: Side = "left" if int(group) % 2 else "right"
    # The released table names both sides of some territories alike (MCAPL twice); the side makes the name unique.
    return Territory(int(label), f"{cells[1].lower()}_{side}", cells[2], _GROUPS[(int(group) - 1) // 2], side)
