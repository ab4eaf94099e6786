"""The measurements of a lesion in MNI space under the names that a pathology asks for."""

import math
from collections.abc import Sequence
from pathlib import Path

import SimpleITK as sitk

from MedDeepDiagnosisLib.stroke.atlas import LesionLoads, atlas_load
from MedDeepDiagnosisLib.stroke.territories import SAMPLE, TERRITORIES, VENTRICLE
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.reading import read_label_map
from MedDeepRegSegLib.volumes.samples import SAMPLES, cached_sample, sample_file

EXTENTS: dict[str, tuple[str, ...]] = {
    "aca_extent_mm": ("aca",),
    "lenticulostriate_extent_mm": ("lenticulostriate_medial", "lenticulostriate_lateral"),
    "mca_frontal_extent_mm": ("mca_frontal",),
    "mca_parietal_extent_mm": ("mca_parietal",),
    "mca_temporal_extent_mm": ("mca_temporal", "mca_occipital"),
    "mca_insula_extent_mm": ("mca_insula",),
    "pca_extent_mm": ("pca_temporal", "pca_occipital"),
    "thalamus_extent_mm": ("choroidal_posterior", "choroidal_anterior"),
    "basilar_extent_mm": ("basilar",),
    "cerebellum_extent_mm": ("cerebellar_superior", "cerebellar_inferior"),
}
"""Territories of both sides that are taken together, so that few hundred patients suffice to learn from."""

LESION_MEASUREMENTS: tuple[str, ...] = (
    "lesion_volume_ml",
    "lesion_components",
    "largest_component_percent",
    "lesion_height_mm",
    "midline_distance_mm",
    "center_anterior_mm",
    "center_superior_mm",
    "left_percent",
    *EXTENTS,
    *(f"load_{region.name}" for region in TERRITORIES if region.artery != VENTRICLE),
)
"""Names of all measurements that :func:`lesion_measurements` returns."""


def lesion_measurements(loads: LesionLoads) -> dict[str, float]:
    """Return the measurements of a lesion by name.

    Returns
    -------
    ``lesion_volume_ml``; ``lesion_components``, how many connected parts; ``largest_component_percent``, the share of the
    largest; ``lesion_height_mm``, from its lowest to its highest voxel; ``midline_distance_mm``, mean over the lesion; ``center_anterior_mm`` and ``center_superior_mm``, its center
    of mass in MNI space; ``left_percent``, the share on the patient's left; ``..._extent_mm`` of :data:`EXTENTS`, the
    diameter of a ball that has the volume of the lesion in these territories, left and right together, 0 where there is
    none; ``load_...``, the fraction of each territory that is lesioned.
    """
    values = {
        "lesion_volume_ml": loads.volume_ml,
        "lesion_components": float(loads.components),
        "largest_component_percent": 100 * loads.largest_component_ml / loads.volume_ml,
        "lesion_height_mm": loads.height_mm,
        "midline_distance_mm": loads.midline_distance_mm,
        "center_anterior_mm": loads.center_mm[1],
        "center_superior_mm": loads.center_mm[2],
        "left_percent": 100 * loads.left_fraction,
    }
    for name, territories in EXTENTS.items():
        ml = sum(loads.lesioned_ml[f"{territory}_{side}"] for territory in territories for side in ("left", "right"))
        values[name] = math.cbrt(6000 * ml / math.pi)
    for region in TERRITORIES:
        if region.artery != VENTRICLE:
            values[f"load_{region.name}"] = loads.fractions[region.name]
    return values


def wants_lesion_loads(measurements: Sequence[str | None]) -> bool:
    """Return whether some of the measurements that a pathology asks for are those of a lesion in MNI space."""
    return any(name in LESION_MEASUREMENTS for name in measurements)


def measure_lesion(labels: sitk.Image, value: int, *, atlas: sitk.Image | Path | None = None) -> dict[str, float]:
    """Measure one segment of a label map in MNI space.

    Parameters
    ----------
    labels:
        Label map that holds the lesion.
    value:
        Its label.
    atlas:
        Arterial atlas, or its file; the sample ``arterial-atlas`` if None, which is not downloaded here.

    Raises
    ------
    InputError
        If the sample was not fetched, or the lesion cannot be measured; see
        :func:`~MedDeepDiagnosisLib.stroke.atlas.atlas_load`.
    """
    if atlas is None:
        atlas = cached_sample(SAMPLE)
        if atlas is None:
            raise InputError(_no_atlas())
    grid = atlas if isinstance(atlas, sitk.Image) else read_label_map(atlas, "arterial atlas")
    return lesion_measurements(atlas_load(sitk.Equal(labels, value), grid))


def _no_atlas() -> str:
    """Return that the atlas is not there, or is another file, and both ways to get it: a machine may be offline."""
    place, published = sample_file(SAMPLE), SAMPLES[SAMPLE].member
    wrong = "is not the published file (its SHA-256 differs)" if place.is_file() else "is not here yet"
    return (
        f"the arterial atlas {wrong}, expected the file {place}: run 'meddeep samples {SAMPLE}', or, offline, put a copy of "
        f"{published} there under this name"
    )
