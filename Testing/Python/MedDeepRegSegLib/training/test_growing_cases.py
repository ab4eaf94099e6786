"""Objects of cases as training sees them: the views of a session, always the same for a step, nothing from beyond the image."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, read_dataset, write_dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.growing_loader import LoadedGrowing
from MedDeepRegSegLib.models.growing_network import GrowingNetwork, GrowingNetworkSettings
from MedDeepRegSegLib.segmentation.growing_session import GrowingSession
from MedDeepRegSegLib.segmentation.growing_view import GrowingView, seen
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.case_objects import ObjectCases, read_objects
from MedDeepRegSegLib.training.growing_cases import CaseSource, GrowingTuning, draw_view, windows_to
from MedDeepRegSegLib.training.growing_objective import GrowingObjective, _loss
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings

SMALL = GrowingNetworkSettings(channels=(8, 8, 8, 8), states=(8, 8, 8), steps=(1, 1, 1), similarity_features=4)
GROWING = GrowingTrainSettings(steps=4, objects=1, sides=(32,), most_clicks=3, warmup=1, network=SMALL)
TUNING = GrowingTuning(GROWING, synthetic_fraction=0.0)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two cases of 30 x 40 x 20 voxels: a ball, a second smaller one of the same class, crumbs, and what nobody knows."""
    folder = tmp_path_factory.mktemp("cases")
    cases = []
    for number in range(2):
        z, y, x = np.meshgrid(np.arange(20), np.arange(40), np.arange(30), indexing="ij")
        balls = [
            (z - 10) ** 2 + (y - at) ** 2 + (x - 12) ** 2 <= radius**2 for at, radius in ((12 + number, 7), (32, 4))
        ]
        labels = (balls[0] | balls[1]).astype(np.uint8)
        labels[0, 0, :6] = 1
        labels[18:, 20:, 20:] = 255
        values = 100 * (labels == 1) + np.random.default_rng(number).normal(0, 5, labels.shape)
        files = []
        for name, array in (("image", values.astype(np.float32)), ("labels", labels)):
            image = sitk.GetImageFromArray(array)
            image.SetSpacing((2.0, 2.0, 3.0))
            files.append(folder / f"{name}{number}.nrrd")
            sitk.WriteImage(image, str(files[-1]))
        cases.append(
            Case(name=f"c{number}", patient=f"p{number}", images=(files[0],), labels=files[1], role="training")
        )
    made = Dataset(
        name="balls", channels=("CT",), classes=(named_segment(1, "Ball"),), ignored_value=255, cases=tuple(cases)
    )
    write_dataset(made, folder / "dataset.json")
    return read_dataset(folder / "dataset.json")


def test_objects_are_connected_parts_and_crumbs_are_none(dataset):
    case = read_objects(dataset.cases[0], dataset)
    assert [(found.name, found.part) for found in case.objects] == [("Ball", 1), ("Ball", 2)]
    mask = case.objects[1].mask(case.values.shape)
    assert mask.sum() == case.objects[1].inside.sum()
    assert mask[10, 32, 12]
    assert not mask[10, 12, 12]
    assert case.known is not None
    assert not case.known[19, 30, 25]


def test_cases_without_labels_and_channels_that_are_not_there_are_refused(dataset):
    with pytest.raises(InputError, match="channel is 1"):
        read_objects(dataset.cases[0], dataset, channel=1)
    with pytest.raises(InputError, match="has no labels"):
        read_objects(replace(dataset.cases[0], labels=None), dataset)


def test_a_view_is_what_the_session_shows_to_the_network(dataset):
    """The same function makes both, so that nothing can drift apart."""
    case = read_objects(dataset.cases[0], dataset)
    truth = case.objects[0].mask(case.values.shape)
    (window, *_) = windows_to(truth, np.array([10, 12, 12]), case.spacing)
    view = GrowingView(LoadedGrowing(GrowingNetwork(SMALL).eval(), None, "cpu"), case.values, window, None)
    volume, intensity = seen(window.read(case.values), window)
    assert torch.equal(view._volume, volume)
    assert torch.equal(view._intensity.smooth, intensity.smooth)


