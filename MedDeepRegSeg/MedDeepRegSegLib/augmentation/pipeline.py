"""Augments prepared cases, as training calls it for each patch, on one core of the CPU.

What is drawn is apart from what is applied: :meth:`Augmenter.draw` needs only sizes, :meth:`Augmenter.apply` only what was drawn, and
gives bit for bit the same again on one machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from MedDeepRegSegLib.augmentation.channel_scale import channel_scales
from MedDeepRegSegLib.augmentation.crop import Size, window_at
from MedDeepRegSegLib.augmentation.draws import Draws, Seed
from MedDeepRegSegLib.augmentation.geometry import SampleGeometry
from MedDeepRegSegLib.augmentation.label_sides import UNKNOWN_SIDES, LabelSides, label_sides
from MedDeepRegSegLib.augmentation.preset import AugmentationPreset, load_preset
from MedDeepRegSegLib.augmentation.resampling import sampled
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings, Draw, SampleDraws
from MedDeepRegSegLib.errors import InputError

if TYPE_CHECKING:
    from MedDeepRegSegLib.segmentation.segments import Segment

__all__ = ["Augmented", "Augmenter", "load_preset"]

_INTENSITY = (
    "tone_curve", "gamma", "contrast", "brightness", "bias_field", "blur", "low_resolution", "thick_slices", "ghosting",
    "gaussian_noise", "rician_noise", "salt_and_pepper",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Augmented:
    """One sample.

    Attributes
    ----------
    values : numpy.ndarray, shape (channels, z, y, x), float32
    labels : numpy.ndarray, shape (z, y, x), optional
        Of the type they were given.
    applied : tuple of draws
        What happened, in order; the first is the window that the sample shows.
    geometry : SampleGeometry
        Where each place of the sample lies in the volume, and back.
    draws : SampleDraws
        The same as ``applied``, by name: for :meth:`Augmenter.apply`, and to be stored.
    """

    values: np.ndarray
    labels: np.ndarray | None
    applied: tuple[Draw, ...]
    geometry: SampleGeometry
    draws: SampleDraws


class Augmenter:
    """Makes random samples of prepared cases.

    Parameters
    ----------
    preset : AugmentationPreset or AugmentationSettings
    spacing_mm : tuple of float
        Size of a voxel along x, y, z: arrays run toward left, back and top (LPS).
    label_outside : int
        Label of what lies beyond the volume; best the value that training ignores, since the border of the image goes on there.
    segments : sequence of Segment, optional
        Names of the labels. Without them samples with labels are never mirrored, because left and right labels would be wrong.

    Notes
    -----
    Can be used by several threads at once.
    """

    def __init__(
        self,
        preset: AugmentationPreset | AugmentationSettings,
        *,
        spacing_mm: tuple[float, float, float],
        label_outside: int = 0,
        segments: "Sequence[Segment] | None" = None,
    ) -> None:
        if len(spacing_mm) != 3 or not all(np.isfinite(side) and side > 0 for side in spacing_mm):
            msg = f"spacing is {spacing_mm} mm, expected three positive numbers: correct it"
            raise InputError(msg)
        self._settings = preset.settings if isinstance(preset, AugmentationPreset) else preset
        x, y, z = (float(side) for side in spacing_mm)
        self._voxel_mm = (x, y, z)
        self._outside = label_outside
        self._sides = UNKNOWN_SIDES if segments is None else label_sides(segments)

    def __call__(
        self,
        values: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        seed: Seed,
        patch: Size | None = None,
        center: tuple[float, float, float] | None = None,
    ) -> Augmented:
        """Return one random sample of a case.

        Parameters
        ----------
        values : numpy.ndarray, shape (channels, z, y, x), float32
            In any units. Only the part that is needed is read.
        labels : numpy.ndarray, shape (z, y, x), whole numbers, optional
        seed : int or tuple of int
            The same seed gives the same sample.
        patch : tuple of int, optional
            Size of the sample along z, y, x; that of the volume (less what is cropped) without. May be larger than the volume.
        center : tuple of float, optional
            Index z, y, x in the volume of the middle of the patch, rounded so that voxels lie on voxels; random without.

        Raises
        ------
        InputError
            If shapes do not fit, or ``center`` is given without ``patch``.
        """
        self._check(values, labels)
        size = (values.shape[1], values.shape[2], values.shape[3])
        draws = self.draw(
            size, channels=values.shape[0], seed=seed, patch=patch, center=center, labeled=labels is not None
        )
        return self.apply(values, labels, draws)

    def draw(
        self,
        size: Size,
        *,
        channels: int,
        seed: Seed,
        patch: Size | None = None,
        center: tuple[float, float, float] | None = None,
        labeled: bool = True,
    ) -> SampleDraws:
        """Return what shall happen to a volume of this size (z, y, x); see :meth:`__call__`."""
        if center is not None and patch is None:
            msg = "a center is given without the size of the patch: give both or neither"
            raise InputError(msg)
        if patch is not None and (len(patch) != 3 or min(patch) < 1):
            msg = f"patch is {patch}, expected three sizes of at least 1 voxel: correct it"
            raise InputError(msg)
        how = self._settings
        source = {part.name: Draws(seed, number) for number, part in enumerate(fields(AugmentationSettings))}
        window = how.crop.draw(source["crop"], size, patch)
        if center is not None and patch is not None:
            window = window_at(center, patch)
        extent = [side * voxel for side, voxel in zip(window.size[::-1], self._voxel_mm, strict=True)]
        sides = self._sides if labeled else LabelSides()
        return SampleDraws(
            crop=window,
            affine=how.affine.draw(source["affine"]),
            elastic=how.elastic.draw(source["elastic"], extent),
            flip=how.flip.draw(source["flip"], sides),
            tone_curve=how.tone_curve.draw(source["tone_curve"], channels),
            gamma=how.gamma.draw(source["gamma"], channels, extent),
            contrast=how.contrast.draw(source["contrast"], channels),
            brightness=how.brightness.draw(source["brightness"], channels),
            bias_field=how.bias_field.draw(source["bias_field"], extent),
            blur=how.blur.draw(source["blur"]),
            low_resolution=how.low_resolution.draw(source["low_resolution"]),
            thick_slices=how.thick_slices.draw(source["thick_slices"]),
            ghosting=how.ghosting.draw(source["ghosting"]),
            gaussian_noise=how.gaussian_noise.draw(source["gaussian_noise"], channels),
            rician_noise=how.rician_noise.draw(source["rician_noise"], channels),
            salt_and_pepper=how.salt_and_pepper.draw(source["salt_and_pepper"]),
        )

    def apply(self, values: np.ndarray, labels: np.ndarray | None, draws: SampleDraws) -> Augmented:
        """Return the sample that was drawn; see :meth:`__call__`."""
        import torch

        self._check(values, labels)
        geometry = SampleGeometry(
            voxel_mm=self._voxel_mm, window=draws.crop, affine=draws.affine, elastic=draws.elastic, flip=draws.flip
        )
        parts = [getattr(draws, name) for name in _INTENSITY]
        happening = [part for part in parts if part is not None]
        with torch.inference_mode():
            shown, labels_shown = sampled(values, labels, geometry, self._outside)
            if happening:
                scales = channel_scales(shown)
                for part in happening:
                    shown = part.apply(shown, scales, self._voxel_mm)
            result = shown.contiguous().numpy()
        first: list[Draw] = [part for part in (draws.crop, draws.affine, draws.elastic, draws.flip) if part is not None]
        return Augmented(result, labels_shown, (*first, *happening), geometry, draws)

    def _check(self, values: np.ndarray, labels: np.ndarray | None) -> None:
        if values.ndim != 4 or 0 in values.shape:
            msg = f"values have the shape {values.shape}, expected (channels, z, y, x) with voxels"
            raise InputError(msg)
        if labels is None:
            return
        if labels.shape != values.shape[1:] or labels.dtype.kind not in "iu":
            msg = (
                f"labels are {labels.dtype} {labels.shape}, expected whole numbers {values.shape[1:]} as the values have: "
                "resample them to the image"
            )
            raise InputError(msg)
        limits = np.iinfo(labels.dtype)
        if not limits.min <= self._outside <= limits.max:
            msg = f"label {self._outside} of the outside does not fit into {labels.dtype}: use a wider type"
            raise InputError(msg)
