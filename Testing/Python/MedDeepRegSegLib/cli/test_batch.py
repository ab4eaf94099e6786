"""``meddeep batch`` from end to end, with the engine that needs no time."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.volumes.phantoms import head_phantom


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Folder with one coarse image, points in it, labels, and a table of four cases of which one is bad."""
    folder = tmp_path_factory.mktemp("cases")
    phantom = head_phantom(3, spacing_mm=8.0, size=(24, 30, 28))
    sitk.WriteImage(phantom.ct, str(folder / "ct.nrrd"))
    sitk.WriteImage(phantom.labels, str(folder / "labels.nrrd"))
    for name, shift in (("f", 0.0), ("m", 5.0)):
        points = [
            {
                "label": str(number),
                "position": [30.0 * (number == 1) + shift, 30.0 * (number == 2), 30.0 * (number == 3)],
            }
            for number in range(5)
        ]
        points[4]["position"][0] += 20.0
        markups = {"markups": [{"coordinateSystem": "LPS", "controlPoints": points}]}
        (folder / f"{name}.mrk.json").write_text(json.dumps(markups))
    (folder / "cases.csv").write_text(
        "name,fixed,moving,kind,engine,fixed_points,moving_points,fixed_labels,moving_labels,preset\n"
        "one,ct.nrrd,ct.nrrd,rigid,landmarks,f.mrk.json,m.mrk.json,labels.nrrd,labels.nrrd,\n"
        "two,ct.nrrd,ct.nrrd,,landmarks,f.mrk.json,m.mrk.json,,,rigid-same-patient\n"
        "bad,ct.nrrd,nothing.nrrd,rigid,landmarks,f.mrk.json,m.mrk.json,,,\n"
        "worse,ct.nrrd,ct.nrrd,bent,landmarks,f.mrk.json,m.mrk.json,,,\n"
    )
    return folder


def test_cases_are_registered_and_summed_up(cases, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    words = ["batch", str(cases / "cases.csv"), "--command", "register", "--out", "out", "--workers", "2"]
    assert main(words) == 2
    told = capfd.readouterr().err.splitlines()[-1]
    assert "2 of 4 cases failed, first bad (moving: " in told
    with Path("out/summary.csv").open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert [rows[name]["status"] for name in ("one", "two", "bad", "worse")] == ["done", "done", "failed", "failed"]
    assert "'bent', expected one of rigid" in rows["worse"]["error"]
    for name in ("one", "two"):
        quality = json.loads(Path(f"out/{name}/quality.json").read_text())
        assert rows[name]["light"] == quality["light"]
        assert rows[name]["reasons"] == "; ".join(quality["reasons"])
        assert float(rows[name]["landmark_error_mm"]) < 0.01
        moved = sitk.ReadTransform(f"out/{name}/transform.h5").TransformPoint((0.0, 0.0, 0.0))
        assert moved == pytest.approx((5.0, 0.0, 0.0), abs=1e-4)
    assert 0 < float(rows["one"]["label_dice"]) < 1
    assert rows["two"]["label_dice"] == ""
    # Again without the bad ones: nothing is left to do.
    lines = (cases / "cases.csv").read_text().splitlines()[:3]
    (cases / "good.csv").write_text("\n".join(lines))
    words[1] = str(cases / "good.csv")
    assert main([*words, "--json"]) == 0
    result = json.loads(capfd.readouterr().out)["result"]
    assert [case["status"] for case in result["cases"]] == ["skipped", "skipped"]
    assert main(words) == 0
    assert capfd.readouterr().out.splitlines()[0] == f"one  skipped  {rows['one']['light']}"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing.csv", "--command", "register"], "nothing.csv does not exist"),
        (["cases.csv", "--command", "train"], "'train' cannot be run over a table"),
        (["cases.csv", "--command", "register", "--workers", "0"], "'0' is not a number of workers"),
        (["f.mrk.json", "--command", "register"], "has a column"),
    ],
)
def test_what_cannot_be_run_is_refused(cases, tmp_path, capfd, words, says):
    words = [str(cases / words[0]), *words[1:]]
    assert main(["batch", *words, "--out", str(tmp_path / "out")]) == 2
    assert says in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_ends_everything(cases, tmp_path):
    phantom = head_phantom(3, spacing_mm=4.0, size=(48, 60, 56))
    sitk.WriteImage(phantom.ct, str(tmp_path / "ct.nrrd"))
    (tmp_path / "cases.csv").write_text("name,fixed,moving,engine\none,ct.nrrd,ct.nrrd,classic\n")
    out = tmp_path / "out"
    code = "import sys; from MedDeepRegSegLib.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "batch", str(tmp_path / "cases.csv"), "--command", "register", "--out", out]
    library = str(Path(__file__).parents[4] / "MedDeepRegSeg")
    process = subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, "PYTHONPATH": library},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not (out / "summary.csv").is_file() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "0 of 1 cases are done" in told
    assert not (out / "one").exists()
    members = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True, check=False)
    assert members.stdout == ""


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """Folder with two images of a bright ball, 8 and 10 mm in radius, and their label maps."""
    folder = tmp_path_factory.mktemp("blobs")
    z, y, x = np.mgrid[0:24, 0:30, 0:32]
    for name, radius in (("small", 8), ("large", 10)):
        inside = (x - 15) ** 2 + (y - 14) ** 2 + (z - 12) ** 2 <= radius**2
        voxels = np.where(inside, 200, 0) + np.random.default_rng(radius).normal(0, 5, inside.shape)
        for array, file in ((voxels.astype(np.int16), name), (inside.astype(np.uint8), f"{name}-labels")):
            sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"{file}.nrrd"))
    return folder


