"""Dividing a structure into parts: on which voxels, on which side, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from tiny_subdivision import write_tiny_subdivision

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.runner import run_job
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.models.description import WorkingSpacing
from MedDeepRegSegLib.models.subdivision_loader import LoadedSubdivision
from MedDeepRegSegLib.segmentation import subdivide_job, subdivision_chances
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
from MedDeepRegSegLib.segmentation.segments import TISSUE, named_segment
from MedDeepRegSegLib.segmentation.subdivision import part_segments, subdivide

torch = pytest.importorskip("torch")

SPACING = 2.0


class Gray(torch.nn.Module):
    """A network that takes bright voxels for the thalamus, gray ones for the third ventricle; left is high x."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = SimpleNamespace(sided=(0, 1, 0), shown=(0, 1, 1))
        self.scale = torch.nn.Conv3d(1, 1, 1)

    def forward(self, volume):
        unit = volume[:, :1]
        far = torch.arange(volume.shape[-1], dtype=torch.float32)
        left = (far - 15.5).expand_as(unit)
        return torch.cat([-40 * (unit + 0.6), 40 * (unit - 0.5), 10 - 40 * unit.abs(), left], dim=1)


class Nothing(Gray):
    """A network that finds no part."""

    def forward(self, volume):
        return super().forward(volume) + torch.tensor([1e3, 0, 0, 0]).view(1, 4, 1, 1, 1)


@pytest.fixture
def gray():
    spacing = WorkingSpacing(smallest=SPACING, largest=SPACING, recommended=SPACING)
    return LoadedSubdivision(
        Gray().eval(), SimpleNamespace(labels=("thalamus", "third ventricle"), spacing_mm=spacing), "cpu"
    )


@pytest.fixture
def image():
    """Two bright blocks and a gray one between them in black, 64 mm a side; and a bright voxel far from them."""
    array = np.zeros((32, 32, 32), np.float32)
    array[8:24, 8:24, 4:13] = 100
    array[8:24, 8:24, 13:19] = 50
    array[8:24, 8:24, 19:28] = 100
    array[2, 2, 2] = 100
    made = sitk.GetImageFromArray(array)
    made.SetSpacing((SPACING,) * 3)
    made.SetOrigin((-30.0, 20.0, 5.0))
    return made


def masks(labels, segments):
    return {segment.name: sitk.GetArrayFromImage(labels) == segment.value for segment in segments}


def test_parts_get_their_voxels_sides_names_and_meaning(image, gray):
    labels, segments = subdivide(image, gray)
    found = masks(labels, segments)
    assert list(found) == ["Left thalamus", "Right thalamus", "Third ventricle"]
    assert found["Right thalamus"][8:24, 8:24, 4:13].mean() > 0.98
    assert found["Left thalamus"][8:24, 8:24, 19:28].mean() > 0.98
    assert found["Third ventricle"][8:24, 8:24, 13:19].mean() > 0.9
    assert labels.GetOrigin() == image.GetOrigin()
    assert all(segment.terminology and segment.terminology != TISSUE for segment in segments)
    assert segments[0].color == segments[1].color


def test_an_island_is_given_to_what_is_around_it(image, gray):
    labels, _ = subdivide(image, gray)
    assert labels[2, 2, 2] == 0


@pytest.mark.parametrize("letters", ["RAS", "PIR", "LAI"])
def test_the_order_of_voxels_does_not_change_the_side(image, gray, letters):
    plain, _ = subdivide(image, gray)
    turned, _ = subdivide(sitk.DICOMOrient(image, letters), gray)
    back = sitk.DICOMOrient(turned, "LPS")
    assert (sitk.GetArrayFromImage(back) == sitk.GetArrayFromImage(plain)).mean() > 0.999


def test_borders_run_between_working_voxels(image, gray):
    fine = sitk.Resample(image, [64] * 3, sitk.Transform(), sitk.sitkLinear, (-30.5, 19.5, 4.5), (1.0,) * 3)
    labels, segments = subdivide(fine, gray)
    assert labels.GetSize() == (64, 64, 64)
    volume = masks(labels, segments)["Left thalamus"].sum()
    assert volume == pytest.approx(16 * 16 * 9 * SPACING**3, rel=0.12)


def test_parts_stay_inside_the_structure(image, gray):
    structure = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    structure.CopyInformation(image)
    structure[4:16, 8:24, 8:24] = 1
    labels, segments = subdivide(image, gray, structure=structure)
    assert {segment.name for segment in segments} == {"Right thalamus", "Third ventricle"}
    assert (sitk.GetArrayFromImage(labels)[sitk.GetArrayFromImage(structure) == 0] == 0).all()
    with pytest.raises(InputError, match="no voxels"):
        subdivide(image, gray, structure=structure * 0)
    with pytest.raises(InputError, match="structure has 16x32x32 voxels"):
        subdivide(image, gray, structure=structure[:16])


