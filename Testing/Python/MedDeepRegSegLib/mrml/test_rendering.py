"""Pictures by Slicer's own rendering. Those that draw are skipped on a machine without OpenGL, with the reason."""

import gc
import hashlib
import os
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.mrml import rendering_probe
from MedDeepRegSegLib.mrml.rendering import (
    render_orthogonal,
    render_slice,
    render_three_d,
    rendering_available,
    require_rendering,
)
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import Segment

PLAIN = {"letters": False, "scale_bar": False}
SEGMENTS = (Segment(1, "Left", (1.0, 0.0, 0.0), "", "left"), Segment(2, "Front", (0.0, 0.0, 1.0), "", "front"))
LEFT_RAS, FRONT_RAS = (-16.0, 0.0, 14.0), (0.0, 18.0, 0.0)


@pytest.fixture
def drawing():
    available, reason = rendering_available()
    if not available:
        pytest.skip(f"this machine cannot draw: {reason}")


def grid_image(values):
    image = sitk.GetImageFromArray(values.T)
    image.SetSpacing((1.0, 1.0, 2.5))
    image.SetOrigin((-30, -30, -30))
    return image


@pytest.fixture
def nodes(scene, drawing):
    """A volume and a segmentation: a ball at the patient's left, above, and a ball in front of the middle."""
    size, spacing = (61, 61, 25), np.array([1.0, 1.0, 2.5])
    grid = np.stack(np.meshgrid(*(np.arange(count) for count in size), indexing="ij"), -1) * spacing - (30, 30, 30)
    labels = np.zeros(size, np.uint8)
    labels[np.linalg.norm(grid - (16, 0, 14), axis=-1) < 9] = 1
    labels[np.linalg.norm(grid - (0, -18, 0), axis=-1) < 9] = 2
    volume = volume_from_image(grid_image(labels.astype(np.float32) * 100), "Balls", window_level=(200, 100))
    segmentation = segmentation_from_image(grid_image(labels), SEGMENTS, "Segments", reference_volume=volume)
    return volume, segmentation


def place(picture, channel):
    """Return the center of what is red (0) or blue (2), as shares of height and width; None if nothing is."""
    found = np.argwhere(picture[..., channel].astype(int) - picture[..., 2 - channel] > 60)
    return (found.mean(0) + 0.5) / picture.shape[:2] if len(found) else None


def digest_of_labels(segmentation):
    hashes = []
    for segment_id in segmentation.GetSegmentation().GetSegmentIDs():
        image = segmentation.GetSegmentation().GetSegment(segment_id).GetRepresentation("Binary labelmap")
        hashes.append(hashlib.sha256(memoryview(image.GetPointData().GetScalars())).hexdigest())
    return hashes


# -- probing


def test_a_crash_of_the_probe_is_an_answer(monkeypatch):
    monkeypatch.setattr(rendering_probe, "_answers", [])
    monkeypatch.setattr(rendering_probe, "_TEST_PROGRAM", "import os; os.abort()")
    monkeypatch.setenv(rendering_probe.WINDOW_VARIABLE, "vtkEGLRenderWindow")
    available, reason = rendering_available()
    assert not available
    assert "no OpenGL works" in reason
    assert os.environ[rendering_probe.WINDOW_VARIABLE] == "vtkEGLRenderWindow"
    with pytest.raises(MissingPackageError, match="cannot be drawn"):
        require_rendering()
    with pytest.raises(MissingPackageError, match="cannot be drawn"):
        render_three_d(slicer.vtkMRMLSegmentationNode())


def test_a_probe_that_hangs_is_an_answer(monkeypatch):
    monkeypatch.setattr(rendering_probe, "_answers", [])
    monkeypatch.setattr(rendering_probe, "_TEST_PROGRAM", "import time; time.sleep(60)")
    available, reason = rendering_available(timeout_s=0.2)
    assert not available
    assert "within 0.2 s" in reason


def test_the_answer_is_found_once(monkeypatch):
    monkeypatch.setattr(rendering_probe, "_answers", [])
    tried = []
    monkeypatch.setattr(rendering_probe, "_try_window", lambda window, _: tried.append(window))
    monkeypatch.delenv(rendering_probe.WINDOW_VARIABLE, raising=False)
    assert rendering_available()[0]
    assert rendering_available()[0]
    assert len(tried) == 1
    if sys.platform.startswith("linux"):
        assert os.environ[rendering_probe.WINDOW_VARIABLE] == "vtkEGLRenderWindow"


# -- slices


@pytest.mark.parametrize(
    ("orientation", "red", "blue"),
    [("Axial", (0.5, 0.77), (0.2, 0.5)), ("Coronal", (0.27, 0.77), (0.5, 0.5)), ("Sagittal", (0.27, 0.5), (0.5, 0.2))],
)
def test_slices_are_radiological(nodes, orientation, red, blue):
    volume, segmentation = nodes
    options = {"segmentations": segmentation, "orientation": orientation, "size": 200, **PLAIN}
    assert place(render_slice(volume, position=LEFT_RAS, **options), 0) == pytest.approx(red, abs=0.03)
    assert place(render_slice(volume, position=FRONT_RAS, **options), 2) == pytest.approx(blue, abs=0.03)


