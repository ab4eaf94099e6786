"""Packed label maps of heads: made from NIfTI files, checked when read, drawn with bone and classes."""

import pickle

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.real_maps import RealMaps, convert, main


def head(shift=0):
    """Return a block of skin and skull around two halves of a brain, (40, 44, 48)."""
    labels = np.zeros((40, 44, 48), np.int16)
    labels[10:32, 10:34, 10:40] = 511
    labels[12:30, 12:32, 12:38] = 515
    labels[14:28, 14:30, 14 + shift : 25] = 41
    labels[14:28, 14:30, 25:36] = 2
    return labels


def write(folder, name, labels, spacing=(1.0, 1.0, 1.0)):
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(folder / name))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "maps"
    made.mkdir()
    for number in range(3):
        write(made, f"training_seg_0{number}.nii.gz", head(number))
    write(made, "brain_label_map.nii.gz", head())  # not one of them
    return made


@pytest.fixture
def packed(folder, tmp_path):
    convert(folder, tmp_path / "maps.npz")
    return tmp_path / "maps.npz"


def test_maps_are_cropped_to_the_head(packed):
    with np.load(packed, allow_pickle=False) as data:
        assert sorted(data.files) == ["map0", "map1", "map2", "values"]
        assert data["values"].tolist() == [0, 2, 41, 511, 515]
        for number in range(3):
            labels = data["values"][data[f"map{number}"]]
            assert np.array_equal(labels, head(number)[2:40, 2:42, 2:48])


def test_maps_of_other_names_are_packed_when_they_are_named(folder, tmp_path):
    assert convert(folder, tmp_path / "own.npz", "brain_*.nii.gz") == 1
    with pytest.raises(InputError, match="has no femur"):
        convert(folder, tmp_path / "own.npz", "femur*.nii.gz")


def test_maps_are_turned_to_lps(tmp_path):
    image = sitk.GetImageFromArray(head())
    sitk.WriteImage(sitk.DICOMOrient(image, "RAS"), str(tmp_path / "training_seg_01.nii.gz"))
    convert(tmp_path, tmp_path / "maps.npz")
    with np.load(tmp_path / "maps.npz") as data:
        assert np.array_equal(data["values"][data["map0"]], head()[2:40, 2:42, 2:48])


def test_the_command_packs(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["real_maps", str(folder), "--out", str(tmp_path / "out.npz")])
    main()
    assert "packed 3 label maps" in capsys.readouterr().out
    assert (tmp_path / "out.npz").is_file()


def test_the_command_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["real_maps", str(tmp_path), "--out", str(tmp_path / "out.npz")])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "has no training_seg" in capsys.readouterr().err


def test_labels_without_a_class_and_the_frame_of_the_brain(tmp_path):
    labels = head()
    labels[0, 0, 0] = 501  # what differs from map to map has no class
    write(tmp_path, "training_seg_01.nii.gz", labels)
    convert(tmp_path, tmp_path / "maps.npz")
    maps = RealMaps(tmp_path / "maps.npz")
    drawn = maps.draw(Randomness(0))
    assert 501 not in maps.class_values
    assert drawn.classes.tolist() == [0, 1, 2, -1, 3, 4]
    # Nothing is cut off before the first voxel now: the brain is at 14 to 27, 14 to 29, 14 to 35.
    assert drawn.frame.tolist() == [[20.5, 21.5, 24.5], [6.5, 7.5, 10.5]]


def bad_folder(kind, folder):
    if kind == "spacing":
        write(folder, "training_seg_01.nii.gz", head(), (1.0, 1.0, 2.0))
    elif kind == "empty":
        write(folder, "training_seg_01.nii.gz", 0 * head())
    elif kind == "flat":
        write(folder, "training_seg_01.nii.gz", head()[0], (1.0, 1.0))
    elif kind == "colored":
        image = sitk.GetImageFromArray(np.stack([head()] * 3, axis=-1), isVector=True)
        sitk.WriteImage(image, str(folder / "training_seg_01.nii.gz"))
    elif kind == "text":
        (folder / "training_seg_01.nii.gz").write_text("no image")
    elif kind == "many":
        write(folder, "training_seg_01.nii.gz", np.arange(40**3, dtype=np.int16).reshape(40, 40, 40) % 300)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("none", "has no training_seg"),
        ("spacing", "expected 1 mm"),
        ("empty", "no label above 0"),
        ("flat", "three dimensions"),
        ("colored", "one component"),
        ("text", "cannot be read"),
        ("many", "hold 300 labels"),
    ],
)
def test_what_cannot_be_packed_is_refused(tmp_path, kind, message):
    bad_folder(kind, tmp_path)
    with pytest.raises(InputError, match=message):
        convert(tmp_path, tmp_path / "maps.npz")
    assert not (tmp_path / "maps.npz").exists()


