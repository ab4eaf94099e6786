"""The folder of a run inside that of the model that comes of it."""

from pathlib import Path

RUN = "run"


def what_a_cancel_left(out: Path) -> str:
    """Return what to tell a person who canceled the training of the model in ``out``."""
    if any((Path(out) / RUN / name).exists() for name in ("checkpoint.safetensors", "settings.json")):
        return f"canceled by the user; the run in {out} was saved, and resume goes on with it"
    return "canceled by the user; nothing was written"
