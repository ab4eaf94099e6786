"""Attribution on the lesion, on phantoms where it is known which half speaks for the prediction."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.reasons.occlusion import _blocks, _Pools, occlude_lesion, pooled_vector
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.features.encode import EncodedVolume, SourceGrid, encode
from MedDeepRegSegLib.jobs.progress import CancelToken

SIZE = (40, 36, 30)
SPACING = (1.0, 1.0, 1.5)


def on_grid(array):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin((-20.0, 7.0, 30.0))
    return image


def world(grid):
    """LPS coordinates of the voxels, (z, y, x, 3)."""
    axes = [np.arange(n) * s + o for n, s, o in zip(grid.GetSize(), grid.GetSpacing(), grid.GetOrigin(), strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return np.stack([x, y, z], -1).transpose(2, 1, 0, 3)


@pytest.fixture(scope="module")
def mask():
    """A ball with a radius of 11 mm."""
    empty = on_grid(np.zeros(SIZE[::-1], np.uint8))
    center = np.array(empty.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in SIZE]))
    inside = np.linalg.norm(world(empty) - center, axis=-1) <= 11
    ball = sitk.GetImageFromArray(inside.astype(np.uint8))
    ball.CopyInformation(empty)
    return ball


@pytest.fixture(scope="module")
def middle(mask):
    return float(mask.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in SIZE])[0])


@pytest.fixture(scope="module")
def encoded(mask, middle):
    """Local feature 0 is 1 on the patient's left of the lesion's middle and 0 on the right; the others are noise."""
    generator = np.random.default_rng(0)
    parts = {}
    for name, cell, length in (("local", 2.0, 16), ("context", 8.0, 32)):
        extent = np.array(SIZE) * SPACING
        grid = sitk.Image(np.ceil(extent / cell).astype(int).tolist(), sitk.sitkUInt8)
        grid.SetSpacing([cell] * 3)
        grid.SetOrigin((np.array(mask.GetOrigin()) + (cell - np.array(SPACING)) / 2).tolist())
        features = 0.1 * generator.normal(size=(*grid.GetSize()[::-1], length))
        if name == "local":
            features[..., 0] = world(grid)[..., 0] > middle
        parts |= {name: features.astype(np.float32), f"{name}_grid": grid}
    source = SourceGrid(mask.GetSize(), mask.GetSpacing(), mask.GetOrigin(), mask.GetDirection())
    return EncodedVolume(**parts, source=source, spacing_mm=1.0, model="m", backend="torch", seconds=0.0, cached=False)


def by_mean(vectors):
    return vectors[:, 0]


def probability(vectors):
    return 1 / (1 + np.exp(-8 * (vectors[:, 0] - 0.4) - vectors[:, 3]))


@pytest.mark.parametrize("predict", [by_mean, probability])
def test_the_half_that_carries_the_signal_is_found(encoded, mask, middle, predict):
    found = occlude_lesion(predict, encoded, mask, seed=0)
    array, inside = sitk.GetArrayFromImage(found.image), sitk.GetArrayFromImage(mask) > 0
    left = world(mask)[..., 0] > middle + 3
    right = world(mask)[..., 0] < middle - 3
    assert (array[inside & left] > 0).all()
    assert (array[inside & right] < 0).all()
    assert (array[~inside] == 0).all()
    assert found.faithfulness.verdict == "faithful"
    assert found.prediction == pytest.approx(predict(pooled_vector(encoded, mask)[None])[0])


def test_a_predictor_of_something_else_marks_no_half(encoded, mask, middle):
    found = occlude_lesion(lambda vectors: vectors[:, 5], encoded, mask, seed=0)
    array, inside = sitk.GetArrayFromImage(found.image), sitk.GetArrayFromImage(mask) > 0
    left = world(mask)[..., 0] > middle
    size = np.abs(found.values).max()
    assert abs(array[inside & left].mean() - array[inside & ~left].mean()) < 0.5 * size


def test_image_lies_on_the_grid_of_the_mask_and_shows_the_blocks(encoded, mask):
    found = occlude_lesion(by_mean, encoded, mask, seed=0)
    for image in (found.image, found.blocks):
        assert image.GetSize() == mask.GetSize()
        assert image.GetSpacing() == mask.GetSpacing()
        assert image.GetOrigin() == mask.GetOrigin()
    assert found.image.GetPixelID() == sitk.sitkFloat32
    blocks, array = sitk.GetArrayFromImage(found.blocks), sitk.GetArrayFromImage(found.image)
    assert np.array_equal(blocks > 0, sitk.GetArrayFromImage(mask) > 0)
    assert 8 <= blocks.max() == len(found.values) <= 64
    for number in range(1, blocks.max() + 1):
        assert array[blocks == number] == pytest.approx(found.values[number - 1], abs=1e-6)
        assert found.parts[number - 1] == pytest.approx((blocks == number).sum() / (blocks > 0).sum())
    assert found.parts.min() > 0.25 * found.block_mm**3 * found.parts.sum() / (blocks > 0).sum() / 1.5


def test_leaving_out_is_pooling_the_rest_and_alone_is_pooling_the_block(encoded, mask):
    found = occlude_lesion(probability, encoded, mask, seed=0)
    blocks = sitk.GetArrayFromImage(found.blocks)
    for number in (1, 4, len(found.values)):
        vectors = []
        for part in ((blocks > 0) & (blocks != number), blocks == number):
            image = sitk.GetImageFromArray(part.astype(np.uint8))
            image.CopyInformation(mask)
            vectors.append(pooled_vector(encoded, image))
        rest, alone = probability(np.array(vectors))
        assert found.left_out[number - 1] == pytest.approx(found.prediction - rest, abs=1e-9)
        assert found.alone[number - 1] == pytest.approx(found.parts[number - 1] * (alone - found.prediction), abs=1e-9)
        assert found.values[number - 1] == pytest.approx((found.left_out + found.alone)[number - 1] / 2)


def test_pools_of_all_blocks_are_those_of_the_mask(encoded, mask):
    voxels = np.flatnonzero(sitk.GetArrayViewFromImage(mask))
    owner = _blocks(mask, voxels, 6.0)
    pools = _Pools(encoded, mask, voxels, owner, None)
    whole = pools.vectors(np.ones((1, owner.max() + 1), bool))[0]
    assert whole == pytest.approx(pooled_vector(encoded, mask), abs=1e-9)


def test_linear_predictor_weighs_both_ways_alike(encoded, mask):
    found = occlude_lesion(by_mean, encoded, mask, seed=0)
    assert found.alone == pytest.approx(found.left_out * (1 - found.parts), abs=1e-3)
    assert found.alone.sum() == pytest.approx(0, abs=1e-3), "blocks are compared with the rest of the lesion"


def test_block_size_is_taken(encoded, mask):
    fine = occlude_lesion(by_mean, encoded, mask, seed=0, block_mm=5.0)
    coarse = occlude_lesion(by_mean, encoded, mask, seed=0, block_mm=11.0)
    assert len(fine.values) > 3 * len(coarse.values)
    with pytest.raises(InputError, match="choose larger blocks"):
        occlude_lesion(by_mean, encoded, mask, seed=0, block_mm=1.5)


def test_a_lesion_of_one_block_has_no_map(encoded, mask):
    small = mask * 0
    small[20, 18, 15] = 1
    found = occlude_lesion(by_mean, encoded, small, seed=0)
    assert found.values.tolist() == [0.0]
    assert found.faithfulness.verdict == "not testable"


def test_unusable_input(encoded, mask):
    with pytest.raises(InputError, match="empty"):
        occlude_lesion(by_mean, encoded, mask * 0, seed=0)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        occlude_lesion(by_mean, encoded, mask, seed=0, cancel=token)


@pytest.mark.slow
def test_on_features_of_the_encoder_that_ships(mask, middle):
    """One half of the lesion is bright and coarse, the other as its surroundings; a predictor that tells them apart."""
    pytest.importorskip("torch")
    generator = np.random.default_rng(1)
    noise = sitk.GetArrayFromImage(
        sitk.DiscreteGaussian(on_grid(generator.normal(size=SIZE[::-1]).astype(np.float32)), 4.0)
    )
    array = 100 + 200 * noise
    half = (sitk.GetArrayFromImage(mask) > 0) & (world(mask)[..., 0] > middle)
    array[half] += 150
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.CopyInformation(mask)
    found = encode(image, cache=False, device="cpu")
    two = []
    for part in (half, (sitk.GetArrayFromImage(mask) > 0) & ~half):
        piece = sitk.GetImageFromArray(part.astype(np.uint8))
        piece.CopyInformation(mask)
        two.append(pooled_vector(found, piece))
    direction = (two[0] - two[1]) * (np.arange(96) < 16)
    shown = occlude_lesion(lambda vectors: vectors @ direction, found, mask, seed=0)
    values, inside = sitk.GetArrayFromImage(shown.image), sitk.GetArrayFromImage(mask) > 0
    assert values[half].mean() > 0 > values[inside & ~half].mean()
    assert shown.faithfulness.verdict == "faithful"
