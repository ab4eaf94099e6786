"""The recipes of the developer's documentation: their examples run, their files are there, and no list lacks a name."""

import re
import sys
import types

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from docs_pages import REPOSITORY, read_page
from tiny_segmenter import TINY

from MedDeepRegSegLib.augmentation.channel_scale import channel_scales
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.cli.train import NETWORKS as IN_THE_COMMAND
from MedDeepRegSegLib.models.segmenter_card import _NETWORKS as ON_THE_CARD
from MedDeepRegSegLib.segmentation.measured_shape import shape_of
from MedDeepRegSegLib.training.cases.begin import LEARNING_RATES
from MedDeepRegSegLib.training.cases.plan import _LEAST as LEAST
from MedDeepRegSegLib.training.cases.plan import NETWORKS

PAGE = read_page(REPOSITORY / "Docs" / "Recipes.md")


def example(name):
    """Run the block of code of the page that holds a name, as a module, and return it."""
    (code,) = [block for block in PAGE.code if name in block]
    module = types.ModuleType("recipe")
    sys.modules["recipe"] = module
    try:
        exec(compile(code, "Docs/Recipes.md", "exec"), vars(module))
    finally:
        del sys.modules["recipe"]
    return module


def test_every_file_that_is_named_is_there_or_made_by_a_recipe():
    named = {text for text in PAGE.inline_code if re.search(r"^\w+/.*\.\w+$", text)}
    assert len(named) > 25
    made = {
        "MedDeepRegSeg/MedDeepRegSegLib/augmentation/inversion.py",
        "MedDeepRegSeg/MedDeepRegSegLib/segmentation/measurement_depth.py",
        "MedDeepDiagnosis/Resources/guidelines/NAME.json",
    }
    assert {name for name in named if not (REPOSITORY / name).is_file()} == made


def test_the_transform_does_what_it_says():
    recipe = example("InversionSettings")
    ramp = torch.linspace(0, 100, 64).expand(1, 4, 4, 64)
    drawn = recipe.InversionSettings(probability=1.0, strength=(1.0, 1.0)).draw(Draws(0, 0), 1)
    assert recipe.InversionSettings(probability=0.0).draw(Draws(0, 0), 1) is None
    turned = drawn.apply(ramp, channel_scales(ramp), (1.0, 1.0, 1.0))
    inner = slice(4, -4)
    assert torch.allclose(turned[..., inner], (100 - ramp)[..., inner], atol=0.5)
    untouched = recipe.InversionDraw(strength=(0.0,)).apply(ramp, channel_scales(ramp), (1.0, 1.0, 1.0))
    assert torch.equal(untouched, ramp)


def test_the_measurement_is_that_of_a_ball():
    recipe = example("measure_depth")
    places = np.indices((40, 40, 40)) - 19.5
    labels = sitk.GetImageFromArray((np.sqrt((places**2).sum(axis=0)) <= 12).astype(np.uint8))
    labels.SetSpacing((1.5, 1.5, 1.5))
    shape = shape_of(sitk.GetArrayFromImage(labels), 1, labels)
    (found,) = recipe.measure_depth(shape)
    (nothing,) = recipe.measure_depth(None)
    assert found.value == pytest.approx(12 * 1.5, abs=1.5)
    assert nothing.value is None
    assert (nothing.name, found.description[-1]) == ("inscribed_radius_mm", ".")


def test_the_coverage_of_a_guideline_is_found(capsys):
    report = example("check_coverage").report
    assert report.cases > 100
    assert (report.uncovered, report.contradictory) == ((), ())
    assert capsys.readouterr().out


def test_no_list_lacks_a_network():
    names = set(NETWORKS)
    assert set(IN_THE_COMMAND) == set(LEARNING_RATES) == set(LEAST) == set(ON_THE_CARD) == set(TINY) == names
    for file in ("MedDeepRegSegLib/panels/training_choices.py", "MedDeepRegSegLib/training/command.py"):
        text = (REPOSITORY / "MedDeepRegSeg" / file).read_text(encoding="utf-8")
        assert {name for name in names if f'"{name}"' not in text} == set(), file
