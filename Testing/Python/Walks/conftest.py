"""What the walks of a newcomer share: where their pictures go, the tutorial that they follow, and the images."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from Host.fixtures import REPOSITORY, module, slicer_host, slicer_scene  # noqa: F401 (fixtures)

TUTORIAL = REPOSITORY / "Docs" / "Tutorial.md"


@dataclass(frozen=True)
class Head:
    """CT and MR of heads apart from each other, and points (RAS mm) in both lateral ventricles of the CT."""

    ct: Path
    mr: Path
    inside: tuple[tuple[float, float, float], ...]
    preset: str
    real: bool


@pytest.fixture
def pictures(request, tmp_path):
    """A folder for the pictures of a walk: below MEDDEEP_WALKS where that is set (``make walks``)."""
    chosen = os.environ.get("MEDDEEP_WALKS")
    folder = (Path(chosen) if chosen else tmp_path) / request.path.stem.removeprefix("test_walk_")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def head(tmp_path_factory):
    """The samples of the tutorial where they were fetched before, else drawn heads: no test needs the network."""
    from MedDeepRegSegLib.volumes.samples import sample_file

    ct, mr = (sample_file(name) for name in ("ct-head-atlas", "mr-head-t1"))
    if ct.is_file() and mr.is_file():
        return Head(ct, mr, tutorial_points(), "ct-mr-head", real=True)
    import SimpleITK as sitk

    from MedDeepRegSegLib.registration.known import known_rigid
    from MedDeepRegSegLib.volumes.geometry import volume_center
    from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom

    phantom = head_phantom(1, spacing_mm=4.0, size=(48, 60, 56))
    moved = deform_phantom(phantom, known_rigid(volume_center(phantom.mr), seed=1, rotation_degrees=10, shift_mm=20))
    folder = tmp_path_factory.mktemp("heads")
    ct, mr = folder / "ct.nii.gz", folder / "mr.nii.gz"
    sitk.WriteImage(phantom.ct, str(ct))
    sitk.WriteImage(moved.mr, str(mr))
    places = [place for name, place in phantom.landmarks.items() if "ventricle" in name.lower()]
    # The drawn heads are one head that was turned and shifted: nothing has to be bent, which is what takes long.
    inside = tuple((-place[0], -place[1], place[2]) for place in places)
    return Head(ct, mr, inside, "rigid-same-patient", real=False)


def tutorial_points() -> tuple[tuple[float, float, float], ...]:
    """Return the points inside the ventricles that the command of the tutorial names."""
    found = re.findall(r"--positive (-?[\d.]+),(-?[\d.]+),(-?[\d.]+)", TUTORIAL.read_text(encoding="utf-8"))
    return tuple(tuple(float(part) for part in point) for point in found)


@pytest.fixture
def tutorial():
    """The text of the tutorial."""
    return TUTORIAL.read_text(encoding="utf-8")
