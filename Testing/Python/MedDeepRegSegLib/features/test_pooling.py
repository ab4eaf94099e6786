import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.encode import EncodedVolume, SourceGrid
from MedDeepRegSegLib.features.pooling import cell_fractions, feature_rows, pool, pool_segments
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.geometry import index_to_world

TURN = np.array(sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.25).GetMatrix()).reshape(3, 3)


def encoded_of(image, spacing_mm=2.0):
    """Features that say where they lie: the first three are the LPS coordinates of their cell, the others 1."""
    parts = {}
    for part, stride, length in (("local", 2, 16), ("context", 8, 32)):
        cell = stride * spacing_mm
        extent = np.array(image.GetSize()) * image.GetSpacing()
        grid = sitk.Image(np.ceil(extent / cell).astype(int).tolist(), sitk.sitkUInt8)
        grid.SetSpacing([cell] * 3)
        grid.SetDirection(image.GetDirection())
        corner = (cell - np.array(image.GetSpacing())) / 2
        grid.SetOrigin((np.array(image.GetDirection()).reshape(3, 3) @ corner + image.GetOrigin()).tolist())
        indices = np.stack(np.meshgrid(*map(np.arange, grid.GetSize()), indexing="ij"), -1)
        world = np.transpose(indices @ index_to_world(grid)[:3, :3].T + grid.GetOrigin(), (2, 1, 0, 3))
        features = np.ones((*grid.GetSize()[::-1], length), np.float32)
        features[..., :3] = world
        parts |= {part: features, f"{part}_grid": grid}
    source = SourceGrid(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return EncodedVolume(
        **parts, source=source, spacing_mm=spacing_mm, model="m", backend="torch", seconds=0.0, cached=False
    )


@pytest.fixture
def mask(image_of):
    return image_of(np.zeros((24, 32, 28), np.uint8), (1.1, 0.9, 3.0), (5.0, -7.0, 11.0), TURN)


def filled(mask, box, value=1):
    array = sitk.GetArrayFromImage(mask)
    array[box] = value
    result = sitk.GetImageFromArray(array)
    result.CopyInformation(mask)
    return result


def test_mean_of_places_is_the_center_of_the_mask(mask):
    box = (slice(4, 18), slice(6, 27), slice(5, 22))
    pooled = pool(encoded_of(mask), filled(mask, box))
    center = index_to_world(mask) @ [13, 16, 10.5, 1]
    np.testing.assert_allclose(pooled.local_mean[:3], center[:3], atol=0.15)
    np.testing.assert_allclose(pooled.local_mean[3:], 1)
    np.testing.assert_allclose(pooled.local_deviation[3:], 0, atol=1e-9)
    along = np.array([17 * 1.1, 21 * 0.9, 14 * 3.0]) / np.sqrt(12)  # of a box
    np.testing.assert_allclose(pooled.local_deviation[:3], np.sqrt((TURN**2) @ along**2), rtol=0.05)
    assert pooled.voxels == 14 * 21 * 17
    assert pooled.volume_mm3 == pytest.approx(pooled.voxels * 1.1 * 0.9 * 3)


def test_fractions_add_up_to_the_volume(mask):
    box = (slice(4, 18), slice(6, 27), slice(5, 22))
    lesion = filled(mask, box)
    voxels = np.flatnonzero(sitk.GetArrayViewFromImage(lesion))
    encoded = encoded_of(mask)
    for grid in (encoded.local_grid, encoded.context_grid):
        cells, fractions = cell_fractions(grid, lesion, voxels)
        assert (fractions > 0).all()
        assert fractions.max() < 1.15
        volume = voxels.size * np.prod(mask.GetSpacing())
        assert fractions.sum() * np.prod(grid.GetSpacing()) == pytest.approx(volume)
        assert (np.diff(cells) > 0).all()


def test_a_lesion_smaller_than_a_cell_has_the_features_of_its_cell(mask):
    encoded = encoded_of(mask)
    pooled = pool(encoded, filled(mask, (10, 8, 7)))
    place = (index_to_world(mask) @ [7, 8, 10, 1])[:3]
    assert np.linalg.norm(np.array(pooled.local_mean[:3]) - place) < 4 * np.sqrt(3) / 2
    assert np.linalg.norm(np.array(pooled.context_mean[:3]) - place) < 16 * np.sqrt(3) / 2
    assert pooled.voxels == 1


def test_a_thick_slice_covers_several_cells(image_of):
    mask = filled(image_of(np.zeros((5, 20, 20), np.uint8), (1.0, 1.0, 16.0)), (2, 10, 10))
    _, fractions = cell_fractions(encoded_of(mask).local_grid, mask, np.flatnonzero(sitk.GetArrayViewFromImage(mask)))
    np.testing.assert_allclose(fractions, [1 / 16] * 4)  # 1 x 1 x 4 mm of each of four cells of 4 mm


def test_cells_count_by_what_the_mask_covers(image_of):
    mask = filled(image_of(np.zeros((8, 8, 16), np.uint8), (1.0, 1.0, 1.0)), (slice(0, 4), slice(0, 4), slice(1, 6)))
    pooled = pool(encoded_of(mask), mask)
    near, far = 1.5, 5.5  # centers of the first two cells; the mask covers three and two voxels of them
    assert pooled.local_mean[0] == pytest.approx((3 * near + 2 * far) / 5)


def test_refuses_empty_masks_and_other_grids(mask, image_of):
    encoded = encoded_of(mask)
    with pytest.raises(InputError, match="empty"):
        pool(encoded, mask)
    moved = filled(mask, (3, 3, 3))
    moved.SetOrigin((5.0, -7.0, 12.0))
    with pytest.raises(InputError, match="mm apart"):
        pool(encoded, moved)
    with pytest.raises(InputError, match="same grid"):
        pool(encoded, image_of(np.ones((4, 4, 4), np.uint8)))


def test_segments_become_rows_with_plain_heads(mask):
    labels = filled(filled(mask, (slice(2, 6), slice(2, 6), slice(2, 6)), 1), (slice(12, 15), 9, 9), 3)
    segments = [named_segment(1, "Liver"), named_segment(2, "Nothing"), named_segment(3, "Lesion")]
    encoded = encoded_of(mask)
    with pytest.raises(InputError, match="Nothing is empty"):
        pool_segments(encoded, labels, segments)
    results = pool_segments(encoded, labels, segments, allow_empty=True)
    rows = feature_rows(results, segments)
    assert [row["Segment"] for row in rows] == ["Liver", "Nothing", "Lesion"]
    heads = list(rows[0])
    assert all(list(row) == heads for row in rows)
    assert heads[:5] == ["Segment", "Voxels", "Volume (mm3)", "Local feature 1 mean", "Local feature 2 mean"]
    assert "Context feature 32 standard deviation" in heads
    assert len(heads) == 3 + 2 * 16 + 2 * 32 + 1
    assert rows[0]["Voxels"] == 64
    assert rows[1]["Local feature 1 mean"] is None
    assert (rows[1]["Voxels"], rows[1]["Note"], rows[0]["Note"]) == (0, "empty", "")
    alone = pool(encoded, filled(mask, (slice(12, 15), 9, 9)))
    assert rows[2]["Local feature 2 mean"] == pytest.approx(alone.local_mean[1], rel=1e-5)
    with pytest.raises(InputError, match="all segments are empty"):
        feature_rows([None], segments[:1])
