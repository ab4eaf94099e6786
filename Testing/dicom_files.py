"""DICOM files that tests make up, most of them written with pydicom."""

import locale
import shutil
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
ORIGIN = np.array([-50.0, 20.0, 5.0])


def dataset(sop_class, *, modality="CT"):
    """Return the beginning of an image of a made-up patient."""
    pydicom = pytest.importorskip("pydicom", reason="pydicom writes the files")
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    one = pydicom.Dataset()
    one.file_meta = pydicom.dataset.FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = sop_class
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = generate_uid()
    one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = "Doe^Jane", "P-17", "19500102", "F"
    one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = "1.2.3.4", "1.2.3.5", "1.2.3.6"
    one.StudyID, one.AccessionNumber, one.StudyDate, one.StudyTime = "S1", "A1", "20260101", "101500"
    one.ReferringPhysicianName, one.Modality, one.Manufacturer = "", modality, "Made up"
    one.SeriesNumber, one.PositionReferenceIndicator, one.ImageType = 3, "", ["ORIGINAL", "PRIMARY", "AXIAL"]
    return one


def pixels(one, values):
    """Give an image its pixels: whole numbers (rows, columns) or (frames, rows, columns)."""
    values = np.asarray(values, np.int16)
    one.Rows, one.Columns = values.shape[-2:]
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
    if values.ndim == 3:
        one.NumberOfFrames = len(values)
    one.PixelData = values.tobytes()


def places(heights, *, orientation=AXIAL, tilt_degrees=0.0):
    """Return the position of a slice at each height (mm along the normal), moved along columns by a tilt."""
    axes = np.reshape(orientation, (2, 3))
    normal, lean = np.cross(*axes), np.tan(np.radians(tilt_degrees))
    return [ORIGIN + height * (normal + lean * axes[1]) for height in heights]


def on_plane(field, position, orientation, shape, spacing):
    """Return a field of points (LPS mm) at the pixels of a slice; spacing is of columns and rows."""
    axes = np.reshape(orientation, (2, 3))
    j, i = np.indices(shape)
    return field(position + i[..., None] * spacing[0] * axes[0] + j[..., None] * spacing[1] * axes[1])


def write_slices(
    folder,
    heights,
    *,
    field,
    orientation=AXIAL,
    tilt_degrees=0.0,
    shape=(12, 10),
    numbers_from=1,
    numbers=None,
    change=None,
):
    """Write a CT slice at each height; names run against the order in space. ``change(dataset, k)`` may spoil one."""
    from pydicom.uid import CTImageStorage

    folder.mkdir(parents=True, exist_ok=True)
    numbers = list(range(numbers_from, numbers_from + len(heights))) if numbers is None else list(numbers)
    for k, position in enumerate(places(heights, orientation=orientation, tilt_degrees=tilt_degrees)):
        one = dataset(CTImageStorage)
        one.InstanceNumber = numbers[k]
        one.ImageOrientationPatient = [float(f"{part:.9g}") for part in orientation]
        one.ImagePositionPatient = [float(f"{part:.9g}") for part in position]
        one.PixelSpacing, one.SliceThickness = [0.75, 0.5], 2.0
        one.RescaleIntercept, one.RescaleSlope = -1024, 1
        pixels(one, np.rint(on_plane(field, position, orientation, shape, (0.5, 0.75))) + 1024)
        if change is not None:
            change(one, k)
        one.save_as(folder / f"IM{len(heights) - 1 - k:03d}.dcm", enforce_file_format=True)
    return folder


def write_frames(
    path, heights, *, field, orientation=AXIAL, tilt_degrees=0.0, shape=(12, 10), slopes=None, change=None
):
    """Write an enhanced CT with a frame at each height, in this order; slopes may differ from frame to frame."""
    pydicom = pytest.importorskip("pydicom", reason="pydicom writes the files")
    from pydicom.uid import EnhancedCTImageStorage

    one = dataset(EnhancedCTImageStorage)
    one.InstanceNumber = 1

    def item(**values):
        made = pydicom.Dataset()
        for key, value in values.items():
            setattr(made, key, value)
        return made

    positions = places(heights, orientation=orientation, tilt_degrees=tilt_degrees)
    one.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=[0.75, 0.5], SliceThickness=2.0)],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[float(f"{part:.9g}") for part in orientation])],
        )
    ]
    slopes = [1.0] * len(heights) if slopes is None else slopes
    one.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[float(f"{part:.9g}") for part in position])],
            PixelValueTransformationSequence=[item(RescaleSlope=slope, RescaleIntercept=-1024, RescaleType="HU")],
        )
        for position, slope in zip(positions, slopes, strict=True)
    ]
    values = [on_plane(field, position, orientation, shape, (0.5, 0.75)) for position in positions]
    pixels(one, [np.rint((value + 1024) / slope) for value, slope in zip(values, slopes, strict=True)])
    if change is not None:
        change(one)
    one.save_as(path, enforce_file_format=True)
    return path


