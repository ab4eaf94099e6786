"""The network: numpy gives what torch gives, and a missing image is no harm."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning import network
from MedDeepDiagnosisLib.learning.sample import sample_of
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.metrics import auc

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def joined(toy_sample):
    """Five features of the image of which two say whether the outcome is there; a third of the cases have no image."""
    generator = np.random.default_rng(0)
    image = generator.normal(size=(len(toy_sample.target), 5))
    image[:, :2] += 1.5 * (toy_sample.target[:, None] - 0.5)
    image[generator.random(len(image)) < 0.33] = np.nan
    values = np.concatenate([toy_sample.values, 10 * image + 3], axis=1)
    return sample_of(toy_sample.features, values, toy_sample.target, toy_sample.patients)


@pytest.fixture(scope="module")
def fitted(joined):
    half = joined.rows(np.arange(len(joined.target)) % 2 == 0)
    return network.fit_all(half, binary=True, settings=[network.SETTINGS[0]], seed=0)[0]


def test_numpy_gives_what_torch_gives(fitted, joined):
    weights = {name: torch.tensor(weight) for name, weight in fitted.weights.items()}
    hidden = torch.tensor(fitted.inputs(joined.values))[None]
    for name in ("first", "second"):
        hidden = torch.nn.functional.silu(hidden @ weights[name] + weights[f"{name}_bias"])
    expected = (hidden @ weights["last"] + weights["last_bias"])[..., 0].mean(dim=0).numpy()
    assert fitted.score(joined.values) == pytest.approx(expected, abs=1e-9)


def test_the_image_helps_where_it_is_and_its_absence_does_no_harm(fitted, joined):
    unseen = joined.rows(np.arange(len(joined.target)) % 2 == 1)
    with_image = ~np.isnan(unseen.lesion).any(axis=1)
    blind = np.concatenate([unseen.table, np.full(unseen.lesion.shape, np.nan)], axis=1)
    both, table = fitted.score(unseen.values), fitted.score(blind)
    assert auc(unseen.target[with_image], both[with_image]) > auc(unseen.target[with_image], table[with_image]) + 0.03
    assert auc(unseen.target, table) > 0.75, "it does without the image"
    assert np.array_equal(fitted.score(unseen.table), table), "a table without columns of the image is the same"
    nothing = np.full((1, unseen.values.shape[1]), np.nan)
    assert np.isfinite(fitted.score(nothing)).all()


def test_the_same_seed_gives_the_same_networks_and_they_survive(fitted, joined):
    half = joined.rows(np.arange(len(joined.target)) % 2 == 0)
    again = network.fit_all(half, binary=True, settings=[network.SETTINGS[0]], seed=0)[0]
    assert np.array_equal(again.score(joined.values), fitted.score(joined.values))
    back = network.from_arrays(joined.features, StoredArrays(fitted.arrays()))
    assert np.array_equal(back.score(joined.values), fitted.score(joined.values))
