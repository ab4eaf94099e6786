"""A scene with a lesion, and the toy cases as a table node."""

import dicom_files
import numpy as np
import pytest
import SimpleITK as sitk


@pytest.fixture
def scene():
    """The scene of slicer-core, empty before and after."""
    slicer = pytest.importorskip("slicer")
    from MedDeepRegSegLib.mrml.scene import clear_scene, headless_scene

    headless_scene()
    clear_scene()
    yield slicer.mrmlScene
    clear_scene()


@pytest.fixture
def nodule(scene):
    """Volume node, segmentation node and identifier of a ball of 12 mm diameter."""
    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import volume_from_image
    from MedDeepRegSegLib.segmentation.segments import Segment

    zyx = np.indices((40, 40, 40)) - 19.5
    ball = (zyx**2).sum(axis=0) <= 6.0**2
    volume = volume_from_image(sitk.GetImageFromArray(np.where(ball, 40, -850).astype(np.int16)), "CT")
    mask = sitk.GetImageFromArray(ball.astype(np.uint8))
    node = segmentation_from_image(mask, [Segment(1, "Nodule", (1.0, 0.5, 0.2))], "Lesions", reference_volume=volume)
    return volume, node, node.GetSegmentation().GetNthSegmentID(0)


@pytest.fixture
def case_node(scene, toy_rows):
    """The toy cases as a table node."""
    from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows

    return table_from_rows([TableColumn(name) for name in toy_rows[0]], toy_rows, "Toy cases")


@pytest.fixture
def loaded_series(scene, tmp_path):
    """A CT series that was loaded into the scene, and a lesion on it."""
    pytest.importorskip("pydicom", reason="pydicom writes the series")
    folder = dicom_files.write_series(tmp_path / "series")
    volume, node = dicom_files.load_series(scene, folder)
    return folder, volume, node, node.GetSegmentation().GetNthSegmentID(0)


class Database:
    """Stands in for Slicer's DICOM database: knows the file of each slice of the folders it was made from."""

    isOpen = True

    def __init__(self, *folders):
        import pydicom

        self.files = {}
        for folder in folders:
            for path in folder.glob("*.dcm"):
                self.files[str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)] = str(path)

    def fileForInstance(self, uid):
        return self.files.get(uid, "")


@pytest.fixture
def database_volume(loaded_series, monkeypatch):
    """The series as Slicer's DICOM module loads it: no storage node, but the UIDs of its slices; and the database."""
    import slicer

    folder, volume, segmentation, segment = loaded_series
    database = Database(folder)
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    volume.SetAndObserveStorageNodeID(None)
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(database.files))
    return volume, segmentation, segment, database
