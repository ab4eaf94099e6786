"""Segmentation files of the engine, as Slicer's own nodes read and write them."""

import numpy as np
import pytest
import SimpleITK as sitk
from example_segmentation import example_segmentation, labels_of

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
from MedDeepRegSegLib.segmentation.segments import TISSUE, Segment
from MedDeepRegSegLib.volumes.geometry import same_geometry


@pytest.fixture
def example():
    return example_segmentation()


class TestWithSlicer:
    """The real storage node of Slicer reads what we write, and we read what it writes."""

    @pytest.fixture
    def slicer(self):
        slicer = pytest.importorskip("slicer", reason="needs the slicer-core package")
        from MedDeepRegSegLib.mrml.scene import headless_scene

        headless_scene()  # registers the representations, without which segments cannot be copied
        return slicer

    def load(self, slicer, path):
        self.scene = slicer.vtkMRMLScene()
        node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        storage = self.scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
        storage.SetFileName(str(path))
        assert storage.ReadData(node)
        assert storage.GetUserMessages().GetNumberOfMessages() == 0, storage.GetUserMessages().GetAllMessagesAsString()
        return node

    def save(self, node, path):
        storage = self.scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
        storage.SetFileName(str(path))
        assert storage.WriteData(node)

    def test_slicer_opens_names_colors_meanings_and_voxels(self, slicer, example, tmp_path):
        import vtk
        from vtk.util.numpy_support import vtk_to_numpy

        labels, segments = example
        write_segmentation(labels, segments, tmp_path / "a.seg.nrrd")
        node = self.load(slicer, tmp_path / "a.seg.nrrd")
        segmentation = node.GetSegmentation()
        assert list(segmentation.GetSegmentIDs()) == ["a", "Segment_1", "e"]
        assert segmentation.GetSourceRepresentationName() == "Binary labelmap"
        for identifier, segment in zip(segmentation.GetSegmentIDs(), segments, strict=True):
            seen = segmentation.GetSegment(identifier)
            assert seen.GetName() == segment.name
            assert seen.GetColor() == pytest.approx(segment.color, abs=1e-6)
            assert seen.GetLabelValue() == segment.value
        tag = vtk.reference("")
        assert segmentation.GetSegment("a").GetTag("TerminologyEntry", tag)
        assert str(tag) == segments[0].terminology
        # Voxels: the labelmap of the segment has an extent of its own within the common grid.
        found = slicer.vtkOrientedImageData()
        node.GetBinaryLabelmapRepresentation("a", found)
        extent = found.GetExtent()
        size = [extent[1] - extent[0] + 1, extent[3] - extent[2] + 1, extent[5] - extent[4] + 1]
        voxels = vtk_to_numpy(found.GetPointData().GetScalars()).reshape(size[::-1])
        expected = np.argwhere(sitk.GetArrayFromImage(labels) == 3)[:, ::-1]
        offset = np.array(extent[::2])
        np.testing.assert_array_equal(np.argwhere(voxels != 0)[:, ::-1] + offset, expected)
        matrix = vtk.vtkMatrix4x4()
        found.GetImageToWorldMatrix(matrix)
        ras = np.array(matrix.MultiplyPoint([3.0, 2.0, 1.0, 1.0])[:3])
        lps = np.array(labels.TransformIndexToPhysicalPoint((3, 2, 1)))
        np.testing.assert_allclose(ras * [-1, -1, 1], lps, atol=1e-6)

    def test_slicer_knows_the_grid_of_the_image(self, slicer, example, tmp_path):
        """Segments cover a part of the image; what Slicer saves again covers all of it."""
        labels, segments = example
        write_segmentation(labels, segments, tmp_path / "a.seg.nrrd")
        node = self.load(slicer, tmp_path / "a.seg.nrrd")
        self.save(node, tmp_path / "b.seg.nrrd")
        again, described = read_segmentation(tmp_path / "b.seg.nrrd")
        assert same_geometry(again, labels, tolerance_mm=1e-4)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(labels))
        # Slicer gives its own default meaning, a tissue, to segments without one.
        assert [(s.name, s.terminology) for s in described] == [(s.name, s.terminology or TISSUE) for s in segments]

    def layered(self, slicer, tmp_path, *, overlap):
        """A segmentation that Slicer wrote in two layers."""
        array = np.zeros((6, 7, 8), np.uint8)
        array[1:3] = 1
        write_segmentation(labels_of(array), [Segment(1, "one", (1.0, 0.0, 0.0))], tmp_path / "a.seg.nrrd")
        node = self.load(slicer, tmp_path / "a.seg.nrrd")
        second = np.zeros_like(array)
        second[2 if overlap else 3 :] = 1
        write_segmentation(labels_of(second), [Segment(1, "two", (0.0, 1.0, 0.0))], tmp_path / "b.seg.nrrd")
        scene = self.scene
        other = self.load(slicer, tmp_path / "b.seg.nrrd")
        node.GetSegmentation().CopySegmentFromSegmentation(other.GetSegmentation(), "Segment_1")
        self.scene = scene
        self.save(node, tmp_path / "c.seg.nrrd")
        return array, second

    def test_layers_without_overlap_are_merged(self, slicer, tmp_path):
        first, second = self.layered(slicer, tmp_path, overlap=False)
        labels, described = read_segmentation(tmp_path / "c.seg.nrrd")
        by_name = {segment.name: segment.value for segment in described}
        voxels = sitk.GetArrayFromImage(labels)
        np.testing.assert_array_equal(voxels == by_name["one"], first == 1)
        np.testing.assert_array_equal(voxels == by_name["two"], second == 1)

    def test_overlapping_segments_are_refused_by_name(self, slicer, tmp_path):
        self.layered(slicer, tmp_path, overlap=True)
        with pytest.raises(InputError, match="overlapping segments \\('one', 'two'\\)"):
            read_segmentation(tmp_path / "c.seg.nrrd")

    def test_segmentation_without_segments(self, slicer, example, tmp_path):
        empty = sitk.Image(example[0]) * 0
        write_segmentation(empty, [], tmp_path / "a.seg.nrrd")
        assert self.load(slicer, tmp_path / "a.seg.nrrd").GetSegmentation().GetNumberOfSegments() == 0
        labels, described = read_segmentation(tmp_path / "a.seg.nrrd")
        assert described == ()
        assert labels.GetSize() == empty.GetSize()
