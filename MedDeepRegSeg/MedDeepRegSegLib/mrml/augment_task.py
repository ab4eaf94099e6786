"""Task that shows what augmentation makes of a volume node, and puts samples into files or the scene."""

from pathlib import Path
from typing import Any

import SimpleITK as sitk

from MedDeepRegSegLib.mrml.color_volumes import check_color_output, color_volume_from_image
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segmentation_from_image
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action, write_volume
from MedDeepRegSegLib.mrml.volumes import volume_from_image


class AugmentTask:
    """Makes random samples of a volume and its segmentation.

    Parameters
    ----------
    volume_node:
        Scalar volume node, CT or MR.
    segmentation_node:
        Its segmentation; segments must not overlap.
    preset:
        Name of a preset of augmentation, or a file with one.
    count:
        How many samples.
    seed:
        The same seed makes the same samples.
    out:
        Folder to keep the files in; without it they are not kept.
    samples:
        Also put the samples into the scene.
    preview_node:
        Vector volume node to draw the preview into; a new one without.

    Notes
    -----
    :meth:`collect` returns ``preview`` (vector volume node of one slice, to be shown in an axial view: the original first, then
    the samples with their segments outlined), ``volumes`` and ``segmentations`` (tuples of nodes, empty unless ``samples``),
    ``happened`` (for each sample, what happened to it), ``notes`` (what a reader should know) and ``folder`` (of the files, or
    None).
    """

    def __init__(
        self,
        volume_node,
        segmentation_node=None,
        *,
        preset: str | Path = "default",
        count: int = 8,
        seed: int = 0,
        out: Path | str | None = None,
        samples: bool = False,
        preview_node=None,
    ) -> None:
        self._volume = volume_node
        self._segmentation = segmentation_node
        self._preset = str(preset)
        self._count = count
        self._seed = seed
        self._out = None if out is None else Path(out)
        self._samples = samples
        self._preview = preview_node

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.augmentation.augment_job import Request
        from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation

        if self._preview is not None:
            check_color_output(self._preview)
        image = write_volume(self._volume, folder / "image.nrrd", "volume")
        segmentation = None
        if self._segmentation is not None:
            segmentation = folder / "segmentation.seg.nrrd"
            labels, segments = image_from_segmentation(self._segmentation, reference=image, crop=True)
            write_segmentation(labels, segments, segmentation)
        return "augment", Request(
            image=folder / "image.nrrd",
            segmentation=segmentation,
            out=folder / "samples" if self._out is None else self._out,
            preset=self._preset,
            count=self._count,
            seed=self._seed,
            files=self._samples or self._out is not None,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

        node_in_scene(self._volume, "the volume")
        node_in_scene(self._preview, "the preview")
        # Everything is read before anything is made.
        sheet = sitk.JoinSeries(sitk.ReadImage(str(result.preview)))
        images = [sitk.ReadImage(str(path)) for path in result.images] if self._samples else []
        labels = [read_segmentation(path) for path in result.segmentations] if self._samples else []
        name = self._volume.GetName()
        volumes, segmentations = [], []
        with one_action():
            preview = color_volume_from_image(sheet, f"{name} augmentation", node=self._preview, beside=self._volume)
            for number, image in enumerate(images, 1):
                volumes.append(volume_from_image(image, f"{name} sample {number}", beside=self._volume))
            for number, (volume, (map_, segments)) in enumerate(zip(volumes, labels, strict=False), 1):
                title = f"{name} sample {number} segmentation"
                segmentations.append(segmentation_from_image(map_, segments, title, reference_volume=volume))
        return {
            "preview": preview,
            "volumes": tuple(volumes),
            "segmentations": tuple(segmentations),
            "happened": tuple(result.happened),
            "notes": tuple(result.notes),
            "folder": self._out,
        }
