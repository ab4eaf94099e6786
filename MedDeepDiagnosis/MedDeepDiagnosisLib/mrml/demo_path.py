"""The demo's path on MRML nodes: register, mask, grow, measure, draw, save.

The same tasks as in the panels and in the module logics run here one after the other, on the scene of slicer-core.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.mrml.markups import markups_from_points
from MedDeepRegSegLib.mrml.rendering import render_slice, render_three_d, rendering_available
from MedDeepRegSegLib.mrml.scene import clear_scene, headless_scene, save_scene
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segmentation_from_image
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.tasks import ForegroundTask, GrowTask, MeasureTask, RegisterTask, run_task
from MedDeepRegSegLib.mrml.transforms import transform_from_node
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.registration.quality import Quality
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.segmentation.overlay import slice_picture, surface_picture
from MedDeepRegSegLib.segmentation.overlay_plane import Axis
from MedDeepRegSegLib.segmentation.segments import Segment

CT_WINDOW_LEVEL = (80.0, 40.0)
"""Brain window of a head CT, HU."""
AXES: tuple[Axis, ...] = ("axial", "coronal", "sagittal")


@dataclass(frozen=True)
class Registered:
    """One registration: its nodes, the transform (fixed to moving points, LPS mm), and the registered image."""

    transform_node: object
    volume_node: object
    transform: sitk.Transform
    image: sitk.Image
    quality: Quality


class DemoPath:
    """The demo's scene, which starts empty."""

    def __init__(self) -> None:
        headless_scene()
        clear_scene()

    def add_volume(self, image: sitk.Image, name: str, *, brain_window: bool = False):
        """Add a volume node; ``brain_window`` sets the usual display of a head CT."""
        return volume_from_image(image, name, window_level=CT_WINDOW_LEVEL if brain_window else None)

    def register(self, fixed, moving, seed: int, *, progress: Progress, cancel: CancelToken | None) -> Registered:
        """Register the moving volume node to the fixed one, deformably."""
        task = RegisterTask(fixed, moving, RegistrationSettings(kind="deformable", seed=seed))
        nodes = run_task(task, progress=progress, cancel=cancel)
        return Registered(
            transform_node=nodes["transform"],
            volume_node=nodes["registered"],
            transform=transform_from_node(nodes["transform"]),
            image=image_from_volume(nodes["registered"]),
            quality=nodes["quality"],
        )

    def segment_and_measure(
        self, volume, clicks: np.ndarray, name: str, *, progress: Progress, cancel: CancelToken | None
    ):
        """Make the foreground mask, grow a structure from points (N, 3), LPS mm, and measure the structure.

        Returns the segmentation node, the table node, and the measurements as (columns, rows).
        """
        run_task(ForegroundTask(volume, what="head"), progress=part_of(progress, 0, 0.3), cancel=cancel)
        points = markups_from_points(
            clicks, [f"{name} {n + 1}" for n in range(len(clicks))], f"{name} clicks", beside=volume
        )
        task = GrowTask(volume, points, segment_name=name)
        segmentation = run_task(task, progress=part_of(progress, 0.3, 0.8), cancel=cancel)["segmentation"]
        table = run_task(MeasureTask(segmentation, volume), progress=part_of(progress, 0.8, 1.0), cancel=cancel)[
            "table"
        ]
        return segmentation, table, rows_from_table(table)

    def add_lesion(self, labels: sitk.Image, segment: Segment, image: sitk.Image | None):
        """Add the assessed lesion as a segmentation node, over its image where there is one."""
        reference = None if image is None else self.add_volume(image, f"{segment.name} CT")
        return segmentation_from_image(labels, (segment,), segment.name, reference_volume=reference)

    def labels(self, segmentation) -> tuple[sitk.Image, tuple[Segment, ...]]:
        """Return the label map and the segments of a segmentation node, LPS mm."""
        return image_from_segmentation(segmentation)

    def draw(self, volume, segmentation, foreground=None, segment_name: str | None = None) -> dict[str, np.ndarray]:
        """Draw a volume with a segmentation: ``axial``, ``coronal``, ``sagittal`` and ``three_d`` pictures.

        On a machine without OpenGL the pictures are made without it.
        """
        labels, segments = image_from_segmentation(segmentation)
        chosen = [segment for segment in segments if segment_name in (None, segment.name)]
        available, _reason = rendering_available()
        if not available:
            image = image_from_volume(volume)
            pictures = {axis: slice_picture(image, axis, labels=labels, segments=chosen) for axis in AXES}
            return pictures | {"three_d": surface_picture(labels, chosen, views=[(30.0, 15.0)], size=512)}
        identifiers = [segment.identifier for segment in chosen]
        options = {"segmentations": segmentation, "segment_ids": identifiers, "foreground": foreground}
        pictures = {
            axis: render_slice(volume, orientation=axis.capitalize(), smooth_outlines=True, **options) for axis in AXES
        }
        return pictures | {"three_d": render_three_d(segmentation, segment_ids=identifiers, size=(512, 454))}

    def draw_surface(self, segmentation) -> np.ndarray:
        """Draw the segments in 3D."""
        available, _reason = rendering_available()
        if available:
            return render_three_d(segmentation, views=("anterior", "left", "superior"), size=360)
        return surface_picture(*image_from_segmentation(segmentation))

    def save(self, path: Path) -> None:
        """Save the whole scene as one file that Slicer opens."""
        save_scene(path)
