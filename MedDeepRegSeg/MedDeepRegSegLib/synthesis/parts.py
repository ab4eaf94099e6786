"""Which labels of a map are which part of the body, and whether the part exists on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass

from MedDeepRegSegLib.errors import InputError

_LARGEST_LABEL = 65535


@dataclass(frozen=True)
class Part:
    """A part of the body that a network learns to name.

    Attributes
    ----------
    name : str
        Without the side.
    labels : tuple of int
        Labels of the maps; of the left side where ``right`` has any.
    right : tuple of int
        Labels of the right side; empty for a part that exists once.
    shown : bool
        False for what is only told apart to help the others.
    """

    name: str
    labels: tuple[int, ...]
    right: tuple[int, ...] = ()
    shown: bool = True


# FreeSurfer's numbers, and from 500 those of SynthSeg's maps. Lesions count as white matter, the choroid plexus (of the
# maps: 136, 137, 163, 164; of FreeSurfer: 31, 63) as ventricle.
BRAIN_PARTS: tuple[Part, ...] = (
    Part("skull", (515, 516), shown=False),
    Part("cerebrospinal fluid", (24,), shown=False),
    Part("cerebral white matter", (2, 25), (41, 57)),
    Part("cerebral cortex", (3,), (42,)),
    Part("lateral ventricle", (4, 5, 136, 137), (43, 44, 163, 164)),
    Part("third ventricle", (14,)),
    Part("fourth ventricle", (15,)),
    Part("thalamus", (10,), (49,)),
    Part("caudate nucleus", (11,), (50,)),
    Part("putamen", (12,), (51,)),
    Part("globus pallidus", (13,), (52,)),
    Part("hippocampus", (17,), (53,)),
    Part("amygdala", (18,), (54,)),
    Part("nucleus accumbens", (26,), (58,)),
    Part("ventral diencephalon", (28,), (60,)),
    Part("brainstem", (16,)),
    Part("cerebellar white matter", (7,), (46,)),
    Part("cerebellar cortex", (8,), (47,)),
)
"""Parts of the brain in the maps of :mod:`MedDeepRegSegLib.synthesis.real_maps`; all other labels are class 0."""

BRAIN_UNKNOWN = (30, 62, 72, 85)
"""Labels that no part is asked for: vessels, the fifth ventricle and the optic chiasm, which not all maps have."""


def check_parts(parts: Sequence[Part]) -> None:
    """Raise :class:`InputError` unless every part has a name and labels of its own."""
    if not parts or not any(part.shown for part in parts):
        msg = "no part is to be shown: name at least one"
        raise InputError(msg)
    owners: dict[int, str] = {}
    names: set[str] = set()
    for part in parts:
        if not part.name.strip() or part.name in names:
            msg = f"part {part.name!r} has no name of its own: give each part another name"
            raise InputError(msg)
        names.add(part.name)
        if not part.labels:
            msg = f"part {part.name!r} has no labels: name the labels of the maps that belong to it"
            raise InputError(msg)
        for label in (*part.labels, *part.right):
            if not 1 <= label <= _LARGEST_LABEL:
                msg = f"part {part.name!r} has the label {label}, expected 1 to {_LARGEST_LABEL}: correct it"
                raise InputError(msg)
            if label in owners:
                msg = f"label {label} belongs to {owners[label]!r} and {part.name!r}: give it to one of them"
                raise InputError(msg)
            owners[label] = part.name
