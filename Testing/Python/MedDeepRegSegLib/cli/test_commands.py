"""Each command from end to end on small phantoms, most in this process, three as a user starts them."""

import argparse
import contextlib
import csv
import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.cli import register
from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom

LIBRARIES = [str(Path(__file__).parents[4] / "MedDeepRegSeg")]


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """Folder with a head phantom: ct.nrrd, mr.nrrd (moved), labels.nrrd and points of both; and the truth."""
    folder = tmp_path_factory.mktemp("head")
    phantom = head_phantom(3, spacing_mm=4.0, size=(48, 60, 56))
    truth = known_rigid((0.0, 0.0, 0.0), seed=1, rotation_degrees=8, shift_mm=12)
    moved = deform_phantom(phantom, truth)
    sitk.WriteImage(phantom.ct, str(folder / "ct.nrrd"))
    sitk.WriteImage(moved.mr, str(folder / "mr.nrrd"))
    sitk.WriteImage(phantom.labels, str(folder / "labels.nrrd"))
    names = sorted(phantom.landmarks)
    write_fcsv(folder / "ct.fcsv", names, [phantom.landmarks[name] for name in names])
    write_mrk_json(folder / "mr.mrk.json", names, [moved.landmarks[name] for name in names])
    return folder, phantom, moved


def write_fcsv(path, names, lps_points):
    """Write points in RAS, so that a command that forgets the coordinate system is found out."""
    lines = ["# Markups fiducial file version = 5.8", "# CoordinateSystem = RAS", "# columns = id,x,y,z,label"]
    lines += [f"{i},{-p[0]},{-p[1]},{p[2]},{name}" for i, (name, p) in enumerate(zip(names, lps_points, strict=True))]
    path.write_text("\n".join(lines) + "\n")


def write_mrk_json(path, names, lps_points):
    points = [{"label": name, "position": list(p)} for name, p in zip(names, lps_points, strict=True)]
    path.write_text(json.dumps({"markups": [{"coordinateSystem": "LPS", "controlPoints": points}]}))


