"""The families of measurements, one plugin each, and how they are chosen.

A plugin is a function from a shape to measurements. To add a family, write the function and list it in
:data:`FAMILIES`: the library, the job, ``meddeep measure`` and the table node then have it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.measurement import Measurement

if TYPE_CHECKING:  # the command's help needs the names only
    from MedDeepRegSegLib.segmentation.measured_shape import MeasuredShape
    from MedDeepRegSegLib.segmentation.texture_matrices import TextureSettings

Plugin = Callable[[Optional["MeasuredShape"], str], list[Measurement]]
"""``plugin(shape, units)``: the measurements of a shape, or those of nothing for None. ``units`` are those of the
image's voxels. The same measurements come in the same order for every shape."""


@dataclass(frozen=True)
class Family:
    """Measurements that belong together."""

    name: str
    """By which it is chosen."""
    title: str
    """For people."""
    description: str
    """What is measured, in one line."""
    group: str
    """Name under which it is chosen together with others."""
    needs_image: bool = False
    """Whether it is about the image in the segment; False where the segment alone is enough."""
    by_default: bool = True
    """Whether it is measured when no families are chosen (and there is an image if it needs one)."""


FAMILIES: tuple[Family, ...] = (
    Family("size", "Size", "volume, surface of voxels and mesh, sphericity", "shape"),
    Family("position", "Position", "center, boxes, principal axes, elongation, flatness", "shape"),
    Family("diameters", "Diameters", "largest in 3D, longest in a slice and perpendicular to it", "shape"),
    Family("intensity", "Intensity", "mean, spread, percentiles, moments of the image", "intensity", needs_image=True),
    # Not by default: 56 columns that mean little unless the gray levels are chosen with care, and the one family that
    # takes more than some seconds where a segment has millions of voxels.
    Family(
        "texture",
        "Texture",
        "gray level histogram, co-occurrence, runs and zones (IBSI)",
        "texture",
        needs_image=True,
        by_default=False,
    ),
)
"""In the order of the columns."""


def family_names() -> tuple[str, ...]:
    """Return the names that families can be chosen by: groups first."""
    return tuple(dict.fromkeys([family.group for family in FAMILIES] + [family.name for family in FAMILIES]))


def chosen_families(names: Sequence[str] | None, *, has_image: bool) -> tuple[Family, ...]:
    """Return the families of the given names, or those by default for None or no names.

    Raises
    ------
    InputError
        If there is no family of a name, or a chosen one needs an image and there is none.
    """
    if isinstance(names, str):
        names = (names,)
    if not names:
        return tuple(family for family in FAMILIES if family.by_default and (has_image or not family.needs_image))
    for name in names:
        if name not in family_names():
            msg = f"there is no family of measurements {name!r}, expected one of {', '.join(family_names())}"
            raise InputError(msg)
    chosen = tuple(family for family in FAMILIES if family.name in names or family.group in names)
    for family in chosen:
        if family.needs_image and not has_image:
            msg = f"measurements of {family.name} need an image and there is none: give the volume that was segmented"
            raise InputError(msg)
    return chosen


def plugin_of(family: Family, texture: TextureSettings) -> Plugin:
    """Return the function that measures a family."""
    from MedDeepRegSegLib.segmentation.measurement_diameters import measure_diameters
    from MedDeepRegSegLib.segmentation.measurement_intensity import measure_intensity
    from MedDeepRegSegLib.segmentation.measurement_position import measure_position
    from MedDeepRegSegLib.segmentation.measurement_size import measure_size
    from MedDeepRegSegLib.segmentation.measurement_texture import measure_texture

    plugins: dict[str, Plugin] = {
        "size": measure_size,
        "position": measure_position,
        "diameters": measure_diameters,
        "intensity": measure_intensity,
        "texture": lambda shape, units: measure_texture(shape, units, texture),
    }
    return plugins[family.name]
