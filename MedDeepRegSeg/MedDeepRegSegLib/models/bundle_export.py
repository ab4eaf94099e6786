"""A model folder as a MONAI bundle: for MONAI Deploy, MONAI Label and whoever works with MONAI.

``configs/metadata.json`` says what it is, ``configs/inference.json`` what MONAI instantiates, ``models/model.safetensors``
holds the weights (no pickle: ``initialize`` of the configuration loads them), ``docs/README.md`` is the model card. MONAI
alone runs networks of MONAI; the network ``encoder`` and its contrast need the package ``meddeep``, which the metadata say.

Arrays of MONAI are (channel, axis 0, 1, 2); with the axes ``SPL`` they are MedDeep's (input, z, y, x). Intensities are
scaled as MedDeep does. Resampling is linear in both, but MedDeep smooths first where voxels become larger, and MONAI does
not, so that results may differ a little.

Source: MONAI bundle specification, https://docs.monai.io/en/stable/mb_specification.html.
"""

from pathlib import Path
from typing import Any

import numpy as np

from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json, write_text
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.networks import import_torch
from MedDeepRegSegLib.models.segmenter_card import segmenter_card
from MedDeepRegSegLib.models.segmenter_description import SegmenterDescription
from MedDeepRegSegLib.models.segmenter_folder import read_segmenter
from MedDeepRegSegLib.models.segmenter_input import ChannelScale
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings

METADATA, INFERENCE = Path("configs/metadata.json"), Path("configs/inference.json")
BUNDLE_WEIGHTS = Path("models/model.safetensors")
OWN = "meddeep"
"""Key of the metadata under which MedDeep's own description lies, for the way back."""
DYNUNET_PREFIX = "network."
"""What names of weights of DynUNet have in MedDeep and not in MONAI."""

_LICENSE = """\
This model was trained on their own cases by those who made it; MedDeep sets no license for it. Before it is passed on,
whoever made it replaces this text by the license that they choose, and checks that the cases allow it.
"""

_ZSCORE = (
    "$lambda values: (lambda limits: (lambda inside: np.clip((values - float(inside.mean())) / max(float(inside.std()), "
    "1e-6), -5, 5))(np.asarray(values)[np.asarray(values) > limits[0] + 0.1 * (limits[1] - limits[0])]))("
    "np.percentile(np.asarray(values), [0.5, 99.5]))"
)
_CONTRAST = "$lambda values: standardize(torch.as_tensor(np.asarray(values, dtype=np.float32))[None])[0]"


def export_bundle(model: Path, out: Path) -> None:
    """Write a model folder as a MONAI bundle, whole or not at all.

    Raises
    ------
    InputError
        If the model is damaged, or the folder cannot be written.
    MissingPackageError
        If torch, safetensors, or MONAI where the network is MONAI's, is not installed.
    """
    description, arrays = read_segmenter(model)
    from safetensors.numpy import save

    prefix = DYNUNET_PREFIX if description.settings.network == "dynunet" else ""
    state = {
        name.removeprefix(prefix): array.astype(np.float32) if array.dtype.kind == "f" else array
        for name, array in arrays.items()
    }
    with atomic_folder(out) as temporary:
        for folder in ("configs", "models", "docs"):
            (temporary / folder).mkdir()
        write_json(temporary / METADATA, _metadata(description))
        write_json(temporary / INFERENCE, _inference(description))
        (temporary / BUNDLE_WEIGHTS).write_bytes(save(state))
        write_text(temporary / "docs" / "README.md", segmenter_card(description))
        write_text(temporary / "LICENSE", _LICENSE)


def needs_meddeep(description: SegmenterDescription) -> bool:
    """Return whether a bundle needs the package meddeep beside MONAI."""
    contrast = any(scale.method == "contrast" for scale in description.preprocessing.channels)
    return contrast or description.settings.network == "encoder"


def _metadata(description: SegmenterDescription) -> dict[str, Any]:
    torch = import_torch()
    settings = description.settings
    packages = {"safetensors": "0.4.3", "nibabel": "5.0"}
    if needs_meddeep(description):
        packages["meddeep"] = description.software_version
    channels = {str(number): name for number, name in enumerate(description.channels)}
    names = {"0": "background"} | {str(number): one.name for number, one in enumerate(description.classes, start=1)}
    found = ", ".join(segment.name for segment in description.classes)
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json",
        "version": "1.0.0",
        "changelog": {"1.0.0": "exported by MedDeep"},
        "monai_version": "1.5.0",
        "pytorch_version": str(torch.__version__).split("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": packages,
        "name": description.name,
        "task": f"Segmentation of {found}",
        "description": f"Draws {found} in {', '.join(description.channels)}; see docs/README.md",
        "authors": "see docs/README.md",
        "copyright": "see LICENSE",
        "intended_use": "For research; not a medical device.",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "format": "magnitude",
                    "modality": ", ".join(description.channels),
                    "num_channels": settings.inputs,
                    "spatial_shape": [f"{step}*n" for step in settings.multiple],
                    "dtype": "float32",
                    "value_range": [-5, 5],
                    "is_patch_data": True,
                    "channel_def": channels,
                }
            },
            "outputs": {
                "pred": {
                    "type": "image",
                    "format": "segmentation",
                    "num_channels": settings.classes,
                    "spatial_shape": [f"{step}*n" for step in settings.multiple],
                    "dtype": "float32",
                    "value_range": [0, 1],
                    "is_patch_data": True,
                    "channel_def": names,
                }
            },
        },
        OWN: to_json(description),
    }