def write_seg(path, drawn, *, heights, kind="BINARY", names=None, orientation=AXIAL, spacing_told=True, change=None):
    """Write a DICOM SEG by hand: ``drawn`` maps segment numbers to masks (slices, rows, columns) on slices at ``heights``.

    Slices without a voxel are left out. ``kind`` LABELMAP writes all segments into one frame for each slice.
    """
    pydicom = pytest.importorskip("pydicom", reason="pydicom writes the files")
    from pydicom.uid import SegmentationStorage

    one = dataset(SegmentationStorage, modality="SEG")
    one.SegmentationType, one.InstanceNumber = kind, 1

    def item(**values):
        made = pydicom.Dataset()
        for key, value in values.items():
            setattr(made, key, value)
        return made

    def code(scheme, value, meaning):
        return [item(CodingSchemeDesignator=scheme, CodeValue=value, CodeMeaning=meaning)]

    one.SegmentSequence = [
        item(
            SegmentNumber=number,
            SegmentLabel=(names or {}).get(number, f"Part {number}"),
            SegmentAlgorithmType="MANUAL",
            SegmentedPropertyCategoryCodeSequence=code("SCT", "123037004", "Anatomical Structure"),
            SegmentedPropertyTypeCodeSequence=code("SCT", "10200004", "Liver"),
            RecommendedDisplayCIELabValue=[49107, 39048, 53188],  # orange
        )
        for number in drawn
    ]
    measures = item(PixelSpacing=[0.75, 0.5], SliceThickness=2.0)
    if spacing_told:
        measures.SpacingBetweenSlices = 2.0
    turned = item(ImageOrientationPatient=[float(f"{part:.9g}") for part in orientation])
    one.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[turned])]
    positions = places(heights, orientation=orientation)
    groups, frames = [], []
    layers = {0: sum(number * mask for number, mask in drawn.items())} if kind == "LABELMAP" else drawn
    for number, mask in layers.items():
        for k in reversed(range(len(positions))):  # the order in the file is not that in space
            if not mask[k].any():
                continue
            place = item(ImagePositionPatient=[float(f"{part:.9g}") for part in positions[k]])
            group = item(PlanePositionSequence=[place])
            if kind != "LABELMAP":
                group.SegmentIdentificationSequence = [item(ReferencedSegmentNumber=number)]
            groups.append(group)
            frames.append(mask[k])
    one.PerFrameFunctionalGroupsSequence = groups
    stored = np.array(frames).astype(np.uint8)
    one.NumberOfFrames, (one.Rows, one.Columns) = len(frames), stored.shape[1:]
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 0
    bits = 1 if kind == "BINARY" else 8
    one.BitsAllocated, one.BitsStored, one.HighBit = bits, bits, bits - 1
    if kind == "FRACTIONAL":
        one.MaximumFractionalValue, one.SegmentationFractionalType = 200, "PROBABILITY"
    data = np.packbits(stored.ravel() > 0, bitorder="little").tobytes() if bits == 1 else stored.tobytes()
    one.PixelData = data + b"\0" * (len(data) % 2)
    if change is not None:
        change(one)
    one.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder,
    *,
    slices=8,
    rows=20,
    columns=24,
    spacing=(0.8, 0.7, 2.0),
    orientation=AXIAL,
    heights=None,
    shift=(0.0, 0.0),
    change=None,
):
    """Write a CT series whose file names run against the order of its slices; spacing is of columns, rows, slices.

    ``shift`` moves each slice sideways in mm along its axes; ``change(dataset, k)`` may spoil a slice.
    """
    pytest.importorskip("pydicom", reason="pydicom writes the series")
    from pydicom.uid import CTImageStorage, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = (generate_uid() for _ in range(3))
    axes = np.array(orientation).reshape(2, 3)
    normal = np.cross(*axes)
    for k in range(slices):
        height = k * spacing[2] if heights is None else heights[k]
        position = np.array([-10.0, 20.0, -30.0]) + height * normal + k * (np.array(shift) @ axes)
        one = dataset(CTImageStorage)
        one.SpecificCharacterSet, one.PatientName, one.PatientSex = "ISO_IR 100", "Müller^Jürgen", "M"
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.InstanceNumber = k + 1
        one.ImageOrientationPatient = [float(f"{part:.8g}") for part in orientation]
        one.ImagePositionPatient = [float(f"{part:.8g}") for part in position]
        one.PixelSpacing, one.SliceThickness = [spacing[1], spacing[0]], spacing[2]
        one.RescaleIntercept, one.RescaleSlope = 0, 1
        pixels(one, np.full((rows, columns), k))
        if change is not None:
            change(one, k)
        one.save_as(folder / f"IM{slices - k:03d}.dcm", enforce_file_format=True)
    return folder


def lesion_on(grid):
    """Return a label map on a grid: a lesion of no symmetry with label 5, and something else with label 2."""
    labels = np.zeros(grid.GetSize()[::-1], np.uint8)
    labels[2:6, 6:14, 8:16] = 5
    labels[2, 6:9, 8:10] = 0
    labels[5, 10:14] = 0
    labels[4, 12, 16] = 5
    labels[0:2, 1:4, 1:4] = 2
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(grid)
    return image


def load_series(scene, folder):
    """Load a series of :func:`write_series` into a scene; returns its volume node and a segmentation node of a nodule."""
    import slicer

    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import image_from_volume
    from MedDeepRegSegLib.segmentation.segments import named_segment

    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(sorted(folder.iterdir())[0]))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    assert storage.ReadData(volume)
    labels = lesion_on(image_from_volume(volume))
    nodule = [named_segment(1, "Nodule")]
    return volume, segmentation_from_image(labels == 5, nodule, "Lesions", reference_volume=volume)


def dicom_faults(path):
    """Return what dciodvfy, David Clunie's checker of DICOM files, calls errors."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    done = subprocess.run(
        ["dciodvfy", "-new", str(path)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 or "Error" in said, said
    return [line for line in said.splitlines() if line.startswith(("Error", "Abort"))]


def write_by_gdcm(writer, image):
    """Write an image with a writer of SimpleITK, whose GDCM leaves the process with the locale C."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        writer.Execute(image)
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
