import json

import pytest

from MedDeepRegSegLib.datasets.sources.choose import find_cases
from MedDeepRegSegLib.errors import InputError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def describe(folder, **content):
    (folder / "dataset.json").write_text(json.dumps(content))


def test_decathlon(tmp_path):
    touch(tmp_path, "imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTs/t.nii.gz")
    describe(
        tmp_path,
        modality={"0": "MRI"},
        labels={"0": "background", "1": "Anterior", "2": "Posterior"},
        training=[{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}],
        test=["./imagesTs/t.nii.gz"],
    )
    found = find_cases(tmp_path)
    assert found.layout.startswith("Medical Segmentation Decathlon")
    assert dict(found.names) == {1: "Anterior", 2: "Posterior"}
    assert [(case.name, case.labels is not None) for case in found.cases] == [("a", True), ("t", False)]
    assert found.cases[0].images == (tmp_path / "imagesTr" / "a.nii.gz",)
    assert found.cases[0].frames == ()


def test_decathlon_of_several_channels_takes_frames(tmp_path):
    describe(
        tmp_path,
        modality={"0": "T2", "1": "ADC"},
        labels={"1": "PZ"},
        training=[{"image": "imagesTr/a.nii.gz", "label": "labelsTr/a.nii.gz"}],
    )
    (case,) = find_cases(tmp_path).cases
    assert case.frames == (0, 1)
    assert case.images[0] == case.images[1]
    assert find_cases(tmp_path).channels == ("T2", "ADC")


def test_decathlon_may_not_lead_out_of_its_folder(tmp_path):
    describe(tmp_path, labels={}, training=[{"image": "../../etc/a.nii.gz", "label": "b.nii.gz"}])
    with pytest.raises(InputError, match="lies outside of the folder"):
        find_cases(tmp_path)


def test_nnunet(tmp_path):
    touch(tmp_path, *(f"imagesTr/c{n}_000{k}.nii.gz" for n in (1, 2) for k in (0, 1)))
    touch(tmp_path, "labelsTr/c1.nii.gz", "labelsTr/c2.nii.gz", "labelsTs/t.nii.gz")
    touch(tmp_path, *(f"imagesTs/{name}_000{k}.nii.gz" for name in "tu" for k in (0, 1)))
    describe(
        tmp_path,
        channel_names={"0": "T1", "1": "T2"},
        labels={"background": 0, "liver": 1, "ignore": 2},
        file_ending="",
    )
    found = find_cases(tmp_path)
    assert found.channels == ("T1", "T2")
    assert dict(found.names) == {1: "liver"}
    assert found.ignored_value == 2
    assert {case.name: case.role for case in found.cases} == {
        "c1": "unused",
        "c2": "unused",
        "t": "test",
        "u": "unused",
    }
    (tmp_path / "imagesTr" / "c2_0001.nii.gz").unlink()
    with pytest.raises(InputError, match=r"case 'c2' .* has the channels \[0\], expected 0 to 1"):
        find_cases(tmp_path)


def test_nnunet_regions_are_refused(tmp_path):
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    describe(tmp_path, channel_names={"0": "CT"}, labels={"background": 0, "whole": [1, 2]})
    with pytest.raises(InputError, match="'whole' is a region of several labels"):
        find_cases(tmp_path)


def test_bids(tmp_path):
    for subject in ("sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1"):
        name = subject.replace("/", "_")
        touch(tmp_path, f"{subject}/anat/{name}_T1w.nii.gz", f"{subject}/func/{name}_task-rest_bold.nii.gz")
        touch(tmp_path, f"derivatives/manual/{subject}/anat/{name}_space-T1w_dseg.nii.gz")
    touch(tmp_path, "sub-02/ses-1/anat/sub-02_ses-1_FLAIR.nii.gz")
    (tmp_path / "derivatives/manual/x_dseg.tsv").write_text("index\tname\n0\tBackground\n3\tlesion\n")
    found = find_cases(tmp_path)
    assert found.channels == ("T1w",)
    assert dict(found.names) == {3: "lesion"}
    assert [(case.name, case.patient) for case in found.cases] == [
        ("sub-01_ses-1", "sub-01"),
        ("sub-01_ses-2", "sub-01"),
        ("sub-02_ses-1", "sub-02"),
    ]
    assert all(case.labels is not None for case in found.cases)
    touch(tmp_path, "derivatives/manual/sub-02/ses-1/anat/sub-02_ses-1_desc-other_dseg.nii.gz")
    with pytest.raises(InputError, match="sub-02_ses-1 has several files of labels"):
        find_cases(tmp_path)


@pytest.mark.parametrize("label", ["a_seg.nii.gz", "a-label.nrrd", "a.seg.nrrd", "a_mask.nii.gz", "a segmentation.mha"])
def test_pairs_beside_each_other(tmp_path, label):
    touch(tmp_path, "a.nii.gz", label, "b.nii.gz", "notes.txt")
    found = find_cases(tmp_path)
    assert [(case.name, case.labels and case.labels.name) for case in found.cases] == [("a", label), ("b", None)]


def test_pairs_in_two_folders_and_labels_without_image(tmp_path):
    touch(tmp_path, "images/a.nii.gz", "labels/a.seg.nrrd", "labels/z.nii.gz")
    found = find_cases(tmp_path)
    assert [case.name for case in found.cases] == ["a"]
    assert "1 file of labels has no image" in found.notes[0]
    touch(tmp_path, "labels/a_seg.nii.gz")
    with pytest.raises(InputError, match="are both labels of 'a'"):
        find_cases(tmp_path)


def test_patterns(tmp_path):
    touch(tmp_path, "ilist1.nii.gz", "ilist2.nii.gz", "slist1.nii.gz", "slist9.nii.gz")
    found = find_cases(
        tmp_path, image_pattern=r"ilist(?P<case>.*)\.nii\.gz", label_pattern=r"slist(?P<case>.*)\.nii\.gz"
    )
    assert [(case.name, case.labels is not None) for case in found.cases] == [("1", True), ("2", False)]
    assert found.notes
    touch(tmp_path, "p7/x_T1.nii.gz", "p7/x_T2.nii.gz")
    pattern = r"(?P<patient>p\d)/(?P<case>.)_(?P<channel>T\d)\.nii\.gz"
    found = find_cases(tmp_path, image_pattern=pattern)
    assert found.channels == ("T1", "T2")
    assert [(case.name, case.patient) for case in found.cases] == [("x", "p7")]
    with pytest.raises(InputError, match="does not say which part is the case"):
        find_cases(tmp_path, image_pattern=".*")
    with pytest.raises(InputError, match="is no regular expression"):
        find_cases(tmp_path, image_pattern="(?P<case>")
    with pytest.raises(InputError, match="no image below"):
        find_cases(tmp_path, image_pattern="(?P<case>q+)")
    with pytest.raises(InputError, match="without --image-pattern"):
        find_cases(tmp_path, label_pattern="(?P<case>q+)")


def test_no_layout_and_two_layouts_are_told(tmp_path):
    with pytest.raises(InputError, match="is laid out in no known way"):
        find_cases(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        find_cases(tmp_path / "gone")
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "a.nii.gz", "a_seg.nii.gz")
    with pytest.raises(InputError, match=r"can be read in 2 ways \(bids, pairs\)"):
        find_cases(tmp_path)
    assert [case.name for case in find_cases(tmp_path, layout="pairs").cases] == ["a"]
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        find_cases(tmp_path)
