"""The benchmark of growing: clicks go where they are said to go, methods answer them, tables count right, runs go on."""

import argparse
import importlib.util
import json
import sys

import numpy as np
import pytest
import SimpleITK as sitk

SPACING = (2.0, 1.0, 1.5)
"""Of the phantom, (k, j, i), mm."""


@pytest.fixture(scope="module", autouse=True)
def benchmarks(repository):
    """The folder of the benchmarks on the path."""
    sys.path.insert(0, str(repository / "Testing" / "Benchmarks"))
    yield
    sys.path.pop(0)


def needs(package):
    """Skip, with the reason, when a peer is not installed."""
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f"{package} is not installed (pip install --no-deps -r Testing/Benchmarks/peers.txt)",
    )


@pytest.fixture(scope="module")
def phantom():
    """A bright ball of radius 9 mm beside a darker one, in noise, and its truth."""
    k, j, i = np.meshgrid(
        *(np.arange(size) * step for size, step in zip((20, 36, 30), SPACING, strict=True)), indexing="ij"
    )
    truth = (k - 20) ** 2 + (j - 14) ** 2 + (i - 20) ** 2 <= 81
    other = (k - 20) ** 2 + (j - 27) ** 2 + (i - 30) ** 2 <= 36
    values = 40.0 + 60.0 * truth + 20.0 * other + np.random.default_rng(0).normal(0, 3, truth.shape)
    image = sitk.GetImageFromArray(values.astype(np.float32))
    image.SetSpacing(SPACING[::-1])
    return image, truth


def box_of(*bounds):
    """A mask of 12^3 voxels that is true in a box."""
    mask = np.zeros((12, 12, 12), bool)
    mask[tuple(slice(start, stop) for start, stop in bounds)] = True
    return mask


def test_innermost_is_in_mm():
    from MedDeepRegSegLib.segmentation.simulated_user import innermost

    # 10 x 3 x 8 voxels: in voxels the depth is that of the middle; in mm the thin axis is the long one.
    mask = box_of((1, 11), (4, 7), (2, 10))
    place = innermost(mask, (1.0, 1.0, 1.0))
    assert place[1] == 5
    deep = innermost(mask, (1.0, 20.0, 1.0))
    assert deep[2] in (5, 6)
    assert deep[0] in (4, 5, 6, 7)


def test_outside_of_the_image_is_outside_of_the_object():
    from MedDeepRegSegLib.segmentation.simulated_user import innermost

    assert innermost(box_of((0, 7), (0, 12), (0, 12)), (1.0, 1.0, 1.0))[0] == 3


def test_the_largest_error_is_clicked_with_its_sign():
    from MedDeepRegSegLib.segmentation.simulated_user import next_click

    truth = box_of((1, 9), (1, 9), (1, 9))
    missing = truth & ~box_of((1, 9), (1, 9), (6, 9))
    place, positive = next_click(truth, missing | box_of((11, 12), (11, 12), (10, 12)), (1.0, 1.0, 1.0))
    assert positive
    assert place[2] == 7
    place, positive = next_click(truth, truth | box_of((10, 12), (0, 12), (0, 12)), (1.0, 1.0, 1.0))
    assert not positive
    assert place[0] in (10, 11)
    assert next_click(truth, truth, (1.0, 1.0, 1.0)) is None
    assert next_click(truth, truth | box_of((10, 12), (0, 12), (0, 12)), (1.0, 1.0, 1.0), positive_only=True) is None


def test_errors_are_told_apart_by_connected_parts():
    from MedDeepRegSegLib.segmentation.simulated_user import next_click

    truth = np.zeros((12, 12, 12), bool)
    truth[2:5, 2:5, 2:5] = True
    # Two missing parts of 27 and 4 voxels, too much of 20 in one part: the 27 win, though 20 + 4 is less than all.
    truth[9:11, 9:11, 9] = True
    found = box_of((8, 12), (0, 5), (6, 7))
    place, positive = next_click(truth, found, (1.0, 1.0, 1.0))
    assert positive
    assert place == (3, 3, 3)


def test_box_has_its_margin_and_stays_in_the_image():
    from MedDeepRegSegLib.segmentation.simulated_user import box_around

    assert box_around(box_of((1, 4), (5, 7), (3, 12)), 2) == (slice(0, 6), slice(3, 9), slice(1, 12))


class _Script:
    """Gives masks as written, and remembers the clicks."""

    def __init__(self, masks):
        self.masks, self.calls = list(masks), []

    def click(self, positive, negative):
        self.calls.append((list(positive), list(negative)))
        return self.masks[min(len(self.calls), len(self.masks)) - 1]


