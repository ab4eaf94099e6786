"""Lesion loads on a made-up atlas, where they are known, and against the published table of the SOOP data."""

import csv

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.stroke.atlas import atlas_load
from MedDeepDiagnosisLib.stroke.territories import TERRITORIES
from MedDeepRegSegLib.errors import InputError

from .conftest import image_of

INSULA_LEFT = 15


def lesion_of(atlas, mask):
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.CopyInformation(atlas)
    return image


def array_of(atlas):
    return sitk.GetArrayFromImage(atlas)


def test_half_a_territory_is_a_load_of_one_half(atlas):
    mask = array_of(atlas) == INSULA_LEFT
    mask[:, :10] = False  # the front four of its eight rows
    loads = atlas_load(lesion_of(atlas, mask), atlas)
    assert loads.fractions.pop("mca_insula_left") == 0.5
    assert set(loads.fractions.values()) == {0.0}
    # The middle cerebral artery has six territories of 160 voxels.
    assert loads.artery_fractions.pop("mca_left") == pytest.approx(80 / 960)
    assert set(loads.artery_fractions) == {"mca_right"} | {
        f"{a}_{s}" for a in ("aca", "pca", "basilar") for s in ("left", "right")
    }
    assert set(loads.artery_fractions.values()) == {0.0}
    assert loads.volume_ml == pytest.approx(80 * 0.008)
    assert loads.components == 1
    assert (loads.side, loads.left_fraction, loads.inside_fraction) == ("left", 1.0, 1.0)


def test_side_parts_and_distance(atlas):
    labels = array_of(atlas)
    mask = np.isin(labels, (1, 2))
    loads = atlas_load(lesion_of(atlas, mask), atlas)
    assert loads.side == "both"
    assert loads.left_fraction == 0.5
    assert loads.components == 2
    assert loads.largest_component_ml == pytest.approx(loads.volume_ml / 2)
    # Voxels 22 to 31 are 5 to 23 mm left of the midline.
    assert loads.midline_distance_mm == pytest.approx(14.0)
    assert loads.center_mm[0] == pytest.approx(0.0)
    right = atlas_load(lesion_of(atlas, labels == 2), atlas)
    assert right.side == "right"
    assert right.center_mm[0] == pytest.approx(14.0)  # R is positive


def test_another_grid_gives_the_same(atlas):
    mask = array_of(atlas) == INSULA_LEFT
    whole = atlas_load(lesion_of(atlas, mask), atlas)
    fine = sitk.Expand(lesion_of(atlas, mask), (2, 2, 2), sitk.sitkNearestNeighbor)
    assert fine.GetSpacing() == (1.0, 1.0, 1.0)
    flipped = sitk.Flip(lesion_of(atlas, mask), (True, True, False))
    for other in (fine, flipped, sitk.Cast(fine, sitk.sitkFloat32)):
        assert atlas_load(other, atlas) == whole


def test_a_turned_grid_is_brought_to_the_atlas(atlas):
    """A mask that was drawn on an oblique grid measures as the same body drawn on the atlas does."""
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    shape = (40, 90, 90)
    origin = -turn @ np.array([44.5, 44.5, 19.5])
    oblique = image_of(np.zeros(shape, np.uint8), spacing=(1.0,) * 3, origin=origin, direction=turn.ravel())
    drawn = {}
    for name, grid in (("oblique", oblique), ("straight", atlas)):
        size = grid.GetSize()
        index = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1) * grid.GetSpacing()
        world = index @ np.reshape(grid.GetDirection(), (3, 3)).T + grid.GetOrigin()
        ball = np.linalg.norm(world - (14.0, -6.0, -14.0), axis=-1) < 9
        image = sitk.GetImageFromArray(ball.transpose(2, 1, 0).astype(np.uint8))
        image.CopyInformation(grid)
        drawn[name] = atlas_load(image, atlas)
    assert drawn["oblique"].side == drawn["straight"].side == "left"
    for name, value in drawn["straight"].fractions.items():
        assert drawn["oblique"].fractions[name] == pytest.approx(value, abs=0.04)
    assert drawn["oblique"].volume_ml == pytest.approx(drawn["straight"].volume_ml, rel=0.03)


def test_a_turned_atlas_knows_left_from_right(atlas):
    flipped = sitk.Flip(atlas, (True, False, True))
    mask = lesion_of(atlas, array_of(atlas) == INSULA_LEFT)
    loads = atlas_load(mask, flipped)
    assert loads.side == "left"
    assert loads.fractions["mca_insula_left"] == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lesion: lesion * 0, "is empty"),
        (lambda lesion: sitk.Cast(lesion, sitk.sitkFloat32) * 0.5, "fractional values"),
        (lambda lesion: moved(lesion, 500), "lies outside the arterial atlas \\(around R -514"),
        (lambda lesion: moved(lesion, 14), "of the lesion lies outside all arterial territories"),
        (lambda lesion: lesion[:, :, 0], "expected 3"),
    ],
)
def test_what_cannot_be_measured_is_told(atlas, change, message):
    lesion = lesion_of(atlas, array_of(atlas) == INSULA_LEFT)
    with pytest.raises(InputError, match=message):
        atlas_load(change(lesion), atlas)


def moved(image, left_mm):
    copy = sitk.Image(image)
    origin = image.GetOrigin()
    copy.SetOrigin((origin[0] + left_mm, *origin[1:]))
    return copy


def test_a_lesion_between_the_voxels_is_told(atlas):
    dot = image_of(np.ones((2, 2, 2), np.uint8), spacing=(0.1,) * 3, origin=(14.0, -6.0, -14.0))
    with pytest.raises(InputError, match="too small for the voxels"):
        atlas_load(dot, atlas)


def test_an_atlas_without_a_region_is_told(atlas):
    labels = array_of(atlas)
    lesion = lesion_of(atlas, labels == INSULA_LEFT)
    labels[labels == 30] = 0
    with pytest.raises(InputError, match="no voxel of cerebellar_inferior_right"):
        atlas_load(lesion, lesion_of(atlas, labels))


def test_the_published_fractions_are_reproduced(shared_data):
    """Exactly those of ``artery.tsv``, which the authors of the data made with their own script."""
    folder = shared_data / "13_soop_stroke_image_tabular"
    if not (folder / "artery.tsv").is_file():
        pytest.skip(f"{folder} is absent")
    atlas = sitk.ReadImage(str(folder / "ArterialAtlas136.nii.gz"))
    with (folder / "artery.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows[::100]:
        lesion = sitk.ReadImage(str(folder / "NIfTI" / f"bwsr{row['participant_id']}_lesion.nii.gz"))
        loads = atlas_load(lesion, atlas)
        assert loads.volume_ml == pytest.approx(float(row["lesion_volume"]) / 1000)
        published = [float(value) for name, value in row.items() if name[0].isdigit()]
        ours = [loads.fractions[region.name] for region in TERRITORIES[: len(published)]]
        assert len(published) == 31
        np.testing.assert_allclose(ours, published, rtol=1e-12)