def test_drawn_maps_know_bone_sides_and_classes(packed):
    maps = RealMaps(packed)
    assert maps.class_values == (0, 2, 41, 511, 515)
    bones = set()
    for seed in range(30):
        drawn = maps.draw(Randomness(seed))
        assert drawn.labels.dtype == torch.int16
        assert drawn.labels.max() < drawn.count == 5
        assert drawn.alike == {2: 1}  # the right side looks like the left one
        assert drawn.classes.tolist() == [0, 1, 2, 3, 4]
        assert drawn.frame[1].tolist() in ([6.5, 7.5, 10.5], [6.5, 7.5, 10.0], [6.5, 7.5, 9.5])
        bones.add(drawn.bone)
    assert bones == {(), (4,)}


def test_at_times_the_brain_alone_is_drawn(packed):
    maps = RealMaps(packed)
    drawn = [maps.draw(Randomness(seed)).labels for seed in range(60)]
    alone = [set(labels.unique().tolist()) == {0, 1, 2} for labels in drawn]
    assert 8 < sum(alone) < 30
    assert {labels.eq(2).sum().item() for labels in drawn} == {head(n).reshape(-1).tolist().count(41) for n in range(3)}


def test_drawing_is_repeatable_and_leaves_the_maps_alone(packed):
    maps = RealMaps(packed)
    first = [maps.draw(Randomness(seed)).labels for seed in range(20)]
    again = [maps.draw(Randomness(seed)).labels for seed in range(20)]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


MAP = np.zeros((16, 16, 16), np.uint8)
MALFORMED = {
    "no values": {"map0": MAP},
    "no maps": {"values": np.array([0, 2])},
    "values from 1": {"values": np.array([1, 2]), "map0": MAP},
    "too many values": {"values": np.arange(200), "map0": MAP},
    "no value": {"values": np.zeros(0, int), "map0": MAP},
    "fractions": {"values": np.array([0.0, 1.5]), "map0": MAP},
    "values in rows": {"values": np.array([[0, 2]]), "map0": MAP},
    "flat map": {"values": np.array([0, 2]), "map0": MAP[0]},
    "wide map": {"values": np.array([0, 2]), "map0": MAP.astype(np.int64)},
    "empty map": {"values": np.array([0, 2]), "map0": MAP[:0]},
    "label without value": {"values": np.array([0, 2]), "map0": MAP + 2},
    "no brain": {"values": np.array([0, 511]), "map0": MAP + 1},
    "pickled map": {"values": np.array([0, 2]), "map0": np.array([{"not": "numbers"}], dtype=object)},
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=list(MALFORMED))
def test_malformed_files_are_refused(tmp_path, content):
    np.savez_compressed(tmp_path / "maps.npz", **content)
    with pytest.raises(InputError, match=r"real_maps|leave it out"):
        RealMaps(tmp_path / "maps.npz")


class Trap:
    """Whoever unpickles this raises."""

    def __reduce__(self):
        return _sprung, ()


def _sprung():
    raise AssertionError("something was unpickled")


def other_file(kind, file):
    if kind == "text":
        file.write_text("no archive")
    elif kind == "empty":
        file.write_bytes(b"")
    elif kind == "array":
        with file.open("wb") as handle:
            np.save(handle, MAP)
    elif kind == "pickle":
        file.write_bytes(pickle.dumps(Trap()))
    elif kind == "pickled values":
        np.savez(file, values=np.array([Trap()], dtype=object), map0=MAP)
    elif kind == "cut":
        np.savez_compressed(
            file, values=np.array([0, 2]), map0=np.random.default_rng(0).integers(0, 2, MAP.shape, np.uint8)
        )
        file.write_bytes(file.read_bytes()[:200])


@pytest.mark.parametrize("kind", ["absent", "text", "empty", "array", "pickle", "pickled values", "cut"])
def test_other_files_are_refused_and_nothing_is_unpickled(tmp_path, kind):
    other_file(kind, tmp_path / "maps.npz")
    with pytest.raises(InputError, match="real_maps"):
        RealMaps(tmp_path / "maps.npz")


def test_maps_of_the_shared_data(shared_data, tmp_path):
    whole = sitk.ReadImage(str(shared_data / "09_brain_label_maps" / "training_seg_01.nii.gz"))
    middle = [side // 2 - 32 for side in whole.GetSize()]
    sitk.WriteImage(whole[tuple(slice(at, at + 64) for at in middle)], str(tmp_path / "training_seg_01.nii.gz"))
    assert convert(tmp_path, tmp_path / "maps.npz") == 1
    maps = RealMaps(tmp_path / "maps.npz")
    assert set(maps.class_values) >= {2, 41, 10, 49}
    assert maps.draw(Randomness(1)).labels.unique().numel() > 10
