"""Task that divides a structure of a volume node into its named parts."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segment_tasks import collect_segments
from MedDeepRegSegLib.mrml.segmentations import (
    check_segmentation_node,
    image_from_segmentation,
    segment_id_by_name,
    segmentation_from_image,
)
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action, write_volume


class SubdivideTask:
    """Finds the named parts of a structure and adds them to a segmentation.

    Parameters
    ----------
    volume_node:
        Scalar volume node, CT or MR.
    model:
        ``"brain"``, or the folder of a model.
    segmentation_node:
        Segmentation that gets the parts; a new one without. Segments of the same name are replaced.
    segment_name:
        Segment of ``segmentation_node``: parts are found only inside it. Everywhere without.
    device:
        ``auto``, ``cpu`` or ``cuda``.

    Notes
    -----
    :meth:`collect` returns ``segmentation`` and ``segment_ids``.
    """

    def __init__(
        self,
        volume_node,
        *,
        model: str | Path = "brain",
        segmentation_node=None,
        segment_name: str | None = None,
        device: str = "auto",
    ) -> None:
        self._volume = volume_node
        self._model = str(model)
        self._segmentation = segmentation_node
        self._name = segment_name
        self._device = device

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.segmentation.subdivide_job import Request

        if self._name and self._segmentation is None:
            msg = f"segment {self._name!r} is named without a segmentation: pick the segmentation that holds it"
            raise InputError(msg)
        if self._segmentation is not None:
            check_segmentation_node(self._segmentation)
        image = write_volume(self._volume, folder / "image.nrrd", "volume")
        return "subdivide", Request(
            image=folder / "image.nrrd",
            out=folder / "parts.seg.nrrd",
            model=self._model,
            segmentation=self._write_structure(image, folder / "structure.seg.nrrd") if self._name else None,
            device=self._device,
        )

    def _write_structure(self, image, path: Path) -> Path:
        from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation

        identifier = segment_id_by_name(self._segmentation, self._name)
        if not identifier:
            msg = f"{self._segmentation.GetName()!r} has no segment {self._name!r}: pick one of its segments, or none"
            raise InputError(msg)
        labels, segments = image_from_segmentation(
            self._segmentation, segment_ids=[identifier], reference=image, crop=True
        )
        write_segmentation(labels, segments, path)
        return path

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

        if self._segmentation is not None:
            return collect_segments(self._volume, self._segmentation, result.segmentation)
        node_in_scene(self._volume, "the volume")
        labels, segments = read_segmentation(Path(result.segmentation))
        with one_action():
            name = f"{self._volume.GetName()} parts"
            node = segmentation_from_image(labels, segments, name, reference_volume=self._volume)
        segmentation = node.GetSegmentation()
        count = segmentation.GetNumberOfSegments()
        return {
            "segmentation": node,
            "segment_ids": tuple(segmentation.GetNthSegmentID(index) for index in range(count)),
        }