def test_windows_are_those_of_a_session(dataset):
    """A network that finds all that it is shown leads a session to the last of them."""
    case = read_objects(dataset.cases[0], dataset)
    truth = case.objects[1].mask(case.values.shape)
    voxel = np.array([10, 32, 12])
    expected = windows_to(truth, voxel, case.spacing)
    assert len(expected) == 2  # a first look, and a closer one
    session = GrowingSession(case.image)

    def look(_question, window, _cancel):
        return np.zeros(window.size, np.float32), truth[window.block]

    session._looks._look = look
    session.click([case.image.TransformIndexToPhysicalPoint((12, 32, 10))])
    assert session._states[-1].answer.window == expected[-1]


def test_views_of_a_step_are_always_the_same_and_differ_between_steps(dataset):
    source = CaseSource(TUNING, ObjectCases(dataset.cases, dataset))
    one, again = source.batch(3)[0], CaseSource(TUNING, ObjectCases(dataset.cases, dataset)).batch(3)[0]
    assert torch.equal(one.volume, again.volume)
    assert np.array_equal(one.truth, again.truth)
    assert one.box == again.box
    other = source.batch(4)[0]
    assert other.volume.shape != one.volume.shape or not torch.equal(one.volume, other.volume)


def test_nothing_is_asked_beyond_the_image_and_where_nothing_is_known(dataset):
    case = read_objects(dataset.cases[0], dataset)
    for number in range(20):
        sample = draw_view(case, case.objects[0], TUNING, Randomness(number))
        assert all(side % 16 == 0 for side in sample.volume.shape[1:])
        assert sample.truth.any()
        assert sample.known is not None
        assert not (sample.truth & ~sample.known).any()
        assert sample.volume.shape[1:] == sample.truth.shape == sample.known.shape == sample.intensity.smooth.shape


def test_answers_in_unknown_voxels_do_not_change_the_loss():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 1, 32, 32, 32, generator=random)
    coarse = [torch.randn(1, 1, side, side, side, generator=random) for side in (16, 8, 4)]
    truth, known = torch.zeros(1, 1, 32, 32, 32), torch.ones(1, 1, 32, 32, 32)
    truth[..., 5:15, 5:15, 5:15] = 1
    known[..., 16:, :, :] = 0
    prompts = torch.zeros(1, 6, 32, 32, 32)
    other, whole = logits.clone(), _loss(logits, coarse, truth, prompts)
    other[..., 20, :, :] += 5
    coarse_other = [part.clone() for part in coarse]
    coarse_other[0][..., 10, :, :] += 5
    assert torch.equal(_loss(logits, coarse, truth, prompts, known), _loss(other, coarse_other, truth, prompts, known))
    assert not torch.isclose(_loss(other, coarse_other, truth, prompts), whole)
    # Where everything is known, it is the loss of synthetic objects.
    assert torch.isclose(_loss(logits, coarse, truth, prompts, torch.ones_like(known)), whole)


def test_a_step_of_training_learns_from_a_view(dataset):
    batch = CaseSource(TUNING, ObjectCases(dataset.cases, dataset)).batch(0)
    measures = GrowingObjective(GROWING)(batch, Randomness(0))
    measures[0].backward()
    assert torch.isfinite(measures).all()


def test_large_windows_are_cut_around_the_object(dataset):
    small = GrowingTuning(GROWING, synthetic_fraction=0.0, most_voxels=32**3)
    case = read_objects(dataset.cases[0], dataset)
    for number in range(10):
        sample = draw_view(case, case.objects[0], small, Randomness(number))
        assert sample.truth.size <= 32**3
        assert sample.truth.any()


def test_synthetic_objects_are_mixed_in(dataset):
    mixed = GrowingTuning(GROWING, synthetic_fraction=0.5)
    source = CaseSource(mixed, ObjectCases(dataset.cases, dataset))
    synthetic = [source.batch(number)[0].intensity is None for number in range(12)]
    assert 0 < sum(synthetic) < 12


def test_settings_that_no_run_can_use_are_refused():
    with pytest.raises(InputError, match="synthetic_fraction is 1"):
        GrowingTuning(synthetic_fraction=1.0)
    with pytest.raises(InputError, match="most_voxels is 10"):
        GrowingTuning(most_voxels=10)