def run_table(folder, command, text, *words):
    """Run a table of this text over the files in a folder, and return the exit code and the rows of the summary."""
    (folder / "cases.csv").write_text(text)
    code = main(["batch", str(folder / "cases.csv"), "--command", command, "--out", str(folder / command), *words])
    with (folder / command / "summary.csv").open(newline="") as file:
        return code, {row["name"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_structures_are_grown_and_measured(blobs, capfd):
    """Two at a time, with one that cannot; then the row of that one is corrected, and only it runs."""
    text = (
        "name,image,positive,negative,method,segment\n"
        "small,small.nrrd,-15 -14 12,,classic,Ball\n"
        '"large","large.nrrd","-15,-14,12; -13,-14,12",-1 -1 1,classic,\n'
        "outside,small.nrrd,-500 0 0,,classic,\n"
        "typo,small.nrrd,-15 -14,,classic,\n"
    )
    code, rows = run_table(blobs, "grow", text, "--workers", "2")
    assert code == 2
    assert [rows[name]["status"] for name in ("small", "large", "outside", "typo")] == ["done", "done"] + ["failed"] * 2
    assert "-500" in rows["outside"]["error"]
    assert rows["typo"]["error"].startswith("positive: '-15 -14' is no point, expected R A S in mm")
    assert (rows["small"]["segment"], rows["large"]["segment"]) == ("Ball", "Structure")
    assert float(rows["small"]["volume_ml"]) == pytest.approx(4 / 3 * 3.1416 * 8**3 / 1000, rel=0.25)
    assert float(rows["large"]["volume_ml"]) == pytest.approx(4 / 3 * 3.1416 * 10**3 / 1000, rel=0.25)
    done = {name: (blobs / "grow" / name / "case.json").stat().st_mtime_ns for name in ("small", "large")}
    corrected = "\n".join(text.splitlines()[:-1]).replace("-500 0 0", "-15 -14 13")
    code, rows = run_table(blobs, "grow", corrected)
    assert code == 0
    assert {row["status"] for row in rows.values()} == {"done"}
    assert done == {name: (blobs / "grow" / name / "case.json").stat().st_mtime_ns for name in ("small", "large")}
    capfd.readouterr()
    table = (
        "name;segmentation;image;families\n"
        "a;grow/small/segmentation.seg.nrrd;small.nrrd;\n"
        "b;large-labels.nrrd;;size position\n"
    )
    code, rows = run_table(blobs, "measure", table, "--workers", "2")
    assert code == 0
    assert capfd.readouterr().out.splitlines() == [
        "a  done     Ball",
        f"b  done     {rows['b']['segments']}",
        f"wrote {blobs / 'measure' / 'summary.csv'} and {blobs / 'measure' / 'measurements.csv'}",
    ]
    with (blobs / "measure" / "measurements.csv").open(newline="") as file:
        joined = {row["name"]: row for row in csv.DictReader(file)}
    for name in "ab":
        assert float(joined[name]["Volume (mm3)"]) / 1000 == pytest.approx(float(rows[name]["volumes_ml"]), abs=0.006)
    only_a = [head for head in joined["a"] if joined["a"][head] and not joined["b"][head]]
    assert any("mean" in head.lower() for head in only_a)


@pytest.mark.slow
def test_a_model_segments_a_table(blobs):
    pytest.importorskip("torch")
    pytest.importorskip("monai")
    from tiny_segmenter import TINY, write_tiny_segmenter

    write_tiny_segmenter(blobs / "tiny", TINY["custom"])
    text = "name,model,image,image_2,image_3,uncertainty\na,tiny,small.nrrd,,,yes\nb,tiny,small.nrrd,,large.nrrd,\n"
    code, rows = run_table(blobs, "predict", text, "--workers", "2", "--device", "cpu")
    assert code == 2
    assert (rows["a"]["status"], rows["b"]["status"]) == ("done", "failed")
    assert rows["b"]["error"].startswith("image_2 is empty and a later channel is not")
    assert len(rows["a"]["volumes_ml"].split("; ")) == len(rows["a"]["segments"].split("; "))
    assert {path.name for path in (blobs / "predict" / "a").iterdir()} == {
        *("case.json", "segmentation.seg.nrrd", "uncertainty.nrrd"),
    }


def test_help_lists_the_columns_as_they_are_and_warns_of_schedulers(capsys):
    from MedDeepRegSegLib.jobs.batch_kinds import BATCHES, batch_kind

    with pytest.raises(SystemExit):
        main(["batch", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    for command in BATCHES:
        kind = batch_kind(command)
        columns = [column for column in kind.OPTIONAL if not column.startswith("image_")]
        assert f"{command} {', '.join(kind.REQUIRED)}; " in told
        assert all(column in told for column in columns)
    assert "only one that you trust: it can run programs on this computer" in told
    assert "plain tcp:// is not encrypted" in told


def test_a_gpu_is_refused_where_none_is_used(blobs, capfd):
    (blobs / "cases.csv").write_text("segmentation\nsmall-labels.nrrd\n")
    words = ["batch", str(blobs / "cases.csv"), "--command", "measure", "--out", str(blobs / "gpu"), "--device", "cuda"]
    assert main(words) == 2
    assert "device cuda: measure computes on the CPU only" in capfd.readouterr().err
    assert not (blobs / "gpu").exists()


def test_a_scheduler_without_dask_or_without_an_answer_is_one_line(blobs, monkeypatch, capfd):
    (blobs / "cases.csv").write_text("segmentation\nsmall-labels.nrrd\n")
    words = ["batch", str(blobs / "cases.csv"), "--command", "measure", "--out", str(blobs / "far")]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "distributed", None)
        assert main([*words, "--scheduler", "tcp://127.0.0.1:9"]) == 2
        (told,) = capfd.readouterr().err.splitlines()
        assert "pip install distributed" in told
    dask = pytest.importorskip("MedDeepRegSegLib.jobs.batch_dask")
    monkeypatch.setattr(dask, "CONNECT_S", 0.5)
    assert main([*words, "--scheduler", "tcp://127.0.0.1:9", "--quiet"]) == 2
    (told,) = capfd.readouterr().err.splitlines()
    assert told.startswith("meddeep batch: no Dask scheduler answers at tcp://127.0.0.1:9")
    assert told.endswith("start one with 'dask scheduler'")
