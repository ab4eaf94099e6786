"""A small segmentation network with random weights, and its folder."""

from dataclasses import replace

import torch

from MedDeepRegSegLib.models.segmenter_description import ClassMetric, SegmenterDescription, SegmenterTraining
from MedDeepRegSegLib.models.segmenter_folder import write_segmenter
from MedDeepRegSegLib.models.segmenter_input import ChannelScale, Preprocessing
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings
from MedDeepRegSegLib.models.segmenters.build import build_segmenter
from MedDeepRegSegLib.segmentation.segments import Segment

TINY = {
    "encoder": SegmenterSettings(network="encoder", inputs=2, classes=3, channels=(8, 8, 8, 8), deep_supervision=2),
    "unet": SegmenterSettings(
        network="unet", inputs=2, classes=3, channels=(4, 8, 8), strides=((1, 2, 2), (2, 2, 2)), residual_units=1
    ),
    "segresnet": SegmenterSettings(
        network="segresnet", inputs=2, classes=3, channels=(8, 16, 32), strides=((2, 2, 2),) * 2
    ),
    "dynunet": SegmenterSettings(
        network="dynunet",
        inputs=2,
        classes=3,
        channels=(4, 8, 8, 8),
        strides=((1, 2, 2), (2, 2, 2), (2, 2, 2)),
        deep_supervision=1,
    ),
    "custom": SegmenterSettings(
        network="custom",
        inputs=2,
        classes=3,
        channels=(4, 8),
        strides=((2, 2, 2),),
        normalization="batch",
        dropout=0.1,
    ),
}


def tiny_description(settings: SegmenterSettings, **changes) -> SegmenterDescription:
    """Return the description of a network with two inputs and two classes."""
    description = SegmenterDescription(
        name="toy",
        settings=settings,
        preprocessing=Preprocessing(
            spacing_mm=(1.0, 1.5, 2.0), channels=(ChannelScale(method="contrast", low=-200.0, high=300.0),)
        ),
        channels=("CT",),
        classes=(Segment(1, "liver", (1.0, 0.5, 0.0)), Segment(7, "kidney & <co>|x", (0.0, 0.0, 1.0))),
        patch=(16, 32, 32),
        training=SegmenterTraining(
            dataset="drawn",
            dataset_sha256="ab" * 32,
            training_cases=("one", "two"),
            validation_cases=("three",),
            start="",
            augmentation="light",
            steps=10,
            best_step=5,
            seed=0,
            minutes=0.5,
            hardware="a thumb",
        ),
        validation=(ClassMetric(name="liver", dice=0.8125, cases=1), ClassMetric(name="kidney", dice=None, cases=0)),
        software_version="0.0",
    )
    return replace(description, **changes)


def tiny_network(settings: SegmenterSettings, seed: int = 0) -> torch.nn.Module:
    """Return a network whose weights half precision holds exactly, and whose counts are not zero."""
    torch.manual_seed(seed)
    network = build_segmenter(settings)
    with torch.no_grad():
        network.train()(torch.rand(2, settings.inputs, 16, 32, 32))
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.dtype.is_floating_point:
                tensor.copy_(tensor.half().float())
    return network.eval()


def write_tiny_segmenter(folder, settings=TINY["encoder"], **changes):
    """Write the folder of a small network, and return the network and the description."""
    network = tiny_network(settings)
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    return network, write_segmenter(folder, state, tiny_description(settings, **changes))
