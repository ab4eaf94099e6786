import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.prediction import predict_batch
from MedDeepRegSegLib.prediction.predict_job import Result


@pytest.fixture
def request_of(tmp_path):
    """Return a function that makes the request of a row with these cells."""
    (tmp_path / "model").mkdir()
    for name in ("t1.nrrd", "t2.nrrd"):
        (tmp_path / name).touch()

    def make(**cells):
        row = Row("a", {"model": "model", "image": "t1.nrrd", **cells}, tmp_path)
        return predict_batch.request(row, tmp_path / "out", seed=0, device="cuda")

    return make


def test_cells_become_a_request(request_of, tmp_path):
    made = request_of(image_2="t2.nrrd", mirrored="Yes", uncertainty="no")
    assert made.images == (tmp_path / "t1.nrrd", tmp_path / "t2.nrrd")
    assert (made.mirrored, made.uncertainty, made.device) == (True, None, "cuda")
    assert made.out == tmp_path / "out" / "segmentation.seg.nrrd"


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"model": "absent"}, "model: .*absent does not exist"),
        ({"image_3": "t2.nrrd"}, "image_2 is empty and a later channel is not"),
        ({"mirrored": "maybe"}, "mirrored: 'maybe' is not allowed"),
    ],
)
def test_bad_cells_are_told(request_of, cells, says):
    with pytest.raises(InputError, match=says):
        request_of(**cells)


def test_the_summary_names_what_was_found(tmp_path):
    found = Result(tmp_path / "s.seg.nrrd", ("Liver", "Tumor"), (1500.004, 0.0), None, "livers 0123")
    assert predict_batch.figures(found) == {
        "segments": "Liver; Tumor",
        "volumes_ml": "1500.00; 0.00",
        "model": "livers 0123",
    }