def test_course_of_clicks():
    from MedDeepRegSegLib.segmentation.simulated_user import simulate

    truth = box_of((2, 8), (2, 8), (2, 8))
    half = truth & box_of((0, 12), (0, 12), (0, 5))
    more = truth | box_of((9, 12), (9, 12), (9, 12))
    script = _Script([half, more, truth])
    course = simulate(script, truth, (1.0, 1.0, 1.0), 10)
    assert course.dice == pytest.approx([2 / 3, 2 * 216 / (216 + 243), 1.0])
    assert [positive for _, positive in course.clicks] == [True, True, False]
    assert course.clicks[0][0] in {(k, j, i) for k in (4, 5) for j in (4, 5) for i in (4, 5)}
    assert len(script.calls) == 3
    assert sorted(course.masks) == [1, 3]
    # The first mask leaves out the first click where that lies in the half that is missing.
    assert course.wrong_seeds == int(course.clicks[0][0][2] >= 5)
    assert len(course.cpu_s) == len(course.seconds) == 3


def test_wrong_seeds_are_counted():
    from MedDeepRegSegLib.segmentation.simulated_user import simulate

    truth = box_of((2, 8), (2, 8), (2, 8))
    course = simulate(_Script([np.zeros_like(truth)]), truth, (1.0, 1.0, 1.0), 3)
    assert course.wrong_seeds == 1 + 2 + 3


@pytest.mark.parametrize(
    ("method", "least"),
    [
        pytest.param("grow from seeds", 0.8, marks=needs("slicer")),
        ("confidence-connected", 0.8),
        pytest.param("random walker", 0.8, marks=needs("pyamg")),
    ],
)
@pytest.mark.parametrize("margin", [None, 2])
def test_peers_follow_clicks(phantom, method, least, margin):
    from growing_run import run

    row, masks = run(method, *phantom, margin=margin, clicks=5)
    assert max(row["dice"]) > least
    assert row["failure"] is None
    assert row["wrong_seeds"] == 0
    assert masks[1].shape == phantom[1].shape


@pytest.mark.parametrize("method", ["classic", pytest.param("network", marks=needs("torch"))])
def test_ours_follow_clicks(phantom, method):
    from growing_run import run

    row, _ = run(method, *phantom, margin=2, clicks=3)
    assert max(row["dice"]) > 0.6
    assert row["wrong_seeds"] == 0
    assert row["refused"] == []


def test_nothing_of_a_peer_leaves_the_box(phantom):
    from growing_run import run

    from MedDeepRegSegLib.segmentation.simulated_user import box_around

    image, truth = phantom
    box = box_around(truth, 1)
    outside = np.ones(truth.shape, bool)
    outside[box] = False
    for method in ("confidence-connected", "ellipsoid"):
        _, masks = run(method, image, truth, margin=1, clicks=1)
        assert not (masks[1] & outside).any()


def test_ellipsoid_fills_the_box_without_its_margin(phantom):
    from growing_run import run

    image, truth = phantom
    row, _ = run("ellipsoid", image, truth, margin=2, clicks=2)
    assert row["dice"][0] > 0.93
    assert row["dice"][0] == row["dice"][-1]


def test_background_seeds_spare_the_object_at_the_border():
    from growing_methods import surroundings

    truth = box_of((0, 6), (3, 9), (3, 9))
    _, background = surroundings(truth, None)
    assert not (background & truth).any()
    assert background[0, 0, 0]
    assert background[11, 5, 5]
    assert not background[5, 5, 5]
    crop, background = surroundings(truth, (slice(0, 8), slice(2, 10), slice(2, 10)))
    assert crop == (slice(0, 9), slice(1, 11), slice(1, 11))
    assert background[-1].all()
    assert not background[0, 1:-1, 1:-1].any()


def test_role_is_the_same_for_both_sides():
    from growing_cases import SOURCES, Case, role_of

    assert role_of("ct", "kidney left") == role_of("ct", "kidney right")
    roles = [Case(source, name).role for source in SOURCES for name in source.objects]
    assert 0.2 < roles.count("held-out") / len(roles) < 0.45


def row_of(case, method, values, box="no box", **more):
    """A row as the benchmark gathers it."""
    known = {"case": case, "group": "g", "role": "development", "method": method, "box": box, "failure": None}
    cost = {"seconds": [0.5], "cpu_s": [0.25], "start_s": 0.1, "start_cpu_s": 0.1, "peak_mb": 100, "wrong_seeds": 0}
    return known | cost | {"dice": values} | more


def test_tables_count_right():
    from growing_tables import NEVER, clicks_to, curve, groups, paired, summary

    short = row_of("a", "network", [0.5, 0.9])
    assert curve(short, 4).tolist() == [0.5, 0.9, 0.9, 0.9]
    assert curve(row_of("a", "network", [], failure="broken"), 3).tolist() == [0, 0, 0]
    assert clicks_to(curve(short, 10), 0.8) == 2
    assert clicks_to(curve(short, 10), 0.95) == NEVER
    rows = [short, row_of("b", "network", [0.2, 0.1]), row_of("a", "grow from seeds", [0.1, 0.3])]
    lines = {line["method"]: line for line in summary(rows, 10)}
    assert lines["network"]["Dice@1"] == pytest.approx(0.35)
    assert lines["network"]["Dice@10"] == pytest.approx(0.5)
    assert lines["network"]["clicks to 0.80"] == pytest.approx((2 + NEVER) / 2)
    assert lines["network"]["clicks that lower Dice"] == f"{1 / 18:.1%}"
    assert lines["network"]["CPU s a click, median"] == 0.25
    (line,) = paired(rows, 10, "network")  # only the object that both have
    assert line["objects"] == 1
    assert line["@1"].startswith("+0.400")
    assert groups(rows, 10)[0]["network"].split() == ["0.35", "0.50", "0.50", "0.50"]


