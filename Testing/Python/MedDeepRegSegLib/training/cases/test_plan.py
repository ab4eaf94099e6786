"""Plans of training: each fits its network, the encoder stays with what it knows, and memory is kept."""

import math

import pytest

from MedDeepRegSegLib.datasets.fingerprint import CaseFingerprint, ClassAmount, Fingerprint, Intensities
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.training.cases.plan import NETWORKS, plan


def made(size=(180, 217, 182), spacing=(1.0, 1.0, 1.0), modality="MR", ml=(500.0, 20.0), thinnest=None):
    channel = Intensities(modality=modality, low=-50.0, median=40.0, high=120.0, mean=35.0, deviation=20.0)
    classes = tuple(
        ClassAmount(value=k, name=f"class {k}", voxels=round(1000 * one), volume_ml=one, cases=int(one > 0))
        for k, one in enumerate(ml, start=1)
    )

    def case(name, mm):
        return CaseFingerprint(case=name, patient=name, size=size, spacing_mm=mm, channels=(channel,), classes=classes)

    cases = (case("one", spacing), case("two", thinnest or spacing), case("three", spacing))
    return Fingerprint(cases=cases, size=size, spacing_mm=spacing, channels=(channel,), classes=classes)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("size", [(180, 217, 182), (217, 182, 18), (20, 24, 22), (512, 512, 30)])
def test_every_plan_fits_its_network(network, size):
    spacing = (0.7, 0.7, 5.0) if size[2] == 30 else (1.0, 1.0, 1.0)
    found = plan(made(size, spacing), network=network, memory_bytes=8e9)
    assert found.settings.network == network
    assert found.settings.inputs == found.preprocessing.inputs
    assert found.settings.classes == 3
    assert all(side % step == 0 for side, step in zip(found.patch, found.settings.multiple, strict=True))
    assert math.prod(found.patch) <= 1.5 * 64**3
    assert 1 <= found.batch <= 4
    assert found.costs.training_bytes <= 0.8 * 8e9
    assert found.notes
    full = [n * old / new for n, old, new in zip(size, spacing, found.preprocessing.spacing_mm, strict=True)]
    for side, n, step in zip(found.patch[::-1], full, found.settings.multiple[::-1], strict=True):
        assert side <= max(n + step, 2 * step)  # no patch is mostly padding


@pytest.mark.parametrize(
    ("changes", "side"),
    [
        ({}, 1.5),  # between 1 and 2 mm
        ({"spacing": (0.4, 0.4, 0.4)}, 1.0),  # not finer than what it knows
        ({"spacing": (6.0, 6.0, 6.0), "size": (40, 40, 40)}, 4.0),
        ({"spacing": (3.0, 3.0, 3.0), "size": (60, 60, 60)}, 3.0),
        ({"ml": (500.0, 0.5)}, 1.0),  # about 10 mm across
        ({"ml": (500.0, 0.0)}, 1.5),  # what no case holds does not count
    ],
)
def test_the_encoder_gets_cubes_of_sizes_that_it_knows(changes, side):
    found = plan(made(**changes), memory_bytes=8e9)
    assert found.preprocessing.spacing_mm == (side,) * 3
    assert found.settings.channels == (24, 48, 72, 96)


def test_others_get_the_median_voxels_and_thick_slices_the_thinnest_distance():
    assert plan(made(spacing=(0.9, 1.0, 1.1)), network="unet").preprocessing.spacing_mm == (0.9, 1.0, 1.1)
    thick = made((512, 512, 30), (0.7, 0.7, 5.0), thinnest=(0.7, 0.7, 3.0))
    spacing = plan(thick, network="unet", memory_bytes=8e9).preprocessing.spacing_mm
    assert spacing[:2] == (0.7, 0.7)
    assert 3.0 <= spacing[2] < 4.0


def test_thick_slices_are_halved_last():
    settings = plan(made((512, 512, 30), (0.7, 0.7, 5.0)), network="dynunet", memory_bytes=8e9).settings
    assert settings.strides[0] == (1, 2, 2)
    assert settings.deep_supervision > 0


def test_intensities_are_scaled_by_what_they_are():
    ct, mr = made(modality="CT"), made()
    (window,) = plan(ct, network="unet").preprocessing.channels
    assert (window.method, window.low, window.high, window.mean, window.deviation) == ("window", -50, 120, 35, 20)
    (contrast,) = plan(ct).preprocessing.channels
    assert (contrast.method, contrast.low, contrast.high) == ("contrast", -250, 450)
    assert plan(mr, network="unet").preprocessing.channels[0].method == "z-score"
    assert plan(mr).preprocessing.channels[0].low == plan(mr).preprocessing.channels[0].high


def test_less_memory_means_smaller_patches_and_at_last_a_refusal():
    usual, little = plan(made(), memory_bytes=8e9), plan(made(), memory_bytes=0.85e9)
    assert little.batch * math.prod(little.patch) < usual.batch * math.prod(usual.patch)
    assert little.costs.training_bytes <= 0.8 * 0.85e9
    with pytest.raises(InputError, match="needs at least"):
        plan(made(), memory_bytes=1e8)
    with pytest.raises(InputError, match="needs at least"):
        plan(made(), network="unet", memory_bytes=1e8)


def test_what_no_case_holds_is_told():
    assert any("class 2" in note and "cannot be learned" in note for note in plan(made(ml=(5.0, 0.0))).notes)
