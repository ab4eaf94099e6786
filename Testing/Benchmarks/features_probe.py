"""Part d: how well a linear classifier, taught on five slices, finds labels on the others (Dice)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from features_pairs import STRIDE, Encode
from numpy.typing import NDArray

from MedDeepRegSegLib.registration.feature_grids import sample
from MedDeepRegSegLib.registration.neighborhood import descriptors

SLICES, FEWEST = 5, 300
TRAINING_VOXELS, TEST_VOXELS = 20_000, 160_000


@dataclass(frozen=True)
class Labeled:
    """An image, its label map (0 is background), and how much finer the encoder sees it than its voxels are."""

    name: str
    image: NDArray[np.float32]
    labels: NDArray[np.int64]
    zoom: int


def load_labeled(shared: Path, *, quick: bool = False) -> Iterator[Labeled]:
    """Load what is there: CT and MR of the trunk (3 mm, about 40 and 20 structures), T1 slabs with four tissues."""
    trunk, slab = "06_totalsegmentator", "10_brain_t1_with_segmentation/ptbp_slab_subjects"
    names = [
        ("CT trunk", f"{trunk}/example_ct_sm.nii.gz", f"{trunk}/example_seg.nii.gz", 2),
        ("MR trunk", f"{trunk}/example_mr_sm.nii.gz", f"{trunk}/example_seg_mr.nii.gz", 2),
        ("T1 slab 1", f"{slab}/ilist1.nii.gz", f"{slab}/slist1.nii.gz", 1),
        ("T1 slab 2", f"{slab}/ilist2.nii.gz", f"{slab}/slist2.nii.gz", 1),
    ]
    for name, image, labels, zoom in names[: 2 if quick else None]:
        if not (shared / image).is_file():
            print(f"{name} is left out: no {shared / image} (--shared)")
            continue
        values = sitk.GetArrayFromImage(sitk.ReadImage(str(shared / image), sitk.sitkFloat32))
        if values.min() < -900:
            values = np.clip(values, -200, 350)
        truth = sitk.GetArrayFromImage(sitk.ReadImage(str(shared / labels))).astype(np.int64)
        yield Labeled(name, values, truth, zoom)


def evaluate_probe(encode: Encode, cases: Iterator[Labeled]) -> list[dict]:
    """Return name, features, number of labels and mean Dice on the slices not taught.

    Parameters
    ----------
    encode : callable
        As in part a.
    cases : iterator of Labeled
    """
    rows = []
    for case in cases:
        depth = case.labels.shape[0]
        taught = np.linspace(0, depth - 1, SLICES + 2).round().astype(int)[1:-1]
        train = np.isin(np.arange(depth), taught)
        # The slices beside a taught one look like it.
        beside = train | np.roll(train, 1) | np.roll(train, -1)
        where_train = _places(case.labels, train, TRAINING_VOXELS, step=1)
        where_test = _places(case.labels, ~beside, TEST_VOXELS, step=2)
        for name, volume, stride in _volumes(case, encode):
            features = [_read(volume, place, stride) for place in (where_train, where_test)]
            truth = [case.labels[tuple(place.T)] for place in (where_train, where_test)]
            found = _classify(features[0], truth[0], features[1])
            scores = _dice(found, truth[1], truth[0])
            rows.append({"case": case.name, "features": name, "labels": len(scores), "dice": float(np.mean(scores))})
    return rows


def _volumes(case: Labeled, encode: Encode) -> Iterator[tuple[str, torch.Tensor, float]]:
    """Return names, features (1, C, z, y, x) and the voxels of the image that one voxel of the features spans."""
    image = torch.from_numpy(case.image)[None, None]
    low, high = np.quantile(case.image, [0.005, 0.995])
    plain = ((image - low) / float(high - low)).clamp(0, 1)
    patches = torch.from_numpy(np.moveaxis(descriptors(case.image), -1, 0).copy())[None]
    classic = torch.cat([plain, patches], dim=1)
    zoomed = F.interpolate(image, scale_factor=float(case.zoom), mode="trilinear", align_corners=False)
    local = encode(zoomed[0, 0].numpy())[None].float()
    span = STRIDE / case.zoom
    yield "raw", plain, 1
    yield "raw + MIND-SSC", classic, 1
    yield "learned", local, span
    fine = local if span == 1 else F.interpolate(local, scale_factor=span, mode="trilinear", align_corners=False)
    z, y, x = case.image.shape
    yield "raw + MIND-SSC + learned", torch.cat([classic, fine[..., :z, :y, :x]], dim=1), 1


def _places(labels: NDArray[np.int64], slices: NDArray[np.bool_], most: int, *, step: int) -> NDArray[np.int64]:
    """Return up to ``most`` random voxels (N, 3) of every ``step``-th one of some slices."""
    places = np.argwhere(np.broadcast_to(slices[:, None, None], labels.shape))[::step]
    chosen = np.random.default_rng(0).permutation(len(places))
    return places[chosen[:most]]


def _read(volume: torch.Tensor, places: NDArray[np.int64], stride: float) -> NDArray[np.float64]:
    position = (torch.from_numpy(places).float() - (stride - 1) / 2) / stride
    return sample(volume, position.T[None, :, None, None])[0, :, 0, 0].T.double().numpy()


def _classify(train: NDArray, truth: NDArray, test: NDArray) -> NDArray[np.int64]:
    """Return labels by multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3, max_iter=300))
    return model.fit(train, truth).predict(test)


def _dice(found: NDArray, truth: NDArray, taught: NDArray) -> list[float]:
    """Return Dice of every label that was taught and is there to be found."""
    labels = [label for label in np.unique(taught) if label and (truth == label).sum() >= FEWEST]
    return [
        float(2 * ((found == label) & (truth == label)).sum() / ((found == label).sum() + (truth == label).sum()))
        for label in labels
    ]
