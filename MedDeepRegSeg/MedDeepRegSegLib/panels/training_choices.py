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

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {
            "encoder": _("MedDeep encoder (recommended)"),
            "unet": _("U-Net"),
            "segresnet": _("SegResNet"),
            "dynunet": _("Dynamic U-Net"),
            "custom": _("U-Net, adjustable"),
            "growing": _("Growing network (fewer clicks)"),
        }[self.value]

    def description(self) -> str:
        """What it is good for, in a sentence or two."""
        return {
            "encoder": _("Begins from the network that ships, which knows CT and MR already: best for few cases."),
            "unet": _("The usual network for medical images. Begins from nothing: for some ten cases and more."),
            "segresnet": _("A deeper network without the encoder's knowledge: for many cases and a GPU."),
            "dynunet": _("A U-Net that follows the size and thickness of your images, as in nnU-Net: for many cases."),
            "custom": _("A U-Net of plain convolutions, whose size can be set in scripts. Begins from nothing."),
            "growing": _(
                "Teaches the network behind Grow your structures, so that fewer clicks are needed. It segments nothing alone."
            ),
        }[self.value]


class CaseRole(Enum):
    """What cases of a dataset are for."""

    TEST = "test"
    VALIDATION = "validation"
    TRAINING = "training"

    def label(self) -> str:
        """Text of the choice in the panel."""
        return {"test": _("Test"), "validation": _("Validation"), "training": _("Training")}[self.value]
