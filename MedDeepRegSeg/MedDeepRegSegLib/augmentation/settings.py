"""All that an augmentation may do, in the order in which it is done, and all that was drawn for one sample."""

from dataclasses import dataclass, field
from typing import Protocol

from MedDeepRegSegLib.augmentation.affine import AffineDraw, AffineSettings
from MedDeepRegSegLib.augmentation.bias_field import BiasFieldDraw, BiasFieldSettings
from MedDeepRegSegLib.augmentation.blur import BlurDraw, BlurSettings
from MedDeepRegSegLib.augmentation.brightness import BrightnessDraw, BrightnessSettings
from MedDeepRegSegLib.augmentation.contrast import ContrastDraw, ContrastSettings
from MedDeepRegSegLib.augmentation.crop import CropDraw, CropSettings
from MedDeepRegSegLib.augmentation.elastic import ElasticDraw, ElasticSettings
from MedDeepRegSegLib.augmentation.flip import FlipDraw, FlipSettings
from MedDeepRegSegLib.augmentation.gamma import GammaDraw, GammaSettings
from MedDeepRegSegLib.augmentation.gaussian_noise import GaussianNoiseDraw, GaussianNoiseSettings
from MedDeepRegSegLib.augmentation.ghosting import GhostingDraw, GhostingSettings
from MedDeepRegSegLib.augmentation.low_resolution import LowResolutionDraw, LowResolutionSettings
from MedDeepRegSegLib.augmentation.rician_noise import RicianNoiseDraw, RicianNoiseSettings
from MedDeepRegSegLib.augmentation.salt_and_pepper import SaltAndPepperDraw, SaltAndPepperSettings
from MedDeepRegSegLib.augmentation.thick_slices import ThickSlicesDraw, ThickSlicesSettings
from MedDeepRegSegLib.augmentation.tone_curve import ToneCurveDraw, ToneCurveSettings


@dataclass(frozen=True, kw_only=True)
class AugmentationSettings:
    """How often and how strongly each transform is applied; by default none is.

    First the window is chosen and all geometry is applied at once, then tissue gets another contrast, the scanner its
    faults, and the detector its noise: the order of the fields. Strengths of geometry and sharpness are in mm and degrees, those
    of intensity are relative to the standard deviation or the robust range of each channel.
    """

    crop: CropSettings = field(default_factory=CropSettings)
    affine: AffineSettings = field(default_factory=AffineSettings)
    elastic: ElasticSettings = field(default_factory=ElasticSettings)
    flip: FlipSettings = field(default_factory=FlipSettings)
    tone_curve: ToneCurveSettings = field(default_factory=ToneCurveSettings)
    gamma: GammaSettings = field(default_factory=GammaSettings)
    contrast: ContrastSettings = field(default_factory=ContrastSettings)
    brightness: BrightnessSettings = field(default_factory=BrightnessSettings)
    bias_field: BiasFieldSettings = field(default_factory=BiasFieldSettings)
    blur: BlurSettings = field(default_factory=BlurSettings)
    low_resolution: LowResolutionSettings = field(default_factory=LowResolutionSettings)
    thick_slices: ThickSlicesSettings = field(default_factory=ThickSlicesSettings)
    ghosting: GhostingSettings = field(default_factory=GhostingSettings)
    gaussian_noise: GaussianNoiseSettings = field(default_factory=GaussianNoiseSettings)
    rician_noise: RicianNoiseSettings = field(default_factory=RicianNoiseSettings)
    salt_and_pepper: SaltAndPepperSettings = field(default_factory=SaltAndPepperSettings)


@dataclass(frozen=True, kw_only=True)
class SampleDraws:
    """All that was drawn for one sample; None for what does not happen to it. It can be stored and applied again.

    Attributes are named as in :class:`AugmentationSettings`.
    """

    crop: CropDraw
    affine: AffineDraw | None = None
    elastic: ElasticDraw | None = None
    flip: FlipDraw | None = None
    tone_curve: ToneCurveDraw | None = None
    gamma: GammaDraw | None = None
    contrast: ContrastDraw | None = None
    brightness: BrightnessDraw | None = None
    bias_field: BiasFieldDraw | None = None
    blur: BlurDraw | None = None
    low_resolution: LowResolutionDraw | None = None
    thick_slices: ThickSlicesDraw | None = None
    ghosting: GhostingDraw | None = None
    gaussian_noise: GaussianNoiseDraw | None = None
    rician_noise: RicianNoiseDraw | None = None
    salt_and_pepper: SaltAndPepperDraw | None = None


class Draw(Protocol):
    """What was drawn for one transform."""

    @property
    def transform(self) -> str:
        """Name of the transform."""
