"""``meddeep batch`` from end to end, with the engine that needs no time."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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
