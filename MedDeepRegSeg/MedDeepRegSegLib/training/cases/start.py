"""The weights that a training on cases begins from."""

from pathlib import Path

import torch
from torch import Tensor

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings


def start_of(
    settings: SegmenterSettings, folder: Path | None, *, scratch: bool, seed: int
) -> tuple[str, dict[str, Tensor] | None]:
    """Return the SHA-256 of the file of weights, and weights of a whole network of these settings.

    Parameters
    ----------
    settings : SegmenterSettings
        Of the network that is trained.
    folder : Path, optional
        Of a model that was trained on cases, with the same sizes, or of an encoder (only for the network ``encoder``).
        Without one, the encoder that ships for the network ``encoder``, and random weights for others.
    scratch : bool
        Random weights in any case.
    seed : int
        Of the weights that the start does not give, as those of the classes.

    Returns
    -------
    digest : str
        Empty for random weights.
    weights : dict of str to Tensor, optional
        None for random weights.

    Raises
    ------
    InputError
        If the folder holds another network.
    """
    from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
    from MedDeepRegSegLib.models.segmenters.build import build_segmenter
    from MedDeepRegSegLib.models.segmenters.encoder import EncoderSegmenter, start_weights

    if scratch:
        if folder is not None:
            msg = f"{folder} is given to start from, and random weights are asked for: leave out one of them"
            raise InputError(msg)
        return "", None
    if folder is not None and _is_segmenter(folder):
        loaded = load_segmenter(folder)
        if loaded.description.settings != settings:
            msg = (
                f"the network in {folder} has other sizes or another number of classes than this dataset asks for: start "
                "without it, or from an encoder"
            )
            raise InputError(msg)
        return loaded.description.weights_sha256, dict(loaded.network.state_dict())
    if settings.network != "encoder":
        if folder is not None:
            msg = (
                f"{folder} holds no network of kind {settings.network}: start without it, or train the network encoder"
            )
            raise InputError(msg)
        return "", None
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers are left alone
        torch.default_generator.manual_seed(seed)
        network = build_segmenter(settings)
    assert isinstance(network, EncoderSegmenter)
    return start_weights(network, folder), dict(network.state_dict())


def _is_segmenter(folder: Path) -> bool:
    """Return whether a folder says that it holds a model that was trained on cases."""
    try:
        return '"meddeep-segmenter"' in (folder / "model.json").read_text(encoding="utf-8", errors="replace")[:4096]
    except OSError:
        return False
