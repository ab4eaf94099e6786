"""The command line of pre-training, for developers."""

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import FrameType

from MedDeepRegSegLib.errors import Canceled, InputError, MissingPackageError
from MedDeepRegSegLib.jobs.progress import CancelToken

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
    from MedDeepRegSegLib.training.settings import PretrainSettings

    parser = argparse.ArgumentParser(prog="python -m MedDeepRegSegLib.training", description=__doc__)
    subparsers = parser.add_subparsers(dest="task", required=True)
    pretrain = subparsers.add_parser("pretrain", help="train the encoder on synthetic pairs")
    pretrain.set_defaults(run=_pretrain)
    pretrain.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run; goes on if there")
    pretrain.add_argument("--maps", type=Path, metavar="MAPS.npz", help="real label maps (synthesis.real_maps)")
    pretrain.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    pretrain.add_argument("--minutes", type=float, default=math.inf, help="end this chunk after this time")
    pretrain.add_argument("--precision", choices=("float32", "bfloat16"), default=None)
    pretrain.add_argument("--report-every", type=int, default=50, metavar="STEPS")
    pretrain.add_argument("--save-minutes", type=float, default=3.0, metavar="MINUTES", help="between checkpoints")
    defaults = {field.name: field.default for field in fields(PretrainSettings)}
    for name in _NUMBERS:
        kind = type(defaults[name])
        pretrain.add_argument(
            f"--{name.replace('_', '-')}", type=kind, default=defaults[name], help=f"({defaults[name]})"
        )
    export = subparsers.add_parser("export", help="make a model folder from a run")
    export.set_defaults(run=_export)
    export.add_argument("folder", type=Path, metavar="RUN")
    export.add_argument("--out", type=Path, required=True, metavar="MODEL_DIR")
    export.add_argument("--description", type=Path, metavar="FILE.json", help="texts of the card (EncoderTexts)")
    export.add_argument(
        "--metrics", type=Path, nargs="+", default=(), metavar="FILE.json", help="what the benchmark measured"
    )
    return parser


def _pretrain(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.training.pretrain import pretrain
    from MedDeepRegSegLib.training.settings import Precision, PretrainSettings

    usual: Precision = "bfloat16" if args.device == "cuda" else "float32"
    precision: Precision = args.precision or usual
    settings = PretrainSettings(precision=precision, **{name: getattr(args, name) for name in _NUMBERS})
    leads = os.environ.get("RANK", "0") == "0"

    def tell(_fraction: float, message: str) -> None:
        if leads:
            print(message, flush=True)

    with _cancel_by_signals() as cancel:
        result = pretrain(
            settings,
            args.out,
            maps=args.maps,
            device=args.device,
            minutes=args.minutes,
            report_every=args.report_every,
            save_minutes=args.save_minutes,
            progress=tell,
            cancel=cancel,
        )
    tell(1.0, f"at step {result.step} of {settings.steps} after {result.seconds / 60:.1f} minutes")


def _export(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.training.export import export_encoder, read_metrics, read_texts

    result = export_encoder(
        args.folder,
        args.out,
        texts=read_texts(args.description) if args.description else None,
        metrics=tuple(metric for file in args.metrics for metric in read_metrics(file)),
    )
    print(
        f"wrote {result.description.name} {result.description.version}, {result.description.training.steps} steps, "
        f"to {result.folder}; half precision changes features by up to {result.largest_change:.1g}"
    )


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