def run(*words):
    """Run the command in this process and return its JSON result."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main([*map(str, words), "--in-process", "--json"]) == 0
    return json.loads(said.getvalue())["result"]


def run_program(*words):
    """Run the command as a program, which runs its job in another, and return its JSON result."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(LIBRARIES)}
    command = [sys.executable, "-m", "MedDeepRegSegLib.cli", *map(str, words), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["result"]


def ras(point):
    return ",".join(str(round(value, 3)) for value in (-point[0], -point[1], point[2]))


def inside_of(phantom, word):
    """Return the value of the first label whose name holds ``word``, and a point well inside it, LPS mm."""
    value = next(value for value, name in phantom.names.items() if word in name.lower())
    depth = sitk.SignedMaurerDistanceMap(phantom.labels == value, insideIsPositive=True, squaredDistance=False)
    array = sitk.GetArrayViewFromImage(depth)
    index = np.unravel_index(int(array.argmax()), array.shape)
    return value, phantom.labels.TransformIndexToPhysicalPoint([int(i) for i in index[::-1]])


@pytest.mark.slow
def test_register_brings_the_landmarks_together(head, tmp_path):
    folder, phantom, moved = head
    out = tmp_path / "out"
    run_program(
        *("register", folder / "ct.nrrd", folder / "mr.nrrd", "--kind", "rigid", "--out", out),
        *("--fixed-points", folder / "ct.fcsv", "--moving-points", folder / "mr.mrk.json"),
    )
    assert {path.name for path in out.iterdir()} >= {"transform.h5", "inverse.h5", "registered.nii.gz", "quality.json"}
    transform = sitk.ReadTransform(str(out / "transform.h5"))
    before, after = [], []
    for name, fixed in phantom.landmarks.items():
        before.append(np.linalg.norm(np.subtract(fixed, moved.landmarks[name])))
        after.append(np.linalg.norm(np.subtract(transform.TransformPoint(fixed), moved.landmarks[name])))
    assert np.mean(before) > 5
    assert np.mean(after) < 2.5
    quality = json.loads((out / "quality.json").read_text())
    assert str(round(float(np.mean(after)), 2))[:3] in json.dumps(quality)
    assert sitk.ReadImage(str(out / "registered.nii.gz")).GetSize() == phantom.ct.GetSize()


@pytest.fixture(scope="module")
def small_pair(tmp_path_factory):
    """Folder with two coarse copies of a head, for registrations whose quality does not matter."""
    folder = tmp_path_factory.mktemp("small")
    phantom = head_phantom(3, spacing_mm=8.0, size=(24, 30, 28))
    for name in ("fixed.nrrd", "moving.nrrd"):
        sitk.WriteImage(phantom.ct, str(folder / name))
    return folder


@pytest.mark.parametrize("out", ["out", "."])
def test_register_tells_a_person_how_good_it_is(small_pair, tmp_path, monkeypatch, capsys, out):
    monkeypatch.chdir(tmp_path)
    write_fcsv(tmp_path / "fixed.fcsv", "abc", [(0, 0, 0), (10, 0, 0), (0, 10, 5)])
    write_fcsv(tmp_path / "moving.fcsv", "abc", [(0, 0, 0), (10, 0, 0), (0, 10, 25)])
    words = ["register", small_pair / "fixed.nrrd", small_pair / "moving.nrrd", "--kind", "rigid", "--out", out]
    if out == "out":
        words += ["--fixed-points", "fixed.fcsv", "--moving-points", "moving.fcsv"]
    assert main([*map(str, words), "--in-process"]) == 0
    told = capsys.readouterr().out.splitlines()
    quality = json.loads((tmp_path / out / "quality.json").read_text())
    assert told[0] == f"quality: {quality['light']} (score {quality['score']:.2f})"
    assert [line.strip() for line in told[1 : 1 + len(quality["reasons"])]] == quality["reasons"]
    assert told[-1] == f"wrote {Path(out)}"
    errors = quality["landmark_errors_mm"]
    assert len(errors) == (3 if out == "out" else 0)
    if errors:
        mean, largest = np.mean(errors), max(errors)
        assert largest > 10
        assert told[-2] == f"error at the 3 pairs of points: mean {mean:.1f} mm, largest {largest:.1f} mm"
    else:
        assert len(told) == 2 + len(quality["reasons"])


@pytest.mark.parametrize("quiet", [False, True])
def test_register_pairs_points_despite_unplaced_ones(tmp_path, capsys, quiet):
    paths = [tmp_path / name for name in ("ct.nrrd", "mr.nrrd", "ct.mrk.json", "mr.mrk.json")]
    for path in paths[:2]:
        path.touch()
    for path, unplaced in zip(paths[2:], (0, 2), strict=True):
        write_mrk_json(path, ["", "", "", ""], [(number, 0, 0) for number in range(4)])
        data = json.loads(path.read_text())
        data["markups"][0]["controlPoints"][unplaced]["positionStatus"] = "missing"
        path.write_text(json.dumps(data))
    words = ["register", *paths[:2], "--out", tmp_path / "out", "--fixed-points", paths[2], "--moving-points", paths[3]]
    parser = argparse.ArgumentParser()
    register.COMMAND.add_parser(parser.add_subparsers())
    request = register.COMMAND.request(parser.parse_args([*map(str, words), *(["--quiet"] if quiet else [])]))
    assert request.fixed_points == request.moving_points == ((1.0, 0.0, 0.0), (3.0, 0.0, 0.0))
    told = "note: points left out, because they are not placed in both lists: number 1, number 3\n"
    assert capsys.readouterr().err == ("" if quiet else told)


def two_orientations(image, path):
    """Write a NIfTI file whose qform lies 50 mm from its sform."""
    sitk.WriteImage(image, str(path))
    data = bytearray(path.read_bytes())
    (place,) = struct.unpack_from("<f", data, 268)
    struct.pack_into("<f", data, 268, place + 50)
    path.write_bytes(data)


@pytest.mark.parametrize("how", [[], ["--in-process"], ["--quiet"]])
def test_what_the_reading_decided_is_told_once(head, tmp_path, capfd, how):
    folder, phantom, _ = head
    two_orientations(sitk.ReadImage(str(folder / "ct.nrrd")), tmp_path / "ct.nii")
    two_orientations(phantom.labels, tmp_path / "labels.nii")
    words = ["measure", tmp_path / "ct.nii", tmp_path / "labels.nii", "--out", tmp_path / "a.csv", *how]
    assert main([*map(str, words)]) == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if "orientations" in line]
    expected = [f"Note: {name} has two orientations that differ" for name in ("ct.nii", "labels.nii")]
    assert [line.partition(";")[0] for line in lines] == ([] if how == ["--quiet"] else expected)


