"""What a network is: the content of the ``model.json`` in its folder."""

import re
from dataclasses import dataclass, field
from typing import Literal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Setting = int | float | str | bool | tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkTraining:
    """How a network was trained.

    Attributes
    ----------
    data, data_license:
        What it saw, and under which license that may be used.
    recipe:
        What was done, so that it can be done again.
    loss:
        What was made small.
    steps, seed:
        Number of updates of the weights, and the seed of everything random.
    hours:
        Duration.
    hardware:
        On what.
    """

    data: str
    data_license: str
    recipe: str
    loss: str
    steps: int
    seed: int
    hours: float
    hardware: str


@dataclass(frozen=True, kw_only=True)
class NetworkMetric:
    """One measured number.

    Attributes
    ----------
    name, value, unit:
        What was measured. The unit is ``""`` for ratios.
    dataset:
        On what, none of it seen in training unless it says so.
    command:
        Measures it again.
    """

    name: str
    value: float
    unit: str
    dataset: str
    command: str


@dataclass(frozen=True, kw_only=True)
class WorkingSpacing:
    """Sizes of voxels, in mm, that a network works with: ``smallest <= recommended <= largest``."""

    smallest: float
    largest: float
    recommended: float

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.recommended <= self.largest:
            msg = (
                f"spacing is smallest {self.smallest:g}, recommended {self.recommended:g}, largest {self.largest:g} mm, "
                "expected positive and in this order"
            )
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class NetworkDescription:
    """The content of ``model.json``.

    Attributes
    ----------
    name, version:
        Of the model: up to 64 letters, digits, ``.``, ``_`` and ``-``.
    architecture, settings:
        Which network, and the sizes it is built with: the fields of its settings.
    software_version:
        Of MedDeep, when the model was made.
    license, purpose, intended_use, limitations:
        For people, as plain sentences.
    training, metrics:
        Where the weights come from and what they are worth.
    spacing_mm:
        Sizes of voxels it works with.
    labels:
        Names of its outputs, if they have names.
    weights_sha256:
        Of ``model.safetensors``; set when the model is written.
    """

    format: Literal["meddeep-network"] = "meddeep-network"
    format_version: Literal[1] = 1
    name: str
    version: str
    architecture: str
    settings: dict[str, Setting] = field(hash=False)
    software_version: str
    license: str
    purpose: str
    intended_use: str
    limitations: tuple[str, ...]
    training: NetworkTraining
    metrics: tuple[NetworkMetric, ...] = ()
    spacing_mm: WorkingSpacing
    labels: tuple[str, ...] = ()
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        for title, text in (("name", self.name), ("version", self.version)):
            if not _NAME.fullmatch(text):
                msg = f"{title} is {text[:60]!r}, expected up to 64 letters, digits, '.', '_' and '-'"
                raise ValueError(msg)
        # JSON has lists where settings have tuples; both are taken.
        settings = {key: tuple(value) if isinstance(value, list) else value for key, value in self.settings.items()}
        object.__setattr__(self, "settings", settings)
