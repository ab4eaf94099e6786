import json

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.segmentation import grow_batch


@pytest.fixture
def request_of(tmp_path):
    """Return a function that makes the request of a row with these cells."""
    (tmp_path / "ct.nrrd").touch()
    points = [{"label": "1", "position": [1.0, -2.0, 3.0]}, {"label": "2", "position": [4.0, 5.0, 6.0]}]
    markups = {"markups": [{"coordinateSystem": "LPS", "controlPoints": points}]}
    (tmp_path / "points.mrk.json").write_text(json.dumps(markups))

    def make(**cells):
        row = Row("a", {"image": "ct.nrrd", "positive": "1 2 3", **cells}, tmp_path)
        return grow_batch.request(row, tmp_path / "out", seed=0, device="cpu")

    return make


def test_points_become_lps(request_of, tmp_path):
    made = request_of(positive="12.5 -30 41; 10,-28,44;", negative="0 0 0", box="1 2 3; -1 5 -3", uncertainty="yes")
    assert made.positive == ((-12.5, 30.0, 41.0), (-10.0, 28.0, 44.0))
    assert made.negative == ((0.0, 0.0, 0.0),)
    assert made.box == (-1.0, -5.0, -3.0, 1.0, -2.0, 3.0)
    assert (made.name, made.settings.method, made.device) == ("Structure", "network", "cpu")
    assert (made.out, made.uncertainty) == (tmp_path / "out/segmentation.seg.nrrd", tmp_path / "out/uncertainty.nrrd")


def test_points_come_from_a_file(request_of):
    assert request_of(positive="points.mrk.json").positive == ((1.0, -2.0, 3.0), (4.0, 5.0, 6.0))


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"positive": "1 2"}, "positive: '1 2' is no point, expected R A S in mm"),
        ({"positive": "1 2 nan"}, "is no point"),
        ({"positive": "absent.mrk.json"}, "positive: .*absent.mrk.json does not exist"),
        ({"box": "1 2 3"}, "is no box, expected two corners"),
        ({"box": "1 2 3; 1 5 6"}, "is no box, expected two corners that differ"),
        ({"method": "magic"}, "method: 'magic' is not allowed, expected one of network, classic"),
        ({"adapt": "perhaps"}, "adapt: 'perhaps' is not allowed, expected one of yes"),
        ({"method": "classic", "adapt": "yes"}, "need the growing network"),
        ({"image": "absent.nrrd"}, "image: .*absent.nrrd does not exist"),
    ],
)
def test_bad_cells_are_told(request_of, cells, says):
    with pytest.raises(InputError, match=says):
        request_of(**cells)
