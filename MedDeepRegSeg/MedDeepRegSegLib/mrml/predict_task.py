"""Task that segments volume nodes with a model of one's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segment_tasks import collect_segments
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, segmentation_from_image
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action, write_volume


class PredictTask:
    """Segments volumes with a model and adds what it finds to a segmentation.

    Parameters
    ----------
    volume_nodes:
        A scalar volume node, or one for each channel of the model, in its order.
    model:
        Folder of a model.
    segmentation_node:
        Segmentation that gets the classes; a new one without. Segments of the same name are replaced.
    uncertainty:
        Make a volume of the uncertainty, 0 to 1, too.
    mirrored:
        Average with the mirrored image.
    device:
        ``auto``, ``cpu`` or ``cuda``.

    Notes
    -----
    :meth:`collect` returns ``segmentation``, ``segment_ids``, and ``uncertainty`` where it was asked for.
    """

    def __init__(
        self,
        volume_nodes,
        *,
        model: str | Path,
        segmentation_node=None,
        uncertainty: bool = False,
        mirrored: bool = False,
        device: str = "auto",
    ) -> None:
        self._volumes = list(volume_nodes) if isinstance(volume_nodes, Sequence) else [volume_nodes]
        self._model = Path(model)
        self._segmentation = segmentation_node
        self._uncertainty = uncertainty
        self._mirrored = mirrored
        self._device = device

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.prediction.predict_job import Request

        if not self._volumes:
            msg = "no volume was given: pick one for each channel of the model"
            raise InputError(msg)
        if self._segmentation is not None:
            check_segmentation_node(self._segmentation)
        files = []
        for number, node in enumerate(self._volumes):
            files.append(folder / f"image{number}.nrrd")
            write_volume(node, files[-1], "volume")
        return "predict", Request(
            model=self._model,
            images=tuple(files),
            out=folder / "found.seg.nrrd",
            uncertainty=folder / "uncertainty.nrrd" if self._uncertainty else None,
            mirrored=self._mirrored,
            device=self._device,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        import SimpleITK as sitk

        from MedDeepRegSegLib.mrml.volumes import volume_from_image

        for node in self._volumes:
            node_in_scene(node, "the volume")
        first = self._volumes[0]
        unsure = None if result.uncertainty is None else sitk.ReadImage(str(result.uncertainty))
        with one_action():
            outputs = self._segments(result)
            if unsure is not None:
                outputs["uncertainty"] = volume_from_image(
                    unsure, f"{first.GetName()} uncertainty", beside=first, window_level=(1.0, 0.5)
                )
        return outputs

    def _segments(self, result: Any) -> dict[str, Any]:
        """Put the segments into the chosen segmentation, or into a new one."""
        from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

        first = self._volumes[0]
        if self._segmentation is not None:
            return collect_segments(first, self._segmentation, result.segmentation)
        labels, segments = read_segmentation(Path(result.segmentation))
        node = segmentation_from_image(labels, segments, f"{first.GetName()} segmentation", reference_volume=first)
        made = node.GetSegmentation()
        count = made.GetNumberOfSegments()
        return {"segmentation": node, "segment_ids": tuple(made.GetNthSegmentID(index) for index in range(count))}
