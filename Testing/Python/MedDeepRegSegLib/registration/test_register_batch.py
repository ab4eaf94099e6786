import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.registration import register_batch


@pytest.fixture
def request_of(tmp_path):
    """Return a function that makes the request of a row with these cells."""
    for name in ("ct.nrrd", "mr.nrrd", "mask.nrrd"):
        (tmp_path / name).touch()

    def make(**cells):
        row = Row("a", {"fixed": "ct.nrrd", "moving": "mr.nrrd", **cells}, tmp_path)
        return register_batch.request(row, tmp_path / "out", seed=7)

    return make


def test_cells_become_a_request(request_of, tmp_path):
    made = request_of(kind="rigid", engine="classic", fixed_mask="mask.nrrd")
    assert (made.settings.kind, made.settings.engine, made.settings.seed) == ("rigid", "classic", 7)
    assert (made.fixed_mask, made.moving_mask, made.out) == (tmp_path / "mask.nrrd", None, tmp_path / "out")


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"moving": "absent.nrrd"}, "moving: .* does not exist"),
        ({"kind": "bent"}, "'bent'"),
        ({"engine": "landmarks"}, "engine landmarks needs points"),
        ({"fixed_points": "mask.nrrd"}, "points in one image only"),
    ],
)
def test_bad_cells_are_told(request_of, cells, says):
    with pytest.raises(InputError, match=says):
        request_of(**cells)
