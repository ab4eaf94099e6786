import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.features.coloring import colored_features, component_colors, feature_picture
from MedDeepRegSegLib.features.encode import encode
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.geometry import same_geometry

TURN = np.array(sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.25).GetMatrix()).reshape(3, 3)


@pytest.fixture
def body(texture, image_of):
    """A ball of 70 mm of textured tissue in air."""
    grid = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in (45, 60, 50)), indexing="ij"), -1)
    ball = ((grid * [2.0, 1.6, 1.8]) ** 2).sum(-1) < 35**2
    air = np.abs(np.random.default_rng(1).normal(0, 20, ball.shape))
    values = np.where(ball, np.maximum(texture(ball.shape), 200), air)
    return image_of(values.astype(np.float32), (1.8, 1.6, 2.0), (5.0, -7.0, 11.0), TURN), ball


def test_colors_follow_the_largest_variances_inside():
    rng = np.random.default_rng(0)
    features = np.zeros((6, 7, 8, 16), np.float32)
    for channel, spread in ((2, 3.0), (9, 2.0), (5, 1.0)):
        features[..., channel] = rng.normal(0, spread, (6, 7, 8))
    inside = np.zeros((6, 7, 8), bool)
    inside[:4] = True
    outside = features.copy()
    outside[4:] = 100 * rng.normal(size=outside[4:].shape)  # what is outside the body must not matter
    colors = component_colors(outside, inside)
    assert colors.dtype == np.uint8
    for color, channel in enumerate((2, 9, 5)):
        assert np.corrcoef(colors[:4, ..., color].ravel(), features[:4, ..., channel].ravel())[0, 1] > 0.9
        assert colors[:4, ..., color].max() == 255
    np.testing.assert_array_equal(colors[:4], component_colors(features, inside)[:4])


def test_colored_volume_lies_on_the_image_and_is_black_outside_the_body(body, encoder):
    image, ball = body
    encoded = encode(image, encoder=encoder, backend="torch", cache=False)
    colored = colored_features(image, encoded)
    assert colored.GetPixelIDTypeAsString() == "vector of 8-bit unsigned integer"
    assert same_geometry(colored, image)
    seen = sitk.GetArrayFromImage(colored)
    lit = (seen > 0).all(-1)
    overlap = 2 * (lit & ball).sum() / (lit.sum() + ball.sum())
    assert overlap > 0.93
    assert seen[~lit].max() == 0
    assert seen[lit].std(axis=0).min() > 20
    np.testing.assert_array_equal(sitk.GetArrayFromImage(colored_features(image, encoded)), seen)


def test_an_image_without_air_is_colored_everywhere(texture, image_of, encoder):
    image = image_of(texture((20, 24, 28)))
    encoded = encode(image, encoder=encoder, backend="torch", cache=False)
    assert sitk.GetArrayFromImage(colored_features(image, encoded)).min() > 0


def test_picture_shows_image_and_colors_side_by_side(body, encoder):
    image, ball = body
    encoded = encode(image, encoder=encoder, backend="torch", cache=False)
    colored = colored_features(image, encoded)
    picture = feature_picture(image, colored, size=120, title="random 0.1")
    assert picture.dtype == np.uint8
    height, width, _ = picture.shape
    assert width > 2 * 100
    assert height > 3 * 100
    chroma = np.ptp(picture[30:].astype(int), axis=-1) > 60
    assert chroma[:, width // 2 :].mean() > 0.08
    assert chroma[:, : width // 2].mean() < 0.02  # letters only
    labels = sitk.GetImageFromArray((ball & (np.arange(50) < 20)).astype(np.uint8))
    labels.CopyInformation(image)
    outlined = feature_picture(image, colored, labels=labels, segments=[named_segment(1, "Half")], size=120)
    assert np.abs(outlined[-60:].astype(int) - picture[-60:]).max() > 0


def test_cancel(body, encoder):
    image, _ = body
    encoded = encode(image, encoder=encoder, backend="torch", cache=False)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        colored_features(image, encoded, cancel=token)
