"""Which labels are of the left and right side of the body, by their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from MedDeepRegSegLib.segmentation.segments import Segment

_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l", "lh": "rh", "rh": "lh", "lt": "rt", "rt": "lt"}
_WORD = re.compile(r"[a-z]+|[0-9]+")
# Organs whose place shows the side: mirrored, they would be those of situs inversus (1 of 10,000 people).
_ONE_SIDED = frozenset(
    [
        "liver",
        "spleen",
        "stomach",
        "pancreas",
        "gallbladder",
        "heart",
        "aorta",
        "duodenum",
        "colon",
        "cecum",
        "appendix",
        "sigmoid",
        "myocardium",
        "ventricle",
        "atrium",
        "hepatic",
        "splenic",
        "portal",
        "esophagus",
    ]
)
_OF_HEART = frozenset({"ventricle", "atrium", "myocardium"})
_OF_BRAIN = frozenset({"lateral", "third", "fourth", "brain", "cerebral"})


@dataclass(frozen=True)
class LabelSides:
    """What mirroring means to a set of labels.

    Attributes
    ----------
    known : bool
        Whether names are known; without labels there is nothing to know, and it is True.
    pairs : tuple of pairs of int
        Values of the left and right of one structure.
    unpaired : tuple of str
        Names that say a side and whose other side is missing.
    one_sided : tuple of str
        Names of organs that lie on one side of every body.
    """

    known: bool = True
    pairs: tuple[tuple[int, int], ...] = ()
    unpaired: tuple[str, ...] = ()
    one_sided: tuple[str, ...] = ()


UNKNOWN_SIDES = LabelSides(known=False)


def label_sides(segments: Sequence[Segment]) -> LabelSides:
    """Return what mirroring means to segments.

    Examples
    --------
    >>> from MedDeepRegSegLib.segmentation.segments import named_segment
    >>> label_sides([named_segment(1, "Left lung"), named_segment(2, "Right lung"), named_segment(3, "Trachea")]).pairs
    ((1, 2),)
    >>> label_sides([named_segment(1, "kidney_left")]).unpaired
    ('kidney_left',)
    >>> label_sides([named_segment(1, "Liver")]).one_sided
    ('Liver',)
    """
    words = {tuple(_words(segment.name)): segment for segment in segments}
    pairs, unpaired, one_sided = [], [], []
    for name, segment in words.items():
        if _one_sided(name):
            one_sided.append(segment.name)
            continue
        mirrored = tuple(_OTHER.get(word, word) for word in name)
        if mirrored == name:
            continue
        partner = words.get(mirrored)
        if partner is None:
            unpaired.append(segment.name)
        elif segment.value < partner.value:
            pairs.append((segment.value, partner.value))
    repeated = len(words) < len(segments)  # two segments of one name: it is not known which belongs to which
    return LabelSides(not (repeated and (pairs or unpaired)), tuple(pairs), tuple(unpaired), tuple(one_sided))


def says_side(name: str) -> bool:
    """Return whether a name says left or right.

    Examples
    --------
    >>> [says_side(name) for name in ("kidney_left", "LungR", "Liver")]
    [True, True, False]
    """
    return any(word in _OTHER for word in _words(name))


def _words(name: str) -> list[str]:
    # A change from small to capital letters begins a word, too: LeftLung.
    return _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def _one_sided(name: Sequence[str]) -> bool:
    words = set(name)
    if words & _OF_BRAIN or "ventricles" in words:
        words -= _OF_HEART
    return bool(words & _ONE_SIDED)
