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
    assert names == {"transform.h5", "inverse.h5", "registered.nii.gz", "registered_labels.nii.gz", "quality.json"}
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


def test_nothing_is_written_after_bad_input_or_cancel(request_of, tmp_path):
    (tmp_path / "mask.nii.gz").write_bytes(b"no image")
    with pytest.raises(InputError):
        run(request_of(fixed_mask=tmp_path / "mask.nii.gz"))
    token = CancelToken()
    with pytest.raises(Canceled):
        run(request_of(), progress=lambda fraction, _: token.cancel() if fraction >= 0.93 else None, cancel=token)
    assert not (tmp_path / "out").exists()
