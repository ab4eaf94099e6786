import sys

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.registration.pictures import write_checkerboard, write_curve, write_edges
from MedDeepRegSegLib.registration.quality import StageCurve
from MedDeepRegSegLib.volumes.phantoms import head_phantom
from MedDeepRegSegLib.volumes.resampling import resample_to


@pytest.fixture(scope="module")
def head():
    return head_phantom(3, spacing_mm=5.0, size=(40, 50, 46))


def read(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(int)


@pytest.mark.parametrize("write", [write_checkerboard, write_edges])
def test_pictures_show_both_images(head, tmp_path, write):
    moved = resample_to(head.mr, head.ct, sitk.TranslationTransform(3, (15.0, 0.0, 0.0)))
    body = sitk.Cast(head.labels > 0, sitk.sitkUInt8)
    for name, registered in (("right", head.mr), ("off", moved), ("none", head.mr * 0)):
        write(head.ct, registered, tmp_path / f"{name}.png", mask=body)
    right, off, none = (read(tmp_path / f"{name}.png") for name in ("right", "off", "none"))
    assert right.shape[1] > 2 * right.shape[0]  # three planes side by side
    assert (np.abs(right - off).max(axis=-1) > 40).mean() > 0.01
    assert (np.abs(right - none).max(axis=-1) > 40).mean() > 0.01


def test_edges_lie_over_the_fixed_image(head, tmp_path):
    write_edges(head.ct, head.mr * 0, tmp_path / "bare.png")
    write_edges(head.ct, head.mr, tmp_path / "edges.png")
    bare, edges = read(tmp_path / "bare.png"), read(tmp_path / "edges.png")
    changed = np.abs(edges - bare).max(axis=-1) > 40
    assert 0.005 < changed.mean() < 0.2  # lines, no areas
    red, _, blue = edges[changed].mean(axis=0)
    assert red > blue + 60  # yellow


def test_the_planes_go_through_the_middle_of_the_body(head, tmp_path):
    """A body at the edge of a large field of view is not missed."""
    wide = sitk.ConstantPad(head.ct, [0, 0, 0], [0, 0, 60], -1000.0)
    mask = sitk.ConstantPad(sitk.Cast(head.labels > 0, sitk.sitkUInt8), [0, 0, 0], [0, 0, 60], 0)
    for name, given in (("with", mask), ("without", None)):
        write_checkerboard(wide, wide, tmp_path / f"{name}.png", mask=given)
    assert read(tmp_path / "with.png").mean() > 1.2 * read(tmp_path / "without.png").mean()


def test_curve_of_each_stage_that_has_iterations(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    stages = [StageCurve("affine", "similarity", (0.1, 0.4, 0.5)), StageCurve("start", "cost", (1.0,))]
    assert write_curve(stages[:1], tmp_path / "one.png")
    assert write_curve([*stages, StageCurve("deformable, 4 mm", "cost", (3.0, 2.0))], tmp_path / "two.png")
    assert read(tmp_path / "two.png").shape[1] > read(tmp_path / "one.png").shape[1]
    assert not write_curve(stages[1:], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_no_curve_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert not write_curve([StageCurve("affine", "similarity", (0.1, 0.4))], tmp_path / "curve.png")
    assert not list(tmp_path.iterdir())
