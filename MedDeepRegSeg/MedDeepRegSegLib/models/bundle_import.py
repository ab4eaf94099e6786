"""A MONAI bundle that MedDeep exported, trained on perhaps, as a model folder.

Nothing in a bundle is run and no pickle is read: the network is built from MedDeep's own description in the metadata, the
weights come from ``models/model.safetensors``. Bundles of others are refused: how they turn, scale and sample images can be
any program, and a model that is used with other images than it was trained on is wrong without a sign.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json
from MedDeepRegSegLib.models.bundle_export import (
    BUNDLE_WEIGHTS,
    DYNUNET_PREFIX,
    INFERENCE,
    METADATA,
    OWN,
    network_definition,
)
from MedDeepRegSegLib.models.sealed_folder import read_tensors
from MedDeepRegSegLib.models.segmenter_description import SegmenterDescription
from MedDeepRegSegLib.models.segmenter_folder import check_description, network_of, write_segmenter

_LARGEST = 4 * 2**20


def import_bundle(bundle: Path, out: Path) -> SegmenterDescription:
    """Write the model folder of a bundle, and return what it is.

    Raises
    ------
    InputError
        If a file is missing or damaged, the bundle is not one of MedDeep, its network was changed, or the weights do not
        fit.
    MissingPackageError
        If torch, safetensors, or MONAI where the network is MONAI's, is not installed.
    """
    bundle = Path(bundle)
    metadata = _read_json(bundle / METADATA)
    own = metadata.get(OWN)
    if not isinstance(own, dict):
        msg = (
            f"{bundle} was not exported by MedDeep: how its images are to be prepared is not known; train a network with "
            "'meddeep train', or run the bundle with MONAI"
        )
        raise InputError(msg)
    try:
        description = replace(from_json(SegmenterDescription, own), weights_sha256="")
        check_description(description)
    except InputError as error:
        msg = f"{bundle / METADATA} is damaged: {error}"
        raise InputError(msg) from error
    defined = _read_json(bundle / INFERENCE).get("network_def")
    if defined != json.loads(json.dumps(network_definition(description.settings))):
        msg = f"{bundle / INFERENCE} defines another network than {METADATA.name} tells: export the model again"
        raise InputError(msg)
    tensors = read_tensors(bundle / BUNDLE_WEIGHTS)
    prefix = DYNUNET_PREFIX if description.settings.network == "dynunet" else ""
    arrays = {prefix + name: array for name, array in tensors.items()}
    network_of(description, arrays, bundle / BUNDLE_WEIGHTS)  # refuses what does not fit
    return write_segmenter(out, {name: np.asarray(array) for name, array in arrays.items()}, description)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            msg = f"{path} has more than {_LARGEST / 2**20:.0f} MB: it is not a file of a bundle"
            raise InputError(msg)
        data = json.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}): choose the folder of a MONAI bundle"
        raise InputError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"{path} is damaged ({str(error)[:80]}): get the bundle again"
        raise InputError(msg) from error
    if not isinstance(data, dict):
        msg = f"{path} is not a file of a bundle: get the bundle again"
        raise InputError(msg)
    return data