def test_the_picture_covers_the_volume_with_square_pixels_and_its_window(nodes):
    volume, _ = nodes
    picture = render_slice(volume, orientation="Coronal", position=LEFT_RAS, size=244, **PLAIN)
    assert picture.shape == (244, 238, 3)  # 62.5 mm high, 61 mm wide
    ball = picture[..., 0] > 60
    assert np.ptp(np.argwhere(ball), axis=0) == pytest.approx((18 * 4, 18 * 4), abs=10)
    assert picture[round(0.27 * 244), round(0.77 * 238)].tolist() == [127, 127, 127]
    brighter = render_slice(volume, orientation="Coronal", position=LEFT_RAS, size=244, window_level=(100, 50), **PLAIN)
    assert brighter[round(0.27 * 244), round(0.77 * 238)].tolist() == [255, 255, 255]


def test_foreground_is_blended(nodes):
    volume, _ = nodes
    size = (61, 61, 25)
    flat = volume_from_image(grid_image(np.full(size, 10, np.float32)), "Flat", window_level=(10, 5))
    for opacity in (0.0, 0.5, 1.0):
        picture = render_slice(volume, foreground=flat, foreground_opacity=opacity, size=128, **PLAIN)
        assert picture[2, 2, 0] == pytest.approx(255 * opacity, abs=2)


def test_outline_and_fill_can_be_chosen(nodes):
    volume, segmentation = nodes
    options = {"segmentations": segmentation, "position": LEFT_RAS, "size": 244, **PLAIN}
    center = (122, round(0.77 * 244))
    line = render_slice(volume, fill=0, **options)
    assert line[center].tolist() == [127, 127, 127]
    tint = render_slice(volume, outline=False, fill=0.5, **options)
    assert tint[center][0] > tint[center][2] + 80
    red = [(picture[..., 0].astype(int) - picture[..., 2] > 60).sum() for picture in (line, tint)]
    assert 0 < red[0] < 0.5 * red[1]
    smooth = render_slice(volume, fill=0, smooth_outlines=True, **options)
    assert place(smooth, 0) == pytest.approx(place(line, 0), abs=0.02)
    assert not np.array_equal(smooth, line)
    only = render_slice(volume, segment_ids=["front"], **options)
    assert place(only, 0) is None


def test_points_and_model_cuts_are_drawn(nodes, scene):
    volume, _ = nodes
    plain = render_slice(volume, position=(0, 0, -20), size=200, **PLAIN)
    markups = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    markups.CreateDefaultDisplayNodes()
    markups.GetDisplayNode().SetPointLabelsVisibility(False)
    markups.GetDisplayNode().SetPropertiesLabelVisibility(False)
    markups.AddControlPoint(-15.0, -15.0, -20.0)
    marked = render_slice(volume, markups=markups, position=(0, 0, -20), size=200, **PLAIN)
    assert (np.argwhere((marked != plain).any(-1)).mean(0) / 200) == pytest.approx((0.75, 0.75), abs=0.05)
    sphere = vtk.vtkSphereSource()
    sphere.SetCenter(15, 15, -20)
    sphere.SetRadius(8)
    sphere.Update()
    model = scene.AddNewNodeByClass("vtkMRMLModelNode", "Sphere")
    model.SetAndObservePolyData(sphere.GetOutput())
    model.CreateDefaultDisplayNodes()
    cut = render_slice(volume, models=model, position=(0, 0, -20), size=200, **PLAIN)
    assert (np.argwhere((cut != plain).any(-1)).mean(0) / 200) == pytest.approx((0.25, 0.25), abs=0.05)
    assert not model.GetDisplayNode().GetVisibility2D()


def test_parent_transforms_are_followed(nodes, parent_transform):
    volume, segmentation = nodes
    shift = np.eye(4)
    shift[:3, 3] = (100.0, 0.0, 0.0)
    before = render_slice(volume, segmentations=segmentation, position=LEFT_RAS, size=100, **PLAIN)
    for node in nodes:
        parent_transform(node, shift)
    moved = render_slice(volume, segmentations=segmentation, position=np.add(LEFT_RAS, (100, 0, 0)), size=100, **PLAIN)
    assert np.abs(before.astype(int) - moved).mean() < 1
    assert volume.GetParentTransformNode() is not None


# -- 3D


def test_surfaces_are_seen_where_they_are(nodes):
    _, segmentation = nodes
    front = render_three_d(segmentation, views=["anterior"], size=200, **PLAIN)
    red, blue = place(front, 0), place(front, 2)
    assert red[1] > blue[1]
    assert red[0] < blue[0]
    side = render_three_d(segmentation, views=["left"], size=200, **PLAIN)
    assert place(side, 2)[1] < place(side, 0)[1]
    assert side[0, 0] == pytest.approx(np.array([0.93, 0.94, 0.96]) * 255, abs=2)