def test_the_same_part_has_the_same_value_whatever_else_is_there(image, gray):
    values = {segment.name: segment.value for segment in part_segments(gray)}
    _, segments = subdivide(image, gray)
    assert all(values[segment.name] == segment.value for segment in segments)


def test_ct_is_limited_to_soft_tissue(monkeypatch, image, gray):
    seen = {}

    def spy(volume, *_args, **_options):
        seen["range"] = float(sitk.GetArrayFromImage(volume).min()), float(sitk.GetArrayFromImage(volume).max())
        raise Canceled

    monkeypatch.setattr(subdivision_chances, "working_volume", spy)
    ct = sitk.Cast(image, sitk.sitkInt16)
    ct.SetMetaData("0008|0060", "CT")
    ct[0, 0, 0], ct[0, 0, 1] = -3000, 2000
    with pytest.raises(Canceled):
        subdivide(ct, gray)
    assert seen["range"] == subdivision_chances.CT_RANGE_HU


def test_what_cannot_be_divided_is_refused(image, gray):
    with pytest.raises(InputError, match="none of the parts was found"):
        subdivide(image * -1, LoadedSubdivision(Nothing().eval(), gray.description, "cpu"))
    with pytest.raises(InputError, match="not finite"):
        subdivide(image * float("nan"), gray)
    with pytest.raises(InputError, match="expected 3"):
        subdivide(sitk.Image([8] * 4, sitk.sitkFloat32), gray)
    with pytest.raises(InputError, match="mm thick"):
        subdivide(image[:, :, 10:12], gray)
    far = sitk.Image(image)
    far.SetSpacing((40.0,) * 3)
    with pytest.raises(InputError, match="million voxels"):
        subdivide(far, gray)
    with pytest.raises(InputError, match="name one that ships"):
        subdivide(image, "liver")


def test_a_canceled_division_ends(image, gray):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        subdivide(image, gray, cancel=cancel)


def test_windows_give_about_what_one_pass_gives(image, gray, monkeypatch):
    whole, _ = subdivide(image, gray)
    monkeypatch.setattr(subdivision_chances, "TILE", 16)
    monkeypatch.setattr(subdivision_chances, "OVERLAP", 0)
    cut, _ = subdivide(image, gray)
    bright = sitk.GetArrayFromImage(image) > 0
    same = (sitk.GetArrayFromImage(cut) > 0) == (sitk.GetArrayFromImage(whole) > 0)
    assert same[bright].mean() > 0.99


def test_the_job_writes_a_segmentation(image, tmp_path):
    model = write_tiny_subdivision(tmp_path / "model")
    sitk.WriteImage(image, str(tmp_path / "image.nii.gz"))
    block = sitk.GetImageFromArray((sitk.GetArrayFromImage(image) == 50).astype(np.uint8))
    block.CopyInformation(image)
    write_segmentation(block, [named_segment(1, "Middle")], tmp_path / "middle.seg.nrrd")
    request = subdivide_job.Request(
        tmp_path / "image.nii.gz",
        tmp_path / "parts.seg.nrrd",
        str(model),
        tmp_path / "middle.seg.nrrd",
        "middle",
        "cpu",
    )
    assert from_json(subdivide_job.Request, to_json(request)) == request
    seen = []
    result = run_job("subdivide", request, progress=lambda fraction, _: seen.append(fraction))
    assert seen == sorted(seen)
    assert result.segments == ("Left dark part",)
    assert result.volumes_ml[0] == pytest.approx(16 * 16 * 6 * SPACING**3 / 1000)
    labels, segments = read_segmentation(result.segmentation)
    assert [segment.name for segment in segments] == ["Left dark part"]
    assert np.array_equal(sitk.GetArrayFromImage(labels) > 0, sitk.GetArrayFromImage(block) > 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"out": "parts.nii"}, r"\.seg\.nrrd"),
        ({"segment": "Brain"}, "without a segmentation"),
        ({"segment": "Brain", "segmentation": "middle.seg.nrrd"}, "no segment 'Brain', expected one of"),
        ({"model": "absent"}, "name one that ships"),
    ],
)
def test_a_job_that_cannot_be_done_writes_nothing(image, tmp_path, change, message):
    model = write_tiny_subdivision(tmp_path / "model")
    sitk.WriteImage(image, str(tmp_path / "image.nii.gz"))
    block = sitk.Cast(image > 60, sitk.sitkUInt8)
    write_segmentation(block, [named_segment(1, "Middle")], tmp_path / "middle.seg.nrrd")
    files = {"out": tmp_path / "parts.seg.nrrd", "image": tmp_path / "image.nii.gz", "model": str(model)}
    own = {name: tmp_path / value if name in ("out", "segmentation") else value for name, value in change.items()}
    with pytest.raises(InputError, match=message):
        run_job("subdivide", subdivide_job.Request(**{**files, **own}))
    assert not (tmp_path / "parts.seg.nrrd").exists()