def test_interval_holds_the_mean_and_narrows():
    from growing_tables import interval

    values = np.random.default_rng(1).normal(0.3, 0.1, 200)
    low, high = interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(4 * 0.1 / np.sqrt(200), rel=0.25)
    assert interval(values) == (low, high)


@pytest.fixture
def source(phantom, tmp_path, monkeypatch):
    """The phantom as the only source, with an object that is too small beside it."""
    import growing_cases

    image, truth = phantom
    labels = truth.astype(np.uint8)
    labels[0, 0, :5] = 2
    mask = sitk.GetImageFromArray(labels)
    mask.CopyInformation(image)
    sitk.WriteImage(image, str(tmp_path / "image.nii.gz"))
    sitk.WriteImage(mask, str(tmp_path / "labels.nii.gz"))
    one = growing_cases.Source("p", "g", "image.nii.gz", "labels.nii.gz", {"ball": (1,), "speck": (2,), "none": (3,)})
    growing_cases._pair.cache_clear()
    return tmp_path, (one, growing_cases.Source("q", "g", "absent.nii.gz", "absent.nii.gz", {"x": (1,)}))


def test_cases_and_what_is_left_out(source):
    from growing_cases import cases, find_case, left_out, load

    data, sources = source
    (case,) = cases(data, sources)
    assert case.name == "p-ball"
    assert find_case(data, "p-ball", sources) is case or find_case(data, "p-ball", sources) == case
    image, truth = load(case, data)
    assert truth.sum() > 100
    assert image.GetSize()[::-1] == truth.shape
    reasons = left_out(data, sources)
    assert reasons["p-speck"].startswith("5 voxels")
    assert reasons["q"] == "its files are not there"
    assert "p-none" not in reasons
    with pytest.raises(KeyError):
        find_case(data, "q-x", sources)


def test_a_run_goes_on_where_it_was_stopped(source, tmp_path, monkeypatch, capsys):
    import growing

    data, sources = source
    calls = []

    def run(case, method, margin, result, args):
        calls.append((method, margin))
        row = {"version": growing.VERSION, "asked": args.clicks} | row_of("", "", [0.5, 0.7])
        result.parent.mkdir(parents=True, exist_ok=True)
        result.write_text(json.dumps(row), encoding="utf-8")
        return row

    cases, left_out = growing.cases, growing.left_out
    monkeypatch.setattr(growing, "left_out", lambda folder: left_out(folder, sources))
    monkeypatch.setattr(growing, "run", run)
    monkeypatch.setattr(growing, "cases", lambda folder: cases(folder, sources))

    def go(*words):
        calls.clear()
        monkeypatch.setattr(sys, "argv", ["growing.py", "--out", str(tmp_path / "out"), "--data", str(data), *words])
        growing.main()
        return list(calls)

    assert go("--methods", "classic", "--clicks", "3") == [("classic", None), ("classic", 2)]
    assert go("--methods", "classic", "ellipsoid", "--clicks", "3") == [("ellipsoid", 2)]
    assert go("--methods", "classic", "--clicks", "5", "--no-box") == [("classic", None)]
    assert go("--methods", "classic", "--clicks", "3", "--box", "--margin", "0") == [("classic", 0)]
    assert go("--tables", "--clicks", "3") == []
    assert "ellipsoid" in capsys.readouterr().out
    text = (tmp_path / "out" / "growing.md").read_text(encoding="utf-8")
    assert "p-speck" in text
    assert (tmp_path / "out" / "growing.csv").is_file()


def test_a_process_of_its_own_leaves_its_result(source, tmp_path):
    """The real runner, by its main, on the phantom."""
    import growing_run

    data, sources = source
    out = tmp_path / "result.json"
    words = ["growing_run.py", "confidence-connected", "p-ball", "--data", str(data), "--out", str(out)]
    before = sys.argv
    try:
        sys.argv = [*words, "--clicks", "2", "--margin", "2"]
        growing_run.main(sources)
    finally:
        sys.argv = before
    row = json.loads(out.read_text(encoding="utf-8"))
    assert row["dice"][0] > 0.8
    assert row["peak_mb"] > 0
    with np.load(out.with_suffix(".npz")) as masks:
        assert masks["after_1"].dtype == bool


def test_a_failure_is_kept_with_its_reason(source, tmp_path):
    import growing

    data, sources = source
    (case,) = growing.cases(data, sources)
    args = argparse.Namespace(data=tmp_path / "nowhere", clicks=1, model=None)
    row = growing.run(case, "classic", None, tmp_path / "r" / "classic-no_box.json", args)
    assert row["failure"].startswith("exit 1")
    assert growing.read(tmp_path / "r" / "classic-no_box.json", 1) == row
