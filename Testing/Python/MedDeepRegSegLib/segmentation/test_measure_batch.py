import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.segmentation import measure_batch


@pytest.fixture
def request_of(tmp_path):
    """Return a function that makes the request of a row with these cells."""
    for name in ("ct.nrrd", "liver.seg.nrrd"):
        (tmp_path / name).touch()

    def make(**cells):
        row = Row("a", {"segmentation": "liver.seg.nrrd", **cells}, tmp_path)
        return measure_batch.request(row, tmp_path / "out", seed=0)

    return make


def test_cells_become_a_request(request_of, tmp_path):
    made = request_of(image="ct.nrrd", families="shape texture", bin_count="64")
    assert (made.families, made.bin_count, made.bin_width) == (("shape", "texture"), 64, None)
    assert (made.image, made.out) == (tmp_path / "ct.nrrd", tmp_path / "out" / "measurements.csv")


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"families": "color"}, "color"),
        ({"families": "texture"}, "texture"),  # without an image
        ({"bin_count": "2.5"}, "bin_count: 2.5 is no whole number"),
        ({"bin_width": "wide"}, "bin_width: 'wide' is no number"),
        ({"segmentation": "absent.seg.nrrd"}, "segmentation: .* does not exist"),
    ],
)
def test_bad_cells_are_told(request_of, cells, says):
    with pytest.raises(InputError, match=says):
        request_of(**cells)
