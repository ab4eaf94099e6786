import importlib.util
import json

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.registration.job import Request, Result, run
from MedDeepRegSegLib.registration.transforms import read_transform, transform_points
from MedDeepRegSegLib.volumes.geometry import same_geometry
from MedDeepRegSegLib.volumes.point_files import read_points, write_points


@pytest.fixture
def request_of(pair, fast, tmp_path):
    sitk.WriteImage(pair.fixed.ct, str(tmp_path / "ct.nii.gz"))
    sitk.WriteImage(pair.moving.mr, str(tmp_path / "mr.nrrd"))
    sitk.WriteImage(pair.moving.labels, str(tmp_path / "labels.nii.gz"))

    def make(**changes):
        options = {
            "fixed": tmp_path / "ct.nii.gz",
            "moving": tmp_path / "mr.nrrd",
            "out": tmp_path / "out",
            "settings": fast(kind="rigid", largest_rotation_degrees=20.0, iterations=5),
            "moving_labels": tmp_path / "labels.nii.gz",
            "fixed_points": tuple(map(tuple, pair.fixed_points.tolist())),
            "moving_points": tuple(map(tuple, pair.moving_points.tolist())),
        }
        return Request(**{**options, **changes})

    return make


def test_writes_what_the_command_promises(request_of, pair):
    request = from_json(Request, json.loads(json.dumps(to_json(request_of()))))
    result = run(request)
    names = {path.name for path in request.out.iterdir()}
    assert names - {"curve.png"} == {
        *("transform.h5", "inverse.h5", "linear.tfm", "registered.nii.gz", "registered_labels.nii.gz"),
        *("quality.json", "checkerboard.png", "edges.png"),
    }
    assert ("curve.png" in names) == (importlib.util.find_spec("matplotlib") is not None)
    assert result.deformation is result.jacobian is result.displacement is result.registered_points is None
    transform, inverse = read_transform(result.transform), read_transform(result.inverse)
    points = pair.fixed_points
    np.testing.assert_allclose(transform_points(inverse, transform_points(transform, points)), points, atol=1e-6)
    assert same_geometry(sitk.ReadImage(str(result.registered)), pair.fixed.ct)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(result.registered_labels)))
    truth = sitk.GetArrayFromImage(pair.fixed.labels)
    assert ((labels > 0) & (truth > 0)).sum() * 2 / ((labels > 0).sum() + (truth > 0).sum()) > 0.93
    quality = json.loads(result.quality_file.read_text())
    assert quality["light"] == result.quality.light
    assert from_json(Result, json.loads(json.dumps(to_json(result)))) == result


def test_stages_displacement_and_points_on_request(request_of, pair, fast, tmp_path):
    points = [(str(number), tuple(point)) for number, point in enumerate(pair.moving_points.tolist())]
    write_points([*points, ("unplaced", None)], tmp_path / "moving.mrk.json")
    request = request_of(
        settings=fast(largest_rotation_degrees=20.0, iterations=5, control_spacing_mm=(60.0,)),
        displacement=True,
        carry_points=tmp_path / "moving.mrk.json",
        interpolation="nearest",
    )
    result = run(request)
    whole, linear = read_transform(result.transform), read_transform(result.linear)
    bent, displacement = read_transform(result.deformation), read_transform(result.displacement)
    at = pair.fixed_points
    np.testing.assert_allclose(
        transform_points(linear, transform_points(bent, at)), transform_points(whole, at), atol=1e-3
    )
    voxels = np.array(
        [pair.fixed.ct.TransformIndexToPhysicalPoint((20 + i, 25 + (i * 7) % 9, 30 - i)) for i in range(9)]
    )
    np.testing.assert_allclose(transform_points(displacement, voxels), transform_points(whole, voxels), atol=1e-3)
    jacobian = sitk.ReadImage(str(result.jacobian))
    assert same_geometry(jacobian, pair.fixed.ct)
    assert sitk.GetArrayFromImage(jacobian).min() > 0
    carried = read_points(result.registered_points)
    assert [name for name, _ in carried] == [*map(str, range(len(points))), "unplaced"]
    found = np.array([position for _, position in carried[:-1]])
    np.testing.assert_allclose(transform_points(whole, found), pair.moving_points, atol=0.4)
    moving = sitk.GetArrayFromImage(pair.moving.mr)
    assert np.isin(
        sitk.GetArrayFromImage(sitk.ReadImage(str(result.registered))), moving
    ).all()  # nearest mixes nothing
    for picture in (result.checkerboard, result.edges):
        assert sitk.GetArrayFromImage(sitk.ReadImage(str(picture))).std() > 20
    # A rigid run into the same folder leaves no field of the earlier one.
    run(request_of(settings=fast(kind="rigid", largest_rotation_degrees=20.0, iterations=2), moving_labels=None))
    left = {path.name for path in request.out.iterdir()}
    assert not left & {"deformation.nii.gz", "jacobian.nii.gz", "displacement.nii.gz", "registered_points.mrk.json"}
    assert not left & {"registered_labels.nii.gz"}


def test_unknown_interpolation_is_refused_before_the_work(request_of):
    with pytest.raises(InputError, match="interpolation is 'cubic'"):
        request_of(interpolation="cubic")


def test_nothing_is_written_after_bad_input_or_cancel(request_of, tmp_path):
    (tmp_path / "mask.nii.gz").write_bytes(b"no image")
    with pytest.raises(InputError):
        run(request_of(fixed_mask=tmp_path / "mask.nii.gz"))
    token = CancelToken()
    with pytest.raises(Canceled):
        run(request_of(), progress=lambda fraction, _: token.cancel() if fraction >= 0.95 else None, cancel=token)
    assert not (tmp_path / "out").exists()