def _inference(description: SegmenterDescription) -> dict[str, Any]:
    keys = [f"image_{number}" for number in range(len(description.channels))]
    imports = [
        "$import glob",
        "$import os",
        "$import numpy as np",
        "$import torch",
        "$from safetensors.torch import load_file",
    ]
    if needs_meddeep(description):
        imports.append("$from MedDeepRegSegLib.models.encoder_input import standardize")
    first = (
        f"$[{{k: os.path.join(d, k + '.nii.gz') for k in {keys!r}}} for d in sorted(glob.glob(@dataset_dir + '/*/'))]"
    )
    return {
        "imports": imports,
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/data'",
        "output_dir": "$@bundle_root + '/eval'",
        "weights": f"$@bundle_root + '/{BUNDLE_WEIGHTS.as_posix()}'",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": network_definition(description.settings),
        "network": "$@network_def.to(@device)",
        "data_list": first,
        "preprocessing": {"_target_": "Compose", "transforms": _preprocessing(description, keys)},
        "dataset": {"_target_": "Dataset", "data": "@data_list", "transform": "@preprocessing"},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": list(description.patch),
            "sw_batch_size": 1,
            "overlap": 0.5,
            "mode": "gaussian",
        },
        "postprocessing": {"_target_": "Compose", "transforms": _postprocessing(description)},
        "initialize": ["$@network.load_state_dict(load_file(@weights))", "$@network.requires_grad_(False).eval()"],
        # No evaluator of MONAI: it would need the package pytorch-ignite, too.
        "run": [
            "$[@postprocessing({**case, 'pred': @inferer(case['image'][None].to(@device), @network)[0].cpu()}) "
            "for case in @dataset]"
        ],
    }


def network_definition(settings: SegmenterSettings) -> dict[str, Any]:
    """Return what MONAI's configuration parser makes the network of."""
    if settings.network == "encoder":
        return {
            "_target_": "MedDeepRegSegLib.models.segmenters.build.build_segmenter",
            "settings": {
                "_target_": "MedDeepRegSegLib.models.segmenter_settings.SegmenterSettings",
                **to_json(settings),
            },
        }
    from MedDeepRegSegLib.models.segmenters.monai_networks import monai_arguments

    name, arguments = monai_arguments(settings)
    return {"_target_": f"monai.networks.nets.{name}", **arguments}


def _preprocessing(description: SegmenterDescription, keys: list[str]) -> list[dict[str, Any]]:
    x, y, z = description.preprocessing.spacing_mm
    first = keys[0]
    transforms: list[dict[str, Any]] = [
        {"_target_": "LoadImaged", "keys": keys},
        {"_target_": "EnsureChannelFirstd", "keys": keys},
        {"_target_": "EnsureTyped", "keys": keys},
        {"_target_": "Orientationd", "keys": keys, "axcodes": "SPL"},
    ]
    for key, scale in zip(keys, description.preprocessing.channels, strict=True):
        if scale.low < scale.high:
            transforms.append(_scaled(key, scale.low, scale.high, scale.low, scale.high))
    transforms.append(
        {"_target_": "Spacingd", "keys": [first], "pixdim": [z, y, x], "mode": "bilinear", "padding_mode": "border"}
    )
    if keys[1:]:
        transforms.append({"_target_": "ResampleToMatchd", "keys": keys[1:], "key_dst": first, "mode": "bilinear"})
    transforms += [_scale(key, scale) for key, scale in zip(keys, description.preprocessing.channels, strict=True)]
    transforms.append({"_target_": "ConcatItemsd", "keys": keys, "name": "image"})
    transforms.append({"_target_": "EnsureTyped", "keys": "image"})
    return transforms


def _scale(key: str, scale: ChannelScale) -> dict[str, Any]:
    if scale.method == "window":
        low, high = ((limit - scale.mean) / scale.deviation for limit in (scale.low, scale.high))
        return _scaled(key, scale.low, scale.high, low, high)
    return {"_target_": "Lambdad", "keys": key, "func": _CONTRAST if scale.method == "contrast" else _ZSCORE}


def _scaled(key: str, a_min: float, a_max: float, b_min: float, b_max: float) -> dict[str, Any]:
    return {
        "_target_": "ScaleIntensityRanged",
        "keys": key,
        "a_min": a_min,
        "a_max": a_max,
        "b_min": b_min,
        "b_max": b_max,
        "clip": True,
    }


def _postprocessing(description: SegmenterDescription) -> list[dict[str, Any]]:
    values = [segment.value for segment in description.classes]
    transforms: list[dict[str, Any]] = [
        {"_target_": "Activationsd", "keys": "pred", "softmax": True},
        {
            "_target_": "Invertd",
            "keys": "pred",
            "transform": "@preprocessing",
            "orig_keys": "image_0",
            "nearest_interp": False,
            "to_tensor": True,
        },
        {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
    ]
    if values != list(range(1, len(values) + 1)):
        transforms.append(
            {
                "_target_": "MapLabelValued",
                "keys": "pred",
                "orig_labels": list(range(len(values) + 1)),
                "target_labels": [0, *values],
            }
        )
    transforms.append({"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir", "resample": False})
    return transforms
