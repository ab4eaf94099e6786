"""The command and its job: files, the picture, the record, what is refused, and nothing where it is canceled."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.augmentation.augment_job import Request, run
from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment


@pytest.fixture
def files(tmp_path):
    """Return paths of an image and a segmentation of two kidneys."""
    random = np.random.default_rng(0)
    labels = np.zeros((14, 18, 20), np.uint8)
    labels[3:9, 4:12, 2:8], labels[3:9, 4:12, 12:18] = 2, 1
    image = sitk.GetImageFromArray((random.normal(0, 20, labels.shape) + 300.0 * labels).astype(np.int16))
    labels = sitk.GetImageFromArray(labels)
    for part in (image, labels):
        part.SetSpacing((1.0, 1.0, 2.0))
    paths = tmp_path / "ct.nrrd", tmp_path / "kidneys.seg.nrrd"
    sitk.WriteImage(image, str(paths[0]))
    write_segmentation(labels, [named_segment(1, "Left kidney"), named_segment(2, "Right kidney")], paths[1])
    return paths


def augment(*words):
    return main(["augment", *map(str, words), "--in-process", "--quiet"])


def arrays(folder):
    return {path.name: sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in sorted(folder.glob("image_*"))}


def test_the_command_writes_samples_a_picture_and_a_record(files, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["augment", *map(str, files), "--preset", "strong", "--count", "3", "--out", str(out), "--json",
                 "--in-process"]) == 0  # fmt: skip
    names = [f"image_00{n}" for n in (1, 2, 3)]
    expected = {f"{name}{end}" for name in names for end in (".nii.gz", ".seg.nrrd")}
    assert {path.name for path in out.iterdir()} == expected | {"preview.png", "applied.json"}
    result = json.loads(capsys.readouterr().out)["result"]
    assert len(result["happened"]) == 3
    for name in names:
        image = sitk.ReadImage(str(out / f"{name}.nii.gz"))
        labels, segments = read_segmentation(out / f"{name}.seg.nrrd")
        assert image.GetPixelID() == sitk.sitkInt16
        assert labels.GetSize() == image.GetSize()
        assert np.allclose(labels.GetOrigin(), image.GetOrigin(), atol=1e-4)
        assert [segment.name for segment in segments] == ["Left kidney", "Right kidney"]
    assert min(sitk.ReadImage(str(out / "preview.png")).GetSize()) > 200


def test_a_seed_and_a_record_make_the_same_again(files, tmp_path):
    words = ("--preset", "strong", "--count", "2")
    for name, more in (("a", ()), ("b", ()), ("c", ("--seed", "1"))):
        assert augment(*files, *words, *more, "--out", tmp_path / name) == 0
    assert augment(*files, "--record", tmp_path / "a" / "applied.json", "--out", tmp_path / "d") == 0
    first = arrays(tmp_path / "a")
    for name in ("b", "d"):
        again = arrays(tmp_path / name)
        assert again.keys() == first.keys()
        assert all(np.array_equal(again[key], first[key]) for key in first)
    assert any(a.shape != b.shape or not np.array_equal(a, b) for a, b in zip(first.values(), arrays(tmp_path / "c").values(), strict=True))  # fmt: skip


def test_a_picture_alone_and_an_image_alone(files, tmp_path):
    assert augment(files[0], "--count", "1", "--preview-only", "--out", tmp_path / "out") == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"preview.png", "applied.json"}


def test_why_nothing_is_mirrored_is_told(files, tmp_path):
    labels, segments = read_segmentation(files[1])
    write_segmentation(sitk.Clamp(labels, upperBound=1), segments[:1], files[1])
    result = run(Request(image=files[0], segmentation=files[1], out=tmp_path / "out", count=1))
    assert result.notes == ("Not mirrored left to right: 'Left kidney' has no partner of the other side.",)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--preset", "none"), "expected one of CT"),
        (("--count", "0"), "is not a count"),
        (("--record", "ct.nrrd"), "is not JSON"),
        (("--record", "x", "--preset", "CT"), "not allowed with"),
        (("--out", "."), "holds an input"),
    ],
)
def test_bad_words_write_nothing(files, tmp_path, monkeypatch, capsys, words, says):  # noqa: PLR0917 - fixtures
    monkeypatch.chdir(tmp_path)
    out = () if "--out" in words else ("--out", "out")
    assert augment(*files, *words, *out) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "applied.json").exists()


def test_samples_of_two_runs_never_mix(files, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("of the user")  # other files may be there
    assert augment(*files, "--count", "2", "--out", out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for words in (("--count", "1"), ("--preview-only",), ("--record", _moved_record(out, tmp_path))):
        assert augment(*files, *words, "--out", out) == 2
        told = capsys.readouterr().err
        assert "holds samples already (applied.json and 5 other files), expected a new or empty one" in told
        assert "choose another folder" in told
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def _moved_record(folder, target):
    """Return a copy of the record of a folder, elsewhere."""
    return shutil.copy(folder / "applied.json", target / "record.json")


def test_a_sample_of_a_record_replaces_nothing(files, tmp_path, capsys):
    assert augment(*files, "--count", "1", "--out", tmp_path / "a") == 0
    data = json.loads((tmp_path / "a" / "applied.json").read_text())
    (tmp_path / "record.json").write_text(json.dumps({**data, "samples": {"mine": data["samples"]["image_001"]}}))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.nii.gz").write_text("of the user")
    assert augment(*files, "--record", tmp_path / "record.json", "--out", tmp_path / "out") == 2
    assert "(mine.nii.gz), expected" in capsys.readouterr().err
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["of the user"]


def test_the_preset_is_told_as_it_is_typed(files, tmp_path, capsys):
    words = ["augment", *map(str, files), "--count", "1", "--preview-only", "--in-process"]
    assert main([*words, "--preset", "DEFAULT", "--out", str(tmp_path / "out")]) == 0
    assert "made 1 sample (preset default)\n" in capsys.readouterr().out


def test_a_record_of_another_grid_is_refused(files, tmp_path, capsys):
    assert augment(*files, "--count", "1", "--out", tmp_path / "a") == 0
    small = sitk.ReadImage(str(files[0]))[:-2]
    sitk.WriteImage(small, str(tmp_path / "small.nrrd"))
    record = tmp_path / "a" / "applied.json"
    assert augment(tmp_path / "small.nrrd", "--record", record, "--out", tmp_path / "b") == 2
    assert "20x18x14 voxels and the image has 18x18x14" in capsys.readouterr().err
    data = json.loads(record.read_text())
    data["samples"] = {"../../x": data["samples"]["image_001"]}
    record.write_text(json.dumps(data))
    assert augment(*files, "--record", record, "--out", tmp_path / "b") == 2
    assert "expected letters and digits" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_canceled_work_leaves_nothing(files, tmp_path):
    cancel = CancelToken()

    def progress(_fraction, message):
        if message.startswith("Sample 2"):
            cancel.cancel()

    with pytest.raises(Canceled):
        run(
            Request(image=files[0], segmentation=files[1], out=tmp_path / "out", count=4),
            progress=progress,
            cancel=cancel,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct.nrrd", "kidneys.seg.nrrd"]