def test_the_view_is_filled_and_the_scale_is_right(nodes):
    _, segmentation = nodes
    picture = render_three_d(segmentation, segment_ids=["front"], views=["anterior"], size=300, **PLAIN)
    ball = picture[..., 2].astype(int) - picture[..., 0] > 60
    extent = np.ptp(np.argwhere(ball), axis=0)
    assert extent.max() == pytest.approx(0.86 * 300, rel=0.03)
    assert extent.min() > 0.9 * extent.max()  # smoothing flattens a ball of anisotropic voxels a little
    wide = render_three_d(segmentation, segment_ids=["front"], views=["anterior"], size=(300, 150), **PLAIN)
    assert wide.shape == (150, 300, 3)
    assert place(wide, 2) == pytest.approx((0.5, 0.5), abs=0.02)


def test_opacity_views_and_volume_rendering(nodes):
    volume, segmentation = nodes
    solid = render_three_d(segmentation, views=["anterior"], size=128, **PLAIN)
    clear = render_three_d(segmentation, views=["anterior"], size=128, opacity=0.3, **PLAIN)
    assert np.abs(clear.astype(int) - 240).mean() < np.abs(solid.astype(int) - 240).mean()
    sheet = render_three_d(segmentation, views=["anterior", "left"], size=128)
    assert sheet.shape[1] > 1.9 * solid.shape[1]
    volume_only = render_three_d(volume=volume, volume_range=(40, 60), size=128, **PLAIN)
    assert 0.02 < (np.abs(volume_only.astype(int) - volume_only[0, 0]).max(-1) > 25).mean() < 0.6


def test_orthogonal_sheet(nodes):
    volume, segmentation = nodes
    sheet = render_orthogonal(volume, segmentations=segmentation, size=128, title="Balls")
    assert sheet.shape[0] > 256
    assert place(sheet, 0) is not None
    assert place(sheet, 2) is not None


# -- the scene stays as it was


def test_voxels_nodes_and_observers_are_left_alone(nodes, scene):
    volume, segmentation = nodes
    display = segmentation.GetDisplayNode()

    def state():
        return (
            scene.GetNumberOfNodes(),
            [node.GetMTime() for node in (volume, segmentation, display, volume.GetDisplayNode())],
            segmentation.GetSegmentation().GetMTime(),
            segmentation.GetSegmentation().ContainsRepresentation("Closed surface"),
            digest_of_labels(segmentation),
            [str(node).count("EventName") for node in (volume, segmentation, segmentation.GetSegmentation(), scene)],
            volume.GetImageData().GetReferenceCount(),
        )

    before = state()
    for _ in range(2):
        render_slice(volume, segmentations=segmentation, smooth_outlines=True, size=64)
        render_three_d(segmentation, volume=volume, size=64)
    with pytest.raises(InputError):
        render_slice(volume, segmentations=segmentation, position=(0, 0, 999))
    gc.collect()
    assert state() == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_twenty_pictures_leak_nothing(nodes, scene):
    volume, segmentation = nodes
    markups = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    markups.CreateDefaultDisplayNodes()
    markups.AddControlPoint(0.0, 0.0, 0.0, "Seed")

    def draw():
        render_slice(volume, segmentations=segmentation, markups=markups, size=96)
        render_three_d(segmentation, markups=markups, size=96)
        gc.collect()

    def resident_mib():
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    for _ in range(2):
        draw()
    start, first = resident_mib(), os.times().user
    for _ in range(5):
        draw()
    middle = os.times().user
    for _ in range(5):
        draw()
    assert resident_mib() - start < 15
    assert os.times().user - middle < 2 * (middle - first) + 1


# -- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v, s: render_slice(v, orientation="Oblique"), "expected one of Axial"),
        (lambda v, s: render_slice(), "nothing to draw"),
        (lambda v, s: render_slice(s), "scalar volume"),
        (lambda v, s: render_slice(v, segmentations=v), "expected a segmentation"),
        (lambda v, s: render_slice(v, segmentations=s, segment_ids=["liver"]), "no segment 'liver'"),
        (lambda v, s: render_slice(v, segment_ids=["left"]), "exactly one segmentation"),
        (lambda v, s: render_slice(v, fill=2), "0 to 1"),
        (lambda v, s: render_slice(v, window_level=(0, 1)), "window above 0"),
        (lambda v, s: render_slice(v, position=(1, 2)), "three finite"),
        (lambda v, s: render_slice(v, size=100000), "16 to 4096"),
        (lambda v, s: render_three_d(), "nothing to draw in 3D"),
        (lambda v, s: render_three_d(s, views=["above"]), "anterior"),
        (lambda v, s: render_three_d(s, views=[]), "no views"),
        (lambda v, s: render_three_d(volume=v, volume_range=(5, 5)), "lower first"),
    ],
)
def test_bad_input_is_refused_with_one_clear_line(nodes, call, message):
    with pytest.raises(InputError, match=message) as caught:
        call(*nodes)
    assert "\n" not in str(caught.value)
