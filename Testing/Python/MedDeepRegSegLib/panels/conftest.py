"""The headless host, and small volumes to work on."""

import pytest
from Host.fixtures import dialogs_shown, module, pip_calls_made, slicer_host, slicer_scene  # noqa: F401 (fixtures)


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
