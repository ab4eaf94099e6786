"""The command line of training, for developers: users train through ``meddeep train``."""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from MedDeepRegSegLib.errors import Canceled, InputError

_NUMBERS = ("steps", "pairs", "side", "real_fraction", "reuse", "learning_rate", "warmup", "average", "anchors", "seed")
_NUMBERS += ("neighbors", "temperature", "global_weight", "context_weight", "region_weight")


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit code: 0 success, 2 bad input, 130 canceled."""
    args = _parser().parse_args(argv)
    try:
        _pretrain(args)
    except InputError as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    except (Canceled, KeyboardInterrupt):
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    from MedDeepRegSegLib.training.settings import PretrainSettings

    parser = argparse.ArgumentParser(prog="python -m MedDeepRegSegLib.training", description=__doc__)
    subparsers = parser.add_subparsers(dest="task", required=True)
    pretrain = subparsers.add_parser("pretrain", help="train the encoder on synthetic pairs")
    pretrain.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run; goes on if there")
    pretrain.add_argument("--maps", type=Path, metavar="MAPS.npz", help="real label maps (synthesis.real_maps)")
    pretrain.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    pretrain.add_argument("--minutes", type=float, default=math.inf, help="end this chunk after this time")
    pretrain.add_argument("--precision", choices=("float32", "bfloat16"), default=None)
    pretrain.add_argument("--report-every", type=int, default=50, metavar="STEPS")
    defaults = {field.name: field.default for field in fields(PretrainSettings)}
    for name in _NUMBERS:
        kind = type(defaults[name])
        pretrain.add_argument(f"--{name.replace('_', '-')}", type=kind, default=defaults[name], help=f"({defaults[name]})")
    return parser


def _pretrain(args: argparse.Namespace) -> None:
    from MedDeepRegSegLib.training.pretrain import pretrain
    from MedDeepRegSegLib.training.settings import PretrainSettings

    precision = args.precision or ("bfloat16" if args.device == "cuda" else "float32")
    settings = PretrainSettings(precision=precision, **{name: getattr(args, name) for name in _NUMBERS})
    leads = os.environ.get("RANK", "0") == "0"

    def tell(_fraction: float, message: str) -> None:
        if leads:
            print(message, flush=True)

    result = pretrain(
        settings,
        args.out,
        maps=args.maps,
        device=args.device,
        minutes=args.minutes,
        report_every=args.report_every,
        progress=tell,
    )
    tell(1.0, f"at step {result.step} of {settings.steps} after {result.seconds / 60:.1f} minutes")
