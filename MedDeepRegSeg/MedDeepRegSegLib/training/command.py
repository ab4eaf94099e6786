"""The command line of training, for developers."""

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from MedDeepRegSegLib.errors import Canceled, InputError, MissingPackageError
from MedDeepRegSegLib.jobs.progress import CancelToken

if TYPE_CHECKING:
    from MedDeepRegSegLib.training.settings import Precision

_NUMBERS: tuple[str, ...] = (
    "steps",
    "pairs",
    "side",
    "real_fraction",
    "reuse",
    "learning_rate",
    "weight_decay",
    "warmup",
    "average",
)
_NUMBERS += ("anchors", "seed", "neighbors", "temperature", "global_weight", "context_weight", "region_weight")
_NUMBERS += ("boundary_weight", "position_weight", "voxels")
_SUBDIVISION: tuple[str, ...] = ("steps", "views", "side", "smallest_voxel", "largest_voxel", "tissue_fraction")
_SUBDIVISION += ("stripped_fraction", "learning_rate", "weight_decay", "warmup", "average", "side_weight", "seed")
_SUBDIVISION += ("head_channels",)
_GROWING: tuple[str, ...] = ("steps", "objects", "real_fraction", "most_clicks", "box_fraction", "learning_rate")
_GROWING += ("weight_decay", "warmup", "average", "seed")
_MASKED: tuple[str, ...] = (
    "steps",
    "views",
    "side",
    "block",
    "hidden",
    "smallest_voxel",
    "largest_voxel",
    "learning_rate",
)
_MASKED += ("weight_decay", "warmup", "average", "seed")
_PATIENCE_S = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit code: 0 success, 2 bad input, 130 canceled."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except (InputError, MissingPackageError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    except (Canceled, KeyboardInterrupt) as error:
        print(f"training: {str(error) or 'canceled'}", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
    from MedDeepRegSegLib.training.masked_settings import MaskedSettings
    from MedDeepRegSegLib.training.settings import PretrainSettings
    from MedDeepRegSegLib.training.subdivision_settings import SubdivisionTraining

    parser = argparse.ArgumentParser(prog="python -m MedDeepRegSegLib.training", description=__doc__)
    subparsers = parser.add_subparsers(dest="task", required=True)
    pretrain = subparsers.add_parser("pretrain", help="train the encoder on synthetic pairs")
    pretrain.set_defaults(run=_pretrain)
    _add_run(pretrain, PretrainSettings, _NUMBERS)
    pretrain.add_argument("--maps", type=Path, metavar="MAPS.npz", help="real label maps (synthesis.real_maps)")
    subdivision = subparsers.add_parser("subdivision", help="train a network that names the parts of a structure")
    subdivision.set_defaults(run=_subdivision)
    _add_run(subdivision, SubdivisionTraining, _SUBDIVISION)
    subdivision.add_argument(
        "--maps", type=Path, required=True, metavar="MAPS.npz", help="label maps (synthesis.real_maps)"
    )
    subdivision.add_argument(
        "--parts", type=Path, metavar="PARTS.json", help="which labels are which part (those of the brain)"
    )
    subdivision.add_argument("--encoder", type=Path, metavar="MODEL_DIR", help="start from it (the one that ships)")
    growing = subparsers.add_parser("growing", help="train the network that grows what is clicked")
    growing.set_defaults(run=_growing)
    _add_run(growing, GrowingTrainSettings, _GROWING)
    growing.add_argument("--maps", type=Path, metavar="MAPS.npz", help="label maps (synthesis.real_maps)")
    growing.add_argument("--sides", type=int, nargs="+", default=GrowingTrainSettings.sides, metavar="VOXELS")
    growing.add_argument("--start", type=Path, metavar="MODEL_DIR", help="begin from it, not from random weights")
    masked = subparsers.add_parser(
        "masked", help="train the encoder on volumes without labels: it guesses what is hidden"
    )
    masked.set_defaults(run=_masked)
    _add_run(masked, MaskedSettings, _MASKED)
    masked.add_argument(
        "--dataset", type=Path, required=True, metavar="DATASET.json", help="its volumes are learned from"
    )
    masked.add_argument("--start", type=Path, metavar="MODEL_DIR", help="begin from this encoder (the one that ships)")
    masked.add_argument("--scratch", action="store_true", help="begin from random weights")
    cases = subparsers.add_parser("cases", help="'meddeep train' in several processes, by torchrun")
    cases.set_defaults(run=_cases)
    cases.add_argument("dataset", type=Path, metavar="DATASET.json")
    cases.add_argument("--out", type=Path, required=True, metavar="MODEL_DIR")
    cases.add_argument("--resume", action="store_true", help="go on with the run in MODEL_DIR")
    cases.add_argument("--network", default="encoder", choices=("encoder", "unet", "segresnet", "dynunet", "custom"))
    cases.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    for name in ("epochs", "steps-per-epoch", "batch", "patience"):
        cases.add_argument(f"--{name}", type=int)
    cases.add_argument("--seed", type=int, default=0)
    export = subparsers.add_parser("export", help="make a model folder from a run")
    export.set_defaults(run=_export)
    export.add_argument("folder", type=Path, metavar="RUN")
    export.add_argument("--out", type=Path, required=True, metavar="MODEL_DIR")
    export.add_argument(
        "--kind", choices=("encoder", "growing", "masked", "subdivision"), help="what the run trained (found by itself)"
    )
    export.add_argument("--description", type=Path, metavar="FILE.json", help="texts of the card (EncoderTexts)")
    export.add_argument(
        "--metrics", type=Path, nargs="+", default=(), metavar="FILE.json", help="what the benchmark measured"
    )
    return parser


def _add_run(parser: argparse.ArgumentParser, settings: type, numbers: tuple[str, ...]) -> None:
    """Add the options that all runs have, and those of numbers of the settings."""
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run; goes on if there")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end this chunk after this time")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default=None)
    parser.add_argument("--report-every", type=int, default=50, metavar="STEPS")
    parser.add_argument("--save-minutes", type=float, default=3.0, metavar="MINUTES", help="between checkpoints")
    defaults = {field.name: field.default for field in fields(settings)}
    for name in numbers:
        kind = type(defaults[name])
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=kind, default=defaults[name], help=f"({defaults[name]})"
        )


