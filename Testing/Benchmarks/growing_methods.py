"""The methods of the growing benchmark. Each is made for one image, with or without a box, and then clicked.

What a method cannot know without the truth is decided in favor of the peers: ConfidenceConnected gets the multiplier that
the truth likes best at every click, and the background seeds on the border of the image spare the object (and
:data:`_SPARED` voxels around it) where it reaches the border.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from MedDeepRegSegLib.segmentation.simulated_user import Box, Method, SessionMethod, Voxel, dice, points_of

_SPARED = 2
_WALKER_VOXELS = 50_000  # random walker solves a linear system of this size at most
_BETAS = (130.0, 1000.0)
_MULTIPLIERS = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
_BALL = ndimage.generate_binary_structure(3, 1)


class Network(SessionMethod):
    """The growing session of this project."""

    def __init__(self, image: sitk.Image, box: Box | None, truth: np.ndarray, *, model: Path | None = None) -> None:
        from MedDeepRegSegLib.segmentation.growing_session import GrowingSession

        super().__init__(GrowingSession(image, model=model, device="cpu"), image)
        self.session.start(box=None if box is None else box_points(image, box))


class Classic:
    """The region growing of this project that needs no model. It starts again with every click."""

    def __init__(self, image: sitk.Image, box: Box | None, truth: np.ndarray) -> None:
        self.image = image
        self.box = None if box is None else box_points(image, box)
        self.mask = np.zeros(truth.shape, bool)
        self.refused: list[str] = []

    def click(self, positive: list[Voxel], negative: list[Voxel]) -> np.ndarray:
        """Grow; where it refuses, what was there stays."""
        from MedDeepRegSegLib.errors import InputError
        from MedDeepRegSegLib.segmentation.growing import GrowingSettings, grow

        chosen = {"method": "classic"} if "method" in GrowingSettings.__dataclass_fields__ else {}
        try:
            mask = grow(
                self.image,
                points_of(self.image, positive),
                points_of(self.image, negative),
                box=self.box,
                settings=GrowingSettings(**chosen),
            )
        except InputError as error:
            self.refused.append(str(error))
            return self.mask
        self.mask = sitk.GetArrayFromImage(mask) > 0
        return self.mask


class GrowFromSeeds:
    """Slicer's Grow from seeds, vtkImageGrowCutSegment at its defaults, used as its effect does: kept between clicks.

    Each click is a ball of 7 voxels without those that the truth says are wrong: nobody paints over the border of a thin
    object. Outside of the box, or the border of the image without one, is background.
    """

    def __init__(self, image: sitk.Image, box: Box | None, truth: np.ndarray) -> None:
        import slicer

        self.crop, self.background = surroundings(truth, box)
        self.truth = truth[self.crop]
        self.shape = truth.shape
        values = sitk.GetArrayFromImage(image)[self.crop]
        self.seeds = np.where(self.background, 2, 0).astype(np.int16)
        spacing = image.GetSpacing()
        self.filter = slicer.vtkImageGrowCutSegment()
        self.intensity = _vtk_image(values.astype(np.float32), spacing)
        self.filter.SetIntensityVolume(self.intensity)

    def click(self, positive: list[Voxel], negative: list[Voxel]) -> np.ndarray:
        """Paint all seeds and grow."""
        from vtk.util.numpy_support import vtk_to_numpy

        seeds = self.seeds.copy()
        for value, voxels, right in ((2, negative, ~self.truth), (1, positive, self.truth)):
            painted = np.zeros(seeds.shape, bool)
            for voxel in voxels:
                _paint(painted, _within(voxel, self.crop), True)
            seeds[painted & right] = value
        self.labels = _vtk_image(seeds, self.intensity.GetSpacing())
        self.filter.SetSeedLabelVolume(self.labels)
        self.filter.Update()
        grown = vtk_to_numpy(self.filter.GetOutput().GetPointData().GetScalars()).reshape(seeds.shape)
        result = np.zeros(self.shape, bool)
        result[self.crop] = grown == 1
        return result


class ConfidenceConnected:
    """ITK's region growing after curvature flow, one region for each positive click.

    The truth chooses the multiplier of each region, or to leave the region out, so that Dice never falls.
    """

    positive_only = True

    def __init__(self, image: sitk.Image, box: Box | None, truth: np.ndarray) -> None:
        self.crop = tuple(slice(0, size) for size in truth.shape) if box is None else box
        part = sitk.GetArrayFromImage(image)[self.crop].astype(np.float32)
        self.truth = truth
        self.mask = np.zeros(truth.shape, bool)
        self.smooth = sitk.CurvatureFlow(sitk.GetImageFromArray(part), 0.0625, 5)

    def click(self, positive: list[Voxel], negative: list[Voxel]) -> np.ndarray:
        """Add the best region of the last positive click; it knows no negative ones."""
        seed = _within(positive[-1], self.crop)[::-1]
        truth, before = self.truth[self.crop], self.mask[self.crop]
        best, overlap = before, dice(before, truth)
        for multiplier in _MULTIPLIERS:
            mask = sitk.ConfidenceConnected(self.smooth, [seed], numberOfIterations=2, multiplier=multiplier)
            found = before | (sitk.GetArrayFromImage(mask) > 0)
            own = dice(found, truth)
            if own > overlap:
                best, overlap = found, own
        self.mask[self.crop] = best
        self.mask[positive[-1]] = True
        return self.mask


class RandomWalker:
    """Random walker of scikit-image by multigrid, on a coarser grid where the region is large.

    Each click is a ball of 7 voxels of that grid: the chance of a single voxel in 3-D falls off at once. The truth chooses
    between its default beta and a higher one at every click. Its plain conjugate gradients do not converge in 3-D.
    """

    def __init__(self, image: sitk.Image, box: Box | None, truth: np.ndarray) -> None:
        self.shape = truth.shape
        self.crop, background = surroundings(truth, box)
        values = sitk.GetArrayFromImage(image)[self.crop].astype(np.float32)
        spacing = np.array(image.GetSpacing()[::-1])
        step = max((values.size * float(np.prod(spacing)) / _WALKER_VOXELS) ** (1 / 3), 1e-6)
        factors = np.maximum(np.round(step / spacing), 1)
        self.coarse = tuple(int(max(np.ceil(size / by), 1)) for size, by in zip(values.shape, factors, strict=True))
        self.scale = np.array(self.coarse) / np.array(values.shape)
        self.spacing = spacing / self.scale
        whole = sitk.GetArrayViewFromImage(image)
        low, high = np.percentile(whole, (0.5, 99.5))
        smooth = ndimage.uniform_filter(np.clip(values, low, high), tuple(max(int(by), 3) for by in factors))
        self.values = _sampled(smooth, self.coarse)
        # It takes differences in units of the spread of what it is given: that of the image, box or not.
        spread = float(np.clip(whole, low, high).std())
        self.unit = float(self.values.std() / spread) ** 2 if spread > 0 else 1.0
        self.truth = truth
        self.background = _sampled(background.astype(np.float32), self.coarse) > 0.5
        for axis in range(3):  # thin on the fine grid: the faces again
            for end in (0, -1):
                face = tuple(slice(None) if other != axis else end for other in range(3))
                fine = background[face].astype(np.float32)
                self.background[face] |= _sampled(fine, self.background[face].shape) > 0.5

    def click(self, positive: list[Voxel], negative: list[Voxel]) -> np.ndarray:
        """Solve for the probabilities and take what is above one half."""
        from skimage.segmentation import random_walker

        seeds = np.where(self.background, 2, 0).astype(np.int32)
        places = [
            (value, tuple(int(at * by) for at, by in zip(_within(voxel, self.crop), self.scale, strict=True)))
            for value, voxels in ((2, negative), (1, positive))
            for voxel in voxels
        ]
        for value, place in places:
            _paint(seeds, place, value)
        for value, place in places:
            seeds[place] = value
        result = np.zeros(self.shape, bool)
        if 2 not in seeds:
            result[self.crop] = True  # without any background everything is foreground
            return result
        size = tuple(part.stop - part.start for part in self.crop)
        found = [
            _sampled(
                random_walker(
                    self.values,
                    seeds,
                    beta=beta * self.unit,
                    mode="cg_mg",
                    tol=1e-4,
                    spacing=self.spacing / self.spacing.min(),
                    return_full_prob=True,
                )[0].astype(np.float32),
                size,
            )
            > 0.5
            for beta in _BETAS
        ]
        result[self.crop] = max(found, key=lambda mask: dice(mask, self.truth[self.crop]))
        for value, voxels in ((False, negative), (True, positive)):
            for voxel in voxels:
                result[voxel] = value
        return result


class Ellipsoid:
    """The ellipsoid that fills the box (without its margin) and never looks at the image: what a box alone is worth."""

    def __init__(self, image: sitk.Image, box: Box | None, truth: np.ndarray, *, margin: int = 0) -> None:
        if box is None:
            msg = "the ellipsoid needs a box"
            raise ValueError(msg)
        self.mask = np.zeros(truth.shape, bool)
        axes = []
        for cut, size in zip(box, truth.shape, strict=True):
            # At the border of the image the box has no margin.
            start = cut.start + margin if cut.start > 0 else cut.start
            stop = cut.stop - margin if cut.stop < size else cut.stop
            middle, radius = (start + stop - 1) / 2, max((stop - start) / 2, 0.5)
            axes.append(((np.arange(size) - middle) / radius) ** 2)
        self.mask = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :] <= 1

    def click(self, positive: list[Voxel], negative: list[Voxel]) -> np.ndarray:
        """Return the ellipsoid, whatever is clicked."""
        return self.mask


METHODS: dict[str, Callable[..., Method]] = {
    "network": Network,
    "classic": Classic,
    "grow from seeds": GrowFromSeeds,
    "confidence-connected": ConfidenceConnected,
    "random walker": RandomWalker,
    "ellipsoid": Ellipsoid,
}
"""All methods; ``network`` and ``classic`` are ours."""
PACKAGES = {"grow from seeds": ("slicer",), "random walker": ("skimage.segmentation", "pyamg"), "network": ("torch",)}
"""What must be installed for a method."""
BOX_ONLY = ("ellipsoid",)


def box_points(image: sitk.Image, box: Box) -> np.ndarray:
    """Return the centers of the first and the last voxel of a box, (2, 3) LPS mm."""
    return points_of(image, [tuple(cut.start for cut in box), tuple(cut.stop - 1 for cut in box)])  # type: ignore[list-item]


def surroundings(truth: np.ndarray, box: Box | None) -> tuple[Box, np.ndarray]:
    """Return the part of the image that counts, and which voxels of it are background from the start.

    With a box: the box and one voxel around it, which is background. Without: the image; its border is background
    except near the object.
    """
    background = np.zeros(truth.shape, bool)
    if box is not None:
        crop = tuple(
            slice(max(cut.start - 1, 0), min(cut.stop + 1, size)) for cut, size in zip(box, truth.shape, strict=True)
        )
        background[crop] = True
        background[box] = False
        return crop, background[crop]  # type: ignore[return-value]
    for axis in range(3):
        for end in (0, -1):
            background[tuple(slice(None) if other != axis else end for other in range(3))] = True
    background &= ~ndimage.binary_dilation(truth, _BALL, iterations=_SPARED)
    return tuple(slice(0, size) for size in truth.shape), background  # type: ignore[return-value]


def _within(voxel: Voxel, crop: Box) -> Voxel:
    return tuple(at - cut.start for at, cut in zip(voxel, crop, strict=True))  # type: ignore[return-value]


def _paint(seeds: np.ndarray, voxel: Voxel, value: int | bool) -> None:
    low = [max(at - 1, 0) for at in voxel]
    part = tuple(slice(start, at + 2) for start, at in zip(low, voxel, strict=True))
    ball = _BALL[tuple(slice(start - at + 1, None) for start, at in zip(low, voxel, strict=True))]
    target = seeds[part]
    target[ball[tuple(slice(0, size) for size in target.shape)]] = value


def _sampled(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return an array of another size, linear between the centers of voxels."""
    places = [
        np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        for old, new in zip(values.shape, size, strict=True)
    ]
    return ndimage.map_coordinates(values, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")


def _vtk_image(values: np.ndarray, spacing: tuple[float, ...]):
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    image = vtk.vtkImageData()
    image.SetDimensions(values.shape[::-1])
    image.SetSpacing(spacing)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values).ravel(), deep=True))
    return image
