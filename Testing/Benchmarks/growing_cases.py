"""The objects of the growing benchmark: every labeled object of the real images, where it comes from and its role.

A label is an object when a person could grow it: it has at least :data:`FEWEST` voxels and is one thing. Of lesions,
and of labels that name many things at once, the largest connected part is taken. What is left out is in :data:`LEFT_OUT`
with the reason. Where a structure has a left and a right, both have the same role.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from growing_names import ABDOMEN_CT, ABDOMEN_MR, BRAIN, SNAP, SPINE_PARTS, VERTEBRAE_CT, VERTEBRAE_MR
from scipy import ndimage

VERSION = 1
"""Of the cases; results of another version are made again."""
FEWEST = 100
"""Voxels of the smallest object."""

LEFT_OUT = {
    "01_open_ms_longitudinal": "its masks are of what changed between two visits, no objects of one image",
    "03_ct_mr_template_pair": "averages of many heads with tissue probabilities",
    "04 tissue and AAL labels": "tissue classes and atlas regions without a border in the image",
    "04 ultrasound": "neither CT nor MR, and 4-D",
    "06 tissue types": "muscle and fat are classes of tissue all over the body, not one object",
    "06 vertebrae T12 to L2 of the whole CT": "the same vertebrae as in the crop of it, which is in",
    "07 lung1, lung2": "the images are not there",
    "07 prostate phantom": "a plastic phantom; its labels are parts of rims",
    "08 rim of the vertebral body on CT": "a shell by definition, counted with the body",
    "09_brain_label_maps": "label maps without an image",
    "10 tissue slabs": "tissue classes, 18 slices",
    "10 right side of the brain": "the mirror image of the left side of the same head, which is in",
    "10 cerebrospinal fluid, choroid plexus, vessels": "no one thing, or nothing that is seen on a T1",
    "11 templates": "averages without labels of objects",
    "12 rtstruct": "one slice",
    "12 PET with SEG": "slices are missing in the series",
    "12 heart of the CT with SEG": "an outline that follows no border",
    "13_soop_stroke_image_tabular, 14_lidc_chest_ct_nodules": "no images",
}


@dataclass(frozen=True, eq=False)  # told apart by identity: a dict has no hash
class Source:
    """An image and its labels."""

    name: str
    group: str
    image: str
    """Path below the data; a folder is one DICOM series, and ``file.npz:name`` an array of 1 mm voxels."""
    labels: str
    objects: dict[str, tuple[int, ...]]
    """The values of each object, by name."""
    parts: tuple[str, ...] = ()
    """Names of objects of which only the largest connected part is taken; ``*`` is all."""
    shrink: tuple[int, int, int] = (1, 1, 1)
    """Voxels averaged along i, j, k."""


@dataclass(frozen=True)
class Case:
    """One object in one image."""

    source: Source = field(repr=False)
    object: str

    @property
    def name(self) -> str:
        """Name of the case, fit for a folder."""
        return f"{self.source.name}-{self.object.replace(' ', '_')}"

    @property
    def role(self) -> str:
        """``development`` (what choices may look at) or ``held-out``, a third of the cases, by a hash of the name."""
        return role_of(self.source.name, self.object)


_TOTAL = "06_totalsegmentator/"
_TPT = "08_tptbox_spine_ct_mr/sub-"
_RADIOMICS = "07_pyradiomics/"
_PAIRS = "04_mr_same_subject_pairs/"
_SCAN = "10_brain_t1_with_segmentation/voxelmorph_scan/test_scan.npz"
_HIPPOCAMPUS = "10_brain_t1_with_segmentation/hippocampus_msd/{}/hippocampus_374.nii.gz"
_MS = "02_open_ms_cross_sectional/MNI/patient07/"
_ONE = {"lesion": (1,)}
SOURCES = (
    Source("ct", "CT body", _TOTAL + "example_ct_sm.nii.gz", _TOTAL + "example_seg.nii.gz", ABDOMEN_CT),
    Source(
        "ct2",
        "CT body, second patient",
        _TOTAL + "example_ct_dicom",
        _TOTAL + "example_seg_dicom.nii.gz",
        ABDOMEN_CT,
        shrink=(2, 2, 1),
    ),
    Source(
        "ct_spine",
        "CT spine",
        _TOTAL + "example_ct.nii.gz",
        _TOTAL + "spine/totalseg.nii.gz",
        {f"vertebra {name}": (value,) for name, value in (("S1", 26), ("L5", 27), ("L4", 28), ("L3", 29))},
    ),
    Source(
        "mr",
        "MR body",
        _TOTAL + "example_mr_sm.nii.gz",
        _TOTAL + "example_seg_mr.nii.gz",
        ABDOMEN_MR,
        ("vertebra", "disc"),
    ),
    Source(
        "spine_ct",
        "CT spine",
        _TPT + "ct_label-22_ct.nii.gz",
        _TPT + "ct_seg-vert_label-22_msk.nii.gz",
        VERTEBRAE_CT,
    ),
    Source(
        "spine_ct_parts",
        "CT parts of vertebrae",
        _TPT + "ct_label-22_ct.nii.gz",
        _TPT + "ct_seg-subreg_label-22_msk.nii.gz",
        SPINE_PARTS,
        ("*",),
    ),
    Source(
        "spine_mr",
        "MR spine",
        _TPT + "mri_label-6_T2w.nii.gz",
        _TPT + "mri_seg-vert_label-6_msk.nii.gz",
        VERTEBRAE_MR,
    ),
    Source(
        "spine_mr_parts",
        "MR parts of vertebrae",
        _TPT + "mri_label-6_T2w.nii.gz",
        _TPT + "mri_seg-subreg_label-6_msk.nii.gz",
        SPINE_PARTS | {"spinal cord": (60,), "spinal canal": (60, 61)},
        ("*",),
    ),
    Source("brain", "MR brain", f"{_SCAN}:vol", f"{_SCAN}:seg", BRAIN),
    Source(
        "snap",
        "MR brain",
        _PAIRS + "itksnap/MRIcrop-orig.gipl.gz",
        _PAIRS + "itksnap/MRIcrop-seg.gipl.gz",
        SNAP,
        ("*",),
    ),
    Source(
        "hippocampus",
        "MR brain",
        _HIPPOCAMPUS.format("imagesTs"),
        _HIPPOCAMPUS.format("labelsTs"),
        {"hippocampus": (1, 2)},
    ),
    *(
        Source(
            f"cord_{name}",
            "MR spine",
            f"{_PAIRS}sct_spine/{name}.nii.gz",
            f"{_PAIRS}sct_spine/{name}_{labels}.nii.gz",
            {what: (1,)},
        )
        for name, labels, what in (
            ("t1w", "seg-manual", "spinal cord"),
            ("t2", "seg-manual", "spinal cord"),
            ("t2s_uncropped", "gmseg_manual", "grey matter of the cord"),
        )
    ),
    *(
        Source(
            name, "lesions", f"{_RADIOMICS}{name}_image.nrrd", f"{_RADIOMICS}{name}_label.nrrd", {"tumor": (1,)}, ("*",)
        )
        for name in ("brain1", "brain2", "breast1")
    ),
    Source(
        "stroke",
        "lesions",
        "11_single_ct_mr_volumes/T2.nii.gz",
        "11_single_ct_mr_volumes/lesionT2.nii.gz",
        _ONE,
        ("*",),
    ),
    Source(
        "ms",
        "lesions",
        _MS + "FLAIR_N4_noneck_reduced_winsor_regtoFLAIR_brain_N4_regtoMNI.nii.gz",
        _MS + "GOLD_STANDARD_N4_noneck_reduced_winsor_regtoFLAIR_regtoMNI.nii.gz",
        _ONE,
        ("*",),
    ),
    Source(
        "ct_seg",
        "CT body, second patient",
        "12_dicom/ct_liver_dicom_seg",
        "12_dicom/ct_liver_dicom_seg/liver_spine_seg.nrrd",
        {"liver": (1,), "vertebra": (2,)},
        shrink=(2, 2, 1),
    ),
)
"""Where labeled objects are."""


def role_of(source: str, name: str) -> str:
    """Return the role of an object; the left and the right one have the same."""
    key = re.sub(r" (left|right)\b", "", f"{source}/{name}")
    return "held-out" if int(hashlib.sha256(key.encode()).hexdigest(), 16) % 3 == 0 else "development"


def cases(data: Path, sources: tuple[Source, ...] = SOURCES) -> Iterator[Case]:
    """Yield the objects that are there and large enough, in the order of the sources."""
    for source in sources:
        if not _there(data, source):
            continue
        labels = sitk.GetArrayViewFromImage(_pair(data, source)[1])
        for name, values in source.objects.items():
            if _object(labels, values, largest=_only_part(source, name)).sum() >= FEWEST:
                yield Case(source, name)


def find_case(data: Path, name: str, sources: tuple[Source, ...] = SOURCES) -> Case:
    """Return the case of a name.

    Raises
    ------
    KeyError
        If there is none.
    """
    for source in sources:
        for what in source.objects:
            if Case(source, what).name == name and _there(data, source):
                return Case(source, what)
    raise KeyError(name)


def left_out(data: Path, sources: tuple[Source, ...] = SOURCES) -> dict[str, str]:
    """Return the reason for everything that is left out."""
    result = dict(LEFT_OUT)
    for source in sources:
        if not _there(data, source):
            result[source.name] = "its files are not there"
            continue
        labels = sitk.GetArrayViewFromImage(_pair(data, source)[1])
        for name, values in source.objects.items():
            count = int(_object(labels, values, largest=_only_part(source, name)).sum())
            if 0 < count < FEWEST:
                result[Case(source, name).name] = f"{count} voxels, fewer than {FEWEST}"
    return result


def load(case: Case, data: Path) -> tuple[sitk.Image, np.ndarray]:
    """Return the image and the truth, (k, j, i) bool."""
    image, labels = _pair(data, case.source)
    values = case.source.objects[case.object]
    largest = _only_part(case.source, case.object)
    return image, _object(sitk.GetArrayViewFromImage(labels), values, largest=largest)


def _only_part(source: Source, name: str) -> bool:
    return "*" in source.parts or name in source.parts


def _object(labels: np.ndarray, values: tuple[int, ...], *, largest: bool) -> np.ndarray:
    mask = np.isin(labels, values)
    if largest and mask.any():
        parts, _ = ndimage.label(mask)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        mask = parts == sizes.argmax()
    return mask


def _there(data: Path, source: Source) -> bool:
    return all((data / path.split(":")[0]).exists() for path in (source.image, source.labels))


@lru_cache(maxsize=1)
def _pair(data: Path, source: Source) -> tuple[sitk.Image, sitk.Image]:
    """Return image and labels on one grid. A series of several in a folder: the one with the most slices."""
    image, labels = _read(data, source.image), sitk.Cast(_read(data, source.labels), sitk.sitkInt16)
    labels = sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    if source.shrink != (1, 1, 1):
        kind = image.GetPixelID()
        image = sitk.Cast(sitk.BinShrink(sitk.Cast(image, sitk.sitkFloat32), source.shrink), kind)
        labels = sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    return image, labels


def _read(data: Path, path: str) -> sitk.Image:
    file, _, name = path.partition(":")
    if name:
        with np.load(data / file) as arrays:
            return sitk.GetImageFromArray(arrays[name].astype(np.float32))
    if not (data / file).is_dir():
        return sitk.ReadImage(str(data / file))
    reader = sitk.ImageSeriesReader()
    series = [reader.GetGDCMSeriesFileNames(str(data / file), one) for one in reader.GetGDCMSeriesIDs(str(data / file))]
    return sitk.ReadImage(max(series, key=len))
