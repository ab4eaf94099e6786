"""The headless host, and small volumes to work on."""

import pytest
from Host.fixtures import REPOSITORY, dialogs_shown, module, pip_calls_made, slicer_host, slicer_scene  # noqa: F401 (fixtures)


@pytest.fixture(scope="session")
def small_head():
    """A coarse head phantom."""
    from MedDeepRegSegLib.volumes.phantoms import head_phantom

    return head_phantom(3, spacing_mm=4.0, size=(48, 60, 56))


@pytest.fixture
def head_nodes(slicer_scene, small_head):  # noqa: F811
    """CT and shifted MR of the phantom as volume nodes."""
    import SimpleITK as sitk

    from MedDeepRegSegLib.mrml.volumes import volume_from_image

    mr = sitk.Image(small_head.mr)
    mr.SetOrigin([origin + shift for origin, shift in zip(mr.GetOrigin(), (12.0, -8.0, 5.0), strict=True)])
    return volume_from_image(small_head.ct, "CT"), volume_from_image(mr, "MR")


@pytest.fixture
def organs(head_nodes, small_head):
    """A segmentation of the CT with two segments."""
    import SimpleITK as sitk

    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.segmentation.segments import named_segment

    values = list(small_head.names)[:2]
    labels = sitk.Cast(small_head.labels == values[0], sitk.sitkUInt8)
    labels += 2 * sitk.Cast(small_head.labels == values[1], sitk.sitkUInt8)
    segments = [named_segment(1, "First"), named_segment(2, "Second")]
    return segmentation_from_image(labels, segments, "Organs", reference_volume=head_nodes[0])


@pytest.fixture
def requests(monkeypatch):
    """Collect how a task of a section is made, by ``requests(panel, section module, name of the task)``; none is started."""

    def collect(panel, section, task):
        made = []

        class Recorded:
            def __init__(self, *arguments, **options):
                made.append((arguments, options))

        monkeypatch.setattr(section, task, Recorded)
        monkeypatch.setattr(panel.runner, "start", lambda *_arguments, **_options: None)
        return made

    return collect


@pytest.fixture
def ramp_volume(slicer_scene):  # noqa: F811
    """A volume that gets brighter from right to left."""
    import numpy as np
    import SimpleITK as sitk

    from MedDeepRegSegLib.mrml.volumes import volume_from_image

    ramp = np.linspace(0, 100, 30)[None, None, :] * np.ones((20, 28, 1))
    image = sitk.GetImageFromArray(ramp.astype(np.int16))
    image.SetSpacing((2.0, 2.0, 2.5))
    image.SetOrigin((-30.0, -26.0, -20.0))
    return volume_from_image(image, "Volume")


@pytest.fixture
def liver_segmentation(ramp_volume):
    """A segmentation with two empty segments."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.CreateDefaultDisplayNodes()
    for name, color in (("Liver", (0.8, 0.4, 0.3)), ("Other", (0.2, 0.5, 0.9))):
        node.GetSegmentation().AddEmptySegment(name, name, color)
    return node


@pytest.fixture
def editor(module, ramp_volume, liver_segmentation, monkeypatch):  # noqa: F811
    """The Segment Editor with the effect MedDeep Grow active, whose network is a stand-in that grows balls."""
    import slicer
    from Host.segment_editor import SegmentEditor
    from StandIns.growing import child_command

    from MedDeepRegSegLib.panels.grow_effect import GrowEffect
    from MedDeepRegSegLib.panels.grow_session import GrowSession

    monkeypatch.setattr(GrowEffect, "makeSession", staticmethod(lambda: GrowSession(command=child_command())))
    module(REPOSITORY / "SegmentEditorMedDeepGrow" / "SegmentEditorMedDeepGrow.py")
    registered = slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()[-1]
    editor = SegmentEditor(ramp_volume, liver_segmentation)
    editor.node.SetSelectedSegmentID("Liver")
    editor.activate(editor.effect(registered))
    yield editor
    editor.close()
    registered.self().cleanup()


@pytest.fixture
def effect(editor):
    """The effect."""
    return editor.activeEffect.self()


@pytest.fixture
def interaction(effect):
    """The state machine of the effect."""
    return effect.interaction


@pytest.fixture(scope="session")
def phantom_files(tmp_path_factory):
    """The file of a dataset of three coarse heads."""
    from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset

    return write_phantom_dataset(tmp_path_factory.mktemp("phantoms") / "heads", cases=3, spacing_mm=8.0, validation=0.3)


@pytest.fixture
def phantom_nodes(slicer_scene, phantom_files):  # noqa: F811
    """The heads as pairs of a volume and its segmentation in the scene."""
    import SimpleITK as sitk

    from MedDeepRegSegLib.datasets.dataset import read_dataset
    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

    nodes = []
    for case in read_dataset(phantom_files).cases:
        volume = volume_from_image(sitk.ReadImage(str(case.images[0])), case.name)
        labels, segments = read_segmentation(case.labels)
        nodes.append((volume, segmentation_from_image(labels, segments, f"{case.name} drawn", reference_volume=volume)))
    return nodes
