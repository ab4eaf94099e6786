import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.features.cache import FeatureCache
from MedDeepRegSegLib.features.encode import encode
from MedDeepRegSegLib.features.pooling import pool
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken
from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.models.networks import LoadedEncoder
from MedDeepRegSegLib.volumes.geometry import index_to_world, same_geometry

TURN = np.array(sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.25).GetMatrix()).reshape(3, 3)


class Brightness(torch.nn.Module):
    """Stands in for the encoder: its features are the brightness of their cell."""

    settings = EncoderSettings()

    def forward(self, volume):
        bright = (volume[:, :1] + 1) / 2
        pooled = (torch.nn.functional.avg_pool3d(bright, stride) for stride in (2, 8))
        return tuple(part.expand(-1, length, -1, -1, -1) for part, length in zip(pooled, (16, 32), strict=True))


@pytest.fixture
def brightness(encoder):
    return LoadedEncoder(Brightness(), encoder.description, "cpu")


@pytest.fixture
def image(texture, image_of):
    return image_of(texture((28, 36, 40)), (1.7, 2.0, 2.5), (5.0, -7.0, 11.0), TURN)


def world_of(grid):
    indices = np.stack(np.meshgrid(*map(np.arange, grid.GetSize()), indexing="ij"), -1)
    return np.transpose(indices @ index_to_world(grid)[:3, :3].T + grid.GetOrigin(), (2, 1, 0, 3))


@pytest.mark.parametrize("spacing_mm", [1.5, 2.0])
@pytest.mark.parametrize("flipped", [(False, False, False), (True, False, True)])
def test_features_lie_where_the_image_has_them(brightness, image_of, spacing_mm, flipped):
    place = np.array([9.0, -6.0, 14.0])
    image = image_of(np.zeros((50, 90, 80), np.float32), (1.6, 1.3, 2.6), (0.0, 0.0, 0.0), TURN)
    corner = index_to_world(image)[:3, :3] @ [40, 45, 25]
    image.SetOrigin((place + np.array([5, -3, 4]) - corner).tolist())
    bowl = sitk.GetImageFromArray(((world_of(image) - place) ** 2).sum(-1).astype(np.float32))
    bowl.CopyInformation(image)
    encoded = encode(sitk.Flip(bowl, flipped), encoder=brightness, spacing_mm=spacing_mm, backend="torch", cache=False)
    for features, grid in ((encoded.local, encoded.local_grid), (encoded.context, encoded.context_grid)):
        assert features.shape[2::-1] == grid.GetSize()
        # The mean of a bowl over a cell is the bowl at the middle of the cell, and a constant: its center is seen exactly.
        world, seen = world_of(grid), features[..., 0]
        inner = np.zeros(seen.shape, bool)
        inner[2:-2, 2:-2, 2:-2] = True
        inner &= (seen > 0.05) & (seen < 0.6)
        x = world[inner]
        terms = np.column_stack([np.ones(len(x)), x, (x**2).sum(1)])
        fit, *_ = np.linalg.lstsq(terms, seen[inner].astype(np.float64), rcond=None)
        np.testing.assert_allclose(-fit[1:4] / 2 / fit[4], place, atol=0.05)
        assert np.abs(terms @ fit - seen[inner]).max() < 2e-3


def test_same_features_for_the_same_voxels_in_another_order(encoder, image):
    first = encode(image, encoder=encoder, backend="torch", cache=False)
    other = sitk.Flip(sitk.PermuteAxes(image, [1, 2, 0]), [False, True, True])
    second = encode(other, encoder=encoder, backend="torch", cache=False)
    for part in ("local", "context"):
        np.testing.assert_allclose(getattr(second, part), getattr(first, part), atol=1e-3)
        assert same_geometry(getattr(second, f"{part}_grid"), getattr(first, f"{part}_grid"))
    assert first.local.shape[-1] == 16
    assert first.context.shape[-1] == 32
    np.testing.assert_allclose(np.linalg.norm(first.local, axis=-1), 1, atol=1e-5)


def test_says_what_it_did(encoder, image):
    told = []
    encoded = encode(
        image, encoder=encoder, backend="torch", cache=False, progress=lambda _, message: told.append(message)
    )
    assert encoded.spacing_mm == 1.7
    assert encoded.notes == ("features are computed at 1.7 mm instead of 2 mm: the field of view is small",)
    assert NOTE + encoded.notes[0] in told
    assert (encoded.model, encoded.backend) == ("random-encoder 0.1", "torch")
    assert encoded.source.size == image.GetSize()
    json.dumps(encoded.source.origin)


def test_cache_gives_the_same_features(encoder, image, tmp_path):
    cache = FeatureCache(tmp_path / "features")
    first = encode(image, encoder=encoder, backend="torch", cache=cache)
    second = encode(image, encoder=encoder, backend="torch", cache=cache)
    assert (first.cached, second.cached) == (False, True)
    for part in ("local", "context"):
        np.testing.assert_array_equal(getattr(first, part), getattr(second, part))
        assert same_geometry(getattr(first, f"{part}_grid"), getattr(second, f"{part}_grid"))


