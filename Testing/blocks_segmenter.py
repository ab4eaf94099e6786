"""A stand-in for a trained segmentation network, and images whose truth it finds."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.models.segmenter_description import SegmenterDescription, SegmenterTraining
from MedDeepRegSegLib.models.segmenter_input import ChannelScale, Preprocessing
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings
from MedDeepRegSegLib.segmentation.segments import named_segment

SEGMENTS = (named_segment(3, "Liver"), named_segment(5, "Lesion <b>"))
BRIGHTNESS = {0: 0.0, 3: 100.0, 5: 200.0}


def description(**changes) -> SegmenterDescription:
    """A network of two classes that looks at voxels of 2 mm, scaled so that 0, 100 and 200 become 0, 1 and 2."""
    made = SegmenterDescription(
        name="tiny",
        settings=SegmenterSettings(network="unet", inputs=1, classes=3, channels=(4, 8), strides=((2, 2, 2),)),
        preprocessing=Preprocessing(
            spacing_mm=(2.0, 2.0, 2.0),
            channels=(ChannelScale(method="window", low=-50, high=250, mean=0, deviation=100),),
        ),
        channels=("CT",),
        classes=SEGMENTS,
        patch=(16, 16, 16),
        training=SegmenterTraining(
            dataset="other",
            dataset_sha256="0" * 64,
            training_cases=("case0",),
            validation_cases=("case1",),
            start="",
            augmentation="default",
            steps=10,
            best_step=5,
            seed=0,
            minutes=1.0,
            hardware="CPU",
        ),
        software_version="0.1",
        weights_sha256="f" * 64,
    )
    return replace(made, **changes)


def gray_network(sharpness: float = 20.0):
    """A network that takes 1 for the first and 2 for the second class."""
    torch = pytest.importorskip("torch")

    class Gray(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv3d(1, 1, 1)

        def forward(self, volume):
            self.layer(volume)
            return torch.cat([-sharpness * (volume - level).abs() for level in (0, 1, 2)], dim=1)

    return Gray().eval()


def image_of(array, spacing=(2.0, 2.0, 2.0), origin=(-20.0, 5.0, 30.0)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def case_arrays(seed, shift=0):
    """Labels of two blocks, and an image in which they lie ``shift`` voxels further along x."""
    labels = np.zeros((18, 20, 22), np.uint8)
    labels[4:14, 4:16, 4:12] = 3
    labels[6:10, 6:12, 14:17] = 5
    seen = np.roll(labels, shift, axis=2)
    image = np.zeros(labels.shape, np.float32)
    for value, gray in BRIGHTNESS.items():
        image[seen == value] = gray
    return labels, image + np.random.default_rng(seed).normal(0, 2, labels.shape).astype(np.float32)
