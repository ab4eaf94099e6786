"""Choices of the tabs Data & augmentation and Training, with their texts."""

from enum import Enum

from slicer.i18n import tr as _


class DatasetSource(Enum):
    """Where the cases of a dataset come from."""

    SCENE = "scene"
    FOLDER = "folder"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"scene": _("Volumes of the scene"), "folder": _("A folder of files")}[self.value]


class AbsentClass(Enum):
    """What it means that a case lacks a class that others have."""

    BACKGROUND = "background"
    UNKNOWN = "unknown"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"background": _("The case does not have it"), "unknown": _("It was not looked for")}[self.value]


class TrainedNetwork(Enum):
    """The network that learns."""

    ENCODER = "encoder"
    UNET = "unet"
    SEGRESNET = "segresnet"
    DYNUNET = "dynunet"
    CUSTOM = "custom"
    GROWING = "growing"
    MASKED = "masked"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "encoder": _("MedDeep encoder (default)"),
            "unet": _("U-Net"),
            "segresnet": _("SegResNet"),
            "dynunet": _("Dynamic U-Net"),
            "custom": _("U-Net, adjustable"),
            "growing": _("Growing network (fewer clicks)"),
            "masked": _("Encoder from images without labels (to begin from)"),
        }[self.value]

    def isMonai(self) -> bool:
        """Whether it is one of MONAI's."""
        return self.segments() and self is not TrainedNetwork.ENCODER

    def description(self) -> str:
        """What it is good for, in a sentence or two."""
        return {
            # What was measured on few cases and a processor is in the README: Testing/Benchmarks/training.py.
            "encoder": _(
                "Small, and pretrained on synthetic images. In our measurements with few cases it was about as good as a "
                "network from random weights in the same time."
            ),
            "unet": _(
                "The usual network for medical images. It begins from random weights. On a processor it was often better "
                "than the MedDeep encoder in our measurements, as it learns more often in the same time."
            ),
            "segresnet": _("A deeper network than the U-Net. It begins from random weights."),
            "dynunet": _(
                "A U-Net whose shape follows the size and thickness of your voxels, as in nnU-Net. It begins from random "
                "weights."
            ),
            "custom": _(
                "A U-Net of plain convolutions, whose size can be set in scripts. It begins from random weights."
            ),
            "growing": _(
                "Fine-tunes the network behind Grow (tab Segmentation) on your structures, so that fewer clicks may be "
                "needed; the change is measured. It segments nothing by itself."
            ),
            "masked": _(
                "Trains the encoder on the images alone, labeled or not: it guesses what is hidden in them. It segments "
                "nothing by itself; a network can begin from it. Whether that helps depends on the images: compare."
            ),
        }[self.value]

    def segments(self) -> bool:
        """Whether it learns from labels to segment, in epochs; the others are trained for a time alone."""
        return self not in (TrainedNetwork.GROWING, TrainedNetwork.MASKED)


class CaseRole(Enum):
    """What cases of a dataset are for."""

    TEST = "test"
    VALIDATION = "validation"
    TRAINING = "training"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"test": _("Test"), "validation": _("Validation"), "training": _("Training")}[self.value]