def _pretrain(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.training.pretrain import pretrain
    from MedDeepRegSegLib.training.settings import PretrainSettings

    settings = PretrainSettings(precision=_precision(args), **{name: getattr(args, name) for name in _NUMBERS})
    with _cancel_by_signals() as cancel:
        result = pretrain(settings, args.out, maps=args.maps, **_options(args), cancel=cancel)
    _tell(1.0, f"at step {result.step} of {settings.steps} after {result.seconds / 60:.1f} minutes")


def _subdivision(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.training.subdivision import train_subdivision
    from MedDeepRegSegLib.training.subdivision_settings import SubdivisionTraining, read_parts

    numbers = {name: getattr(args, name) for name in _SUBDIVISION}
    settings = SubdivisionTraining(precision=_precision(args), **numbers)
    if args.parts:
        parts, unknown = read_parts(args.parts)
        settings = replace(settings, parts=parts, unknown=unknown)
    with _cancel_by_signals() as cancel:
        result = train_subdivision(
            settings, args.out, maps=args.maps, encoder=args.encoder, **_options(args), cancel=cancel
        )
    _tell(1.0, f"at step {result.step} of {settings.steps} after {result.seconds / 60:.1f} minutes")


def _growing(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.training.growing import train_growing, weights_from
    from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings

    network = GrowingTrainSettings().network
    digest, start = ("", None) if args.start is None else weights_from(args.start, network)
    numbers = {name: getattr(args, name) for name in _GROWING}
    settings = GrowingTrainSettings(precision=_precision(args), sides=tuple(args.sides), start=digest, **numbers)
    with _cancel_by_signals() as cancel:
        result = train_growing(settings, args.out, maps=args.maps, start=start, **_options(args), cancel=cancel)
    _tell(1.0, f"at step {result.step} of {settings.steps} after {result.seconds / 60:.1f} minutes")


def _masked(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.datasets.dataset import read_dataset
    from MedDeepRegSegLib.training.masked import start_encoder, train_masked, unlabeled_cases, volumes_sha256
    from MedDeepRegSegLib.training.masked_settings import MaskedSettings

    start = start_encoder(args.start, scratch=args.scratch)
    dataset = read_dataset(args.dataset)
    cases = unlabeled_cases(dataset)
    settings = MaskedSettings(
        precision=_precision(args),
        start=start.sha256,
        cases_sha256=volumes_sha256(dataset, cases),
        encoder=start.encoder,
        **{name: getattr(args, name) for name in _MASKED},
    )
    with _cancel_by_signals() as cancel:
        result = train_masked(settings, cases, args.out, start=start.weights, **_options(args), cancel=cancel)
    _tell(1.0, f"at step {result.step} of {settings.steps} after {result.seconds / 60:.1f} minutes")


def _cases(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.training.cases.train_job import Request, run

    names = ("dataset", "out", "resume", "network", "device", "epochs", "steps_per_epoch", "batch", "patience", "seed")
    request = Request(**{name: getattr(args, name) for name in names})
    with _cancel_by_signals() as cancel:
        result = run(request, progress=_tell, cancel=cancel)
    score = "" if result.score is None else f", mean Dice {result.score:.3f} on the validation cases"
    _tell(1.0, f"wrote {result.model} after {result.epochs} epochs in {result.minutes:.1f} minutes{score}")


def _precision(args: argparse.Namespace) -> "Precision":
    usual: Precision = "bfloat16" if args.device == "cuda" else "float32"
    return args.precision or usual


def _options(args: argparse.Namespace) -> dict[str, Any]:
    names = ("device", "minutes", "report_every", "save_minutes")
    return {name: getattr(args, name) for name in names} | {"progress": _tell}


def _tell(_fraction: float, message: str) -> None:
    if os.environ.get("RANK", "0") == "0":
        print(message, flush=True)


def _export(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.training.export import export_encoder, read_metrics, read_texts
    from MedDeepRegSegLib.training.growing_export import USUAL_TEXTS as GROWING
    from MedDeepRegSegLib.training.growing_export import export_growing
    from MedDeepRegSegLib.training.masked_export import USUAL_TEXTS as MASKED
    from MedDeepRegSegLib.training.masked_export import export_masked
    from MedDeepRegSegLib.training.run_export import kind_of
    from MedDeepRegSegLib.training.subdivision_export import USUAL_TEXTS as SUBDIVISION
    from MedDeepRegSegLib.training.subdivision_export import export_subdivision

    metrics = tuple(metric for file in args.metrics for metric in read_metrics(file))
    kind = args.kind or kind_of(args.folder)
    note = ""
    if kind == "encoder":
        texts = read_texts(args.description) if args.description else None
        result = export_encoder(args.folder, args.out, texts=texts, metrics=metrics)
        made, note = result.description, f"; half precision changes features by up to {result.largest_change:.1g}"
    else:
        usual, export = {
            "growing": (GROWING, export_growing),
            "masked": (MASKED, export_masked),
            "subdivision": (SUBDIVISION, export_subdivision),
        }[kind]
        texts = read_texts(args.description, usual) if args.description else usual
        made = export(args.folder, args.out, texts=texts, metrics=metrics)
    print(f"wrote {made.name} {made.version}, {made.training.steps} steps, to {args.out}{note}")


@contextmanager
def _cancel_by_signals() -> Iterator[CancelToken]:
    """Give a token that Ctrl-C and SIGTERM cancel, so that the run is saved. A second Ctrl-C ends at once."""
    cancel, first = CancelToken(), math.inf

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        # Under torchrun, one Ctrl-C arrives twice: from the terminal, and passed on.
        if number == signal.SIGINT and now - first > _PATIENCE_S:
            raise KeyboardInterrupt
        first = min(first, now)
        cancel.cancel()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