def test_cache_tells_what_matters_apart(encoder, image, tmp_path):
    cache = FeatureCache(tmp_path / "features")
    encode(image, encoder=encoder, backend="torch", cache=cache)
    changed = sitk.Image(image)
    changed[3, 3, 3] += 1
    moved = sitk.Image(image)
    moved.SetOrigin((5.0, -7.0, 11.5))
    with torch.no_grad():
        other = LoadedEncoder(type(encoder.network)(encoder.network.settings).eval(), encoder.description, "cpu")
    for given, options in (
        (changed, {}),
        (moved, {}),
        (image, {"spacing_mm": 2.0}),
        (image, {"backend": "torch-bf16"}),
        (image, {"encoder": other}),
    ):
        assert not encode(given, **{"encoder": encoder, "backend": "torch", "cache": cache, **options}).cached


def test_entry_of_another_shape_is_computed_again(encoder, image, tmp_path):
    cache = FeatureCache(tmp_path / "features")
    first = encode(image, encoder=encoder, backend="torch", cache=cache)
    (path,) = cache.folder.iterdir()
    np.savez(path, local=first.local[:-1], context=first.context)
    again = encode(image, encoder=encoder, backend="torch", cache=cache)
    assert not again.cached
    np.testing.assert_array_equal(again.local, first.local)
    assert encode(image, encoder=encoder, backend="torch", cache=cache).cached


def test_user_cache_can_be_switched_off(encoder, image, tmp_path, monkeypatch):
    encode(image, encoder=encoder, backend="torch")
    assert len(list((tmp_path / "cache" / "features").iterdir())) == 1
    assert encode(image, encoder=encoder, backend="torch").cached
    assert not encode(image, encoder=encoder, backend="torch", cache=False).cached
    monkeypatch.setenv("MEDDEEP_FEATURE_CACHE_GB", "0")
    assert not encode(image, encoder=encoder, backend="torch").cached


def test_refuses_bad_images(encoder, image, texture, image_of):
    nan = sitk.Image(image)
    nan[2, 2, 2] = float("nan")
    sheared = sitk.Image(image)
    sheared.SetDirection((1, 0.1, 0, 0, 1, 0, 0, 0, 1))
    cases = {
        "4 dimensions": sitk.Image([8, 8, 8, 2], sitk.sitkFloat32),
        "not finite": nan,
        "perpendicular": sheared,
        "same value": image * 0,
        "thick": image_of(texture((4, 32, 32)), (2.0, 2.0, 0.5)),
        "components": sitk.Image([8, 8, 8], sitk.sitkVectorUInt8),
    }
    for words, bad in cases.items():
        with pytest.raises(InputError, match=words):
            encode(bad, encoder=encoder, backend="torch", cache=False)
    with pytest.raises(InputError, match="expected 1 to 4 mm"):
        encode(image, encoder=encoder, spacing_mm=0.2)
    with pytest.raises(InputError, match="backend"):
        encode(image, encoder=encoder, backend="abacus")


def test_cancel_leaves_no_entry(encoder, image, tmp_path):
    cache, token = FeatureCache(tmp_path / "features"), CancelToken()
    with pytest.raises(Canceled):
        encode(
            image,
            encoder=encoder,
            backend="torch",
            cache=cache,
            progress=lambda fraction, _: token.cancel() if fraction > 0.5 else None,
            cancel=token,
        )
    assert not cache.folder.exists()


def test_real_hippocampus_is_encoded_finely(encoder, shared_data):
    folder = shared_data / "10_brain_t1_with_segmentation" / "hippocampus_msd"
    image = sitk.ReadImage(str(folder / "imagesTs" / "hippocampus_374.nii.gz"))
    labels = sitk.ReadImage(str(folder / "labelsTs" / "hippocampus_374.nii.gz"))
    encoded = encode(image, encoder=encoder, backend="torch", cache=False)
    assert encoded.spacing_mm == 1.0
    head, body = (pool(encoded, labels == value) for value in (1, 2))
    assert np.linalg.norm(np.subtract(head.local_mean, body.local_mean)) > 0.01


_LARGE = """
import resource, sys
import numpy as np, SimpleITK as sitk, torch
from types import SimpleNamespace
from MedDeepRegSegLib.features.encode import encode
from MedDeepRegSegLib.models.description import WorkingSpacing
from MedDeepRegSegLib.models.encoder import Encoder

rng = np.random.default_rng(0)
image = sitk.GetImageFromArray(rng.integers(-1000, 400, (600, 64, 64), np.int16).repeat(8, 1).repeat(8, 2))
image.SetSpacing((0.7, 0.7, 1.0))
description = SimpleNamespace(
    name="random", version="1", spacing_mm=WorkingSpacing(smallest=1.0, largest=4.0, recommended=2.0)
)
encoder = SimpleNamespace(network=Encoder().eval(), description=description, device="cpu")
encoded = encode(image, encoder=encoder, backend="torch", cache=False)
print(encoded.spacing_mm, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read as Linux gives it")
def test_a_large_ct_needs_less_than_3_gb(repository):
    path = str(repository / "MedDeepRegSeg")
    script = f"import sys; sys.path.insert(0, {path!r})\n{_LARGE}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=500)
    spacing, peak = done.stdout.split()
    assert float(spacing) == 2.0
    assert float(peak) < 3e9