def test_foreground(head, tmp_path):
    folder, phantom, _ = head
    out = tmp_path / "head.seg.nrrd"
    run_program("foreground", folder / "ct.nrrd", "--what", "head", "--out", out)
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(out))) > 0
    body = sitk.GetArrayFromImage(phantom.labels) > 0
    assert 2 * (mask & body).sum() / (mask.sum() + body.sum()) > 0.9


def test_grow_then_measure(head, tmp_path):
    folder, phantom, _ = head
    value, point = inside_of(phantom, "ventricle")
    first, second, table = tmp_path / "a.seg.nrrd", tmp_path / "b.seg.nrrd", tmp_path / "a.csv"
    truth = sitk.GetArrayFromImage(phantom.labels) == value
    run_program("grow", folder / "ct.nrrd", "--positive", ras(point), "--out", first)
    grown = sitk.GetArrayFromImage(sitk.ReadImage(str(first))) > 0
    where = phantom.labels.TransformPhysicalPointToIndex(point)
    assert grown[where[::-1]]
    # In this coarse CT the ventricles hardly differ from the brain: one point is not enough there.
    assert (grown & truth).sum() > 0.3 * grown.sum()
    # A box around the point holds it back.
    low, high = [p - 10 for p in point], [p + 10 for p in point]
    run("grow", folder / "ct.nrrd", "--positive", ras(point), "--box", f"{ras(low)},{ras(high)}", "--out", second)
    indices = np.argwhere(sitk.GetArrayFromImage(sitk.ReadImage(str(second))) > 0)
    for index in indices[:: max(1, len(indices) // 50)]:
        place = phantom.labels.TransformIndexToPhysicalPoint([int(i) for i in index[::-1]])
        assert np.abs(np.subtract(place, point)).max() <= 10 + 4.0  # and one voxel
    run("measure", folder / "ct.nrrd", first, "--out", table)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) >= 2
    text = ",".join(rows[0]).lower()
    assert "volume" in text
    assert "mm" in text or "ml" in text or "cm" in text
    column = next(index for index, title in enumerate(rows[0]) if "volume" in title.lower())
    volume = float(rows[1][column])
    exact = grown.sum() * 4.0**3
    assert min(abs(volume - exact / scale) / (exact / scale) for scale in (1.0, 1000.0)) < 0.1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.seg.nrrd", "b.seg.nrrd"]


def test_grow_from_two_points_in_mr(head, tmp_path):
    folder, _, moved = head
    value, point = inside_of(moved, "ventricle")
    other = moved.landmarks["right atrium of lateral ventricle"]  # the ventricles are two parts here
    out = tmp_path / "a.seg.nrrd"
    run("grow", folder / "mr.nrrd", "--positive", ras(point), "--positive", ras(other), "--out", out)
    assert_grown(out, moved.labels == value, recall=0.3, precision=0.5)


def test_grow_from_one_point_by_the_classic_method(head, tmp_path):
    folder, phantom, _ = head
    value, point = inside_of(phantom, "soft tissue")
    out = tmp_path / "a.seg.nrrd"
    run("grow", folder / "ct.nrrd", "--positive", ras(point), "--method", "classic", "--out", out)
    assert_grown(out, phantom.labels == value, recall=0.5, precision=0.6)


def assert_grown(path, truth, *, recall, precision):
    """Check how much of the truth has grown, and how much of what has grown is true: flooding fills all of the truth."""
    truth = sitk.GetArrayFromImage(truth) > 0
    grown = sitk.GetArrayFromImage(sitk.ReadImage(str(path))) > 0
    assert (grown & truth).sum() > recall * truth.sum()
    assert (grown & truth).sum() > precision * grown.sum()


def test_grow_tells_its_doubt_and_the_next_point(head, tmp_path):
    folder, _, moved = head
    _, point = inside_of(moved, "ventricle")
    out, doubt = tmp_path / "a.seg.nrrd", tmp_path / "doubt.nrrd"
    words = ("grow", folder / "mr.nrrd", "--positive", ras(point), "--out", out)
    plain = run(*words)
    assert plain["uncertainty"] is None
    assert not plain["adapted"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.seg.nrrd"]
    where = np.argwhere(sitk.GetArrayFromImage(sitk.ReadImage(str(out))) > 0)
    wrong = moved.labels.TransformIndexToPhysicalPoint([int(part) for part in where[0][::-1]])
    result = run(*words, "--negative", ras(wrong), "--adapt", "--uncertainty", doubt)
    assert result["uncertainty"] == str(doubt)
    assert result["adapted"], "a negative point lay in what had grown"
    image = sitk.ReadImage(str(doubt))
    assert image.GetSize() == moved.labels.GetSize()
    np.testing.assert_allclose(image.GetOrigin(), moved.labels.GetOrigin(), atol=1e-4)
    values = sitk.GetArrayFromImage(image)
    assert 0 <= values.min() < 0.05
    assert 0.5 < values.max() <= 1
    for told in (plain, result):
        if told["suggestion"] is not None:
            right, anterior, superior = told["suggestion"]["ras_mm"]
            index = moved.labels.TransformPhysicalPointToIndex((-right, -anterior, superior))
            assert all(0 <= part < size for part, size in zip(index, moved.labels.GetSize(), strict=True))


def test_grow_says_the_next_point_as_it_can_be_given():
    from MedDeepRegSegLib.cli.grow import COMMAND
    from MedDeepRegSegLib.segmentation.grow_job import Result, Suggestion

    told = Result(
        segmentation=Path("a.seg.nrrd"),
        segment="Liver",
        value=1,
        volume_ml=12.34,
        uncertainty=Path("doubt.nrrd"),
        suggestion=Suggestion((-1.5, 20.0, 3.25), inside=False),
        adapted=True,
        notes=("it goes on",),
    )
    text = "\n".join(COMMAND.summary(told))
    for words in ("Liver: 12.3 ml", "adapted", "it goes on", "--negative -1.5,20,3.25", "a.seg.nrrd", "doubt.nrrd"):
        assert words in text
    plain = COMMAND.summary(Result(Path("a.seg.nrrd"), "Liver", 1, 2.0))
    assert plain == ["Liver: 2.0 ml", "wrote a.seg.nrrd"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "classic", "--adapt"], "--adapt needs the growing network"),
        (["--method", "classic", "--uncertainty", "u.nrrd"], "--uncertainty needs the growing network"),
        (["--model", "nowhere"], "--model"),
        (["--uncertainty", "u.png"], "--uncertainty: u.png does not end with .nrrd"),
        (["--uncertainty", "ct.nrrd"], "is also an input"),
        (["--uncertainty", "u.seg.nrrd"], "u.seg.nrrd is not the name of an image file"),
    ],
)
def test_grow_refuses_what_cannot_be_told(head, tmp_path, capsys, words, message):
    folder = head[0]
    words = [str(folder / word) if word == "ct.nrrd" else word for word in words]
    before = (folder / "ct.nrrd").read_bytes()
    command = ["grow", str(folder / "ct.nrrd"), "--positive", "0,0,0", "--out", str(tmp_path / "a.seg.nrrd")]
    code = main([*command, *words, "--in-process"])
    assert code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert (folder / "ct.nrrd").read_bytes() == before


def test_samples_are_listed(capsys):
    assert main(["samples", "--list"]) == 0
    assert "ct-head-atlas" in capsys.readouterr().out
    assert main(["samples", "spine-ct", "--list", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["result"]["samples"]
    assert entry["name"] == "spine-ct"
    assert entry["license"]


def test_samples_are_provided_from_the_cache(tmp_path, monkeypatch, capsys):
    import dataclasses
    import hashlib

    from MedDeepRegSegLib.volumes import samples

    content = b"an image"
    (tmp_path / "samples").mkdir()
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path))
    path = samples.sample_file("spine-ct")
    path.write_bytes(content)
    known = dataclasses.replace(
        samples.SAMPLES["spine-ct"], sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content)
    )
    monkeypatch.setitem(samples.SAMPLES, "spine-ct", known)
    assert main(["samples", "spine-ct"]) == 0
    assert capsys.readouterr().out.split() == ["spine-ct", str(path)]
