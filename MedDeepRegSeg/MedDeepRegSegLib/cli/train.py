"""``meddeep train``: a network of one's own, from the cases of a dataset."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.cli.command import Command, HelpLines
from MedDeepRegSegLib.cli.options import common_options, existing, millimeters, output_folder
from MedDeepRegSegLib.wording import counted

GROWING, MASKED = "growing", "masked"
NETWORKS = ("encoder", "unet", "segresnet", "dynunet", "custom")  # as in models.segmenter_settings
_NOT_OF_TIMED: tuple[str, ...] = ("epochs", "steps_per_epoch", "patience", "batch", "patch", "spacing", "memory")
_NOT_OF_TIMED += ("channels", "residual_units", "normalization", "dropout")

_EPILOG = """\
DATASET.json is made by 'meddeep dataset'. MODEL_DIR becomes the model: 'meddeep predict MODEL_DIR IMAGE' uses it. While it is
trained, MODEL_DIR/run has log.csv and validation.csv, their curves as pictures, and examples.png. Ctrl-C saves the run;
--resume goes on with it exactly as if it had not been stopped.

Network, voxel size, patch and normalization follow from the dataset and from the memory of the machine; the notes say why.

examples:
  meddeep train dataset.json --out my_model --minutes 20
  meddeep train dataset.json --out my_model --resume
  meddeep train dataset.json --compare
  meddeep train dataset.json --network unet --epochs 100 --augmentation strong --out my_unet
  meddeep train dataset.json --network custom --channels 16,32,64 --residual-units 1 --dropout 0.1 --out my_own
  meddeep train more_cases.json --start my_model --out better_model
  meddeep train dataset.json --network growing --minutes 10 --out my_growing
  meddeep train dataset.json --network masked --minutes 30 --out my_encoder
  meddeep train dataset.json --start my_encoder --out my_model
"""


def _add_parser(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "train",
        help="train a network on your own cases",
        description="Train a segmentation network on the cases of a dataset.",
        epilog=_EPILOG,
        formatter_class=HelpLines,
        parents=[common_options(uses_gpu=True)],
    )
    parser.add_argument("dataset", type=Path, metavar="DATASET.json", help="cases, as 'meddeep dataset' writes them")
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument("--out", type=Path, metavar="MODEL_DIR", help="folder of the model")
    goal.add_argument("--compare", action="store_true", help="only say what each network would cost on these cases")
    parser.add_argument("--resume", action="store_true", help="go on with the run in MODEL_DIR")
    parser.add_argument(
        "--network",
        choices=(*NETWORKS, GROWING, MASKED),
        default="encoder",
        help="encoder: the network that ships, trained on; growing: the one that 'meddeep grow' uses, trained on so that it "
        "needs fewer clicks on such cases; masked: an encoder from images without labels, to begin from (--start); the others "
        "begin from random weights, and unet is often better than encoder on a processor (default: encoder)",
    )
    parser.add_argument("--minutes", type=float, help="take about so long, on this machine")
    parser.add_argument("--epochs", type=int, help="epochs of the whole run (default: 40)")
    parser.add_argument("--steps-per-epoch", type=int, help="updates between two checks (default: 50)")
    parser.add_argument(
        "--patience", type=int, metavar="EPOCHS", help="end after so many epochs without gain (default: 15; 0: never)"
    )
    parser.add_argument("--batch", type=int, help="patches that are computed at once")
    parser.add_argument(
        "--patch", type=_sides, metavar="X,Y,Z", help="size of a patch, voxels to the left, back and top"
    )
    parser.add_argument(
        "--spacing", type=_spacing, metavar="MM[,MM,MM]", help="size of a voxel, to the left, back and top"
    )
    parser.add_argument("--augmentation", default="default", metavar="PRESET", help="a preset, its file, or none")
    parser.add_argument("--learning-rate", type=float, metavar="RATE")
    parser.add_argument(
        "--channels", type=_numbers, metavar="N,N,...", help="of the network custom, from the finest level"
    )
    parser.add_argument("--residual-units", type=int, metavar="N", help="of each level of the network custom")
    parser.add_argument("--normalization", choices=("instance", "batch", "group"), help="of the network custom")
    parser.add_argument("--dropout", type=float, metavar="FRACTION", help="of the network custom")
    parser.add_argument("--start", type=Path, metavar="MODEL_DIR", help="begin from a model of yours, or an encoder")
    parser.add_argument("--scratch", action="store_true", help="begin from random weights")
    parser.add_argument("--memory", type=float, metavar="GB", help="memory that may be used (default: what is free)")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        msg = f"{text!r} are no channels: expected whole numbers, for example 16,32,64"
        raise argparse.ArgumentTypeError(msg)
    return tuple(int(part) for part in parts)


def _sides(text: str) -> tuple[int, int, int]:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        msg = f"{text!r} is not a size: expected three numbers of voxels, for example 64,64,32"
        raise argparse.ArgumentTypeError(msg)
    x, y, z = (int(part) for part in parts)
    return x, y, z


def _spacing(text: str) -> tuple[float, float, float]:
    parts = [millimeters(part) for part in text.split(",")]
    if len(parts) not in (1, 3):
        msg = f"{text!r} is not a size of voxels: expected one length or three in mm, for example 1,1,3"
        raise argparse.ArgumentTypeError(msg)
    x, y, z = parts * 3 if len(parts) == 1 else parts
    return x, y, z


def _request(args: argparse.Namespace) -> Any:
    existing(args.dataset, "DATASET.json")
    if args.start is not None:
        existing(args.start, "--start")
    if args.compare:
        from MedDeepRegSegLib.training.cases.compare_job import Request as CompareRequest

        return CompareRequest(dataset=args.dataset, memory_gb=args.memory, device=args.device)
    output_folder(args.out)
    if args.network == GROWING:
        return _growing_request(args)
    if args.network == MASKED:
        return _masked_request(args)
    from MedDeepRegSegLib.training.cases.train_job import Request

    return Request(
        dataset=args.dataset,
        out=args.out,
        network=args.network,
        resume=args.resume,
        epochs=args.epochs,
        minutes=args.minutes,
        steps_per_epoch=args.steps_per_epoch,
        batch=args.batch,
        patch=args.patch,
        spacing_mm=args.spacing,
        augmentation=args.augmentation,
        learning_rate=args.learning_rate,
        patience=args.patience,
        channels=args.channels,
        residual_units=args.residual_units,
        normalization=args.normalization,
        dropout=args.dropout,
        start=args.start,
        scratch=args.scratch,
        memory_gb=args.memory,
        device=args.device,
        seed=args.seed,
    )


def _growing_request(args: argparse.Namespace) -> Any:
    from MedDeepRegSegLib.training.growing_job import Request

    _refuse_given(args, (*_NOT_OF_TIMED, "scratch"))
    asked = {} if args.learning_rate is None else {"learning_rate": args.learning_rate}
    return Request(**_timed(args), **asked)


def _masked_request(args: argparse.Namespace) -> Any:
    from MedDeepRegSegLib.training.masked_job import Request

    _refuse_given(args, (*_NOT_OF_TIMED, "learning_rate"))
    return Request(**_timed(args), scratch=args.scratch)


def _refuse_given(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuse options that a network which is trained for a time does not have."""
    from MedDeepRegSegLib.errors import InputError

    given = next((name for name in names if getattr(args, name) not in (None, False)), None)
    if given is not None:
        option = given.replace("_", "-")
        msg = f"--{option} is not for the network {args.network}: leave it out; --minutes says how long it is trained"
        raise InputError(msg)


def _timed(args: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(args, name) for name in ("dataset", "out", "minutes", "resume", "start", "device", "seed")}


def _job(args: argparse.Namespace) -> str:
    if args.compare:
        return "compare-networks"
    return {GROWING: "train-growing", MASKED: "train-masked"}.get(args.network, "train")


def _summary(result: Any) -> list[str]:
    if hasattr(result, "networks"):
        return _compared(result)
    if hasattr(result, "verdict"):
        return _growing_summary(result)
    if hasattr(result, "error_of_mean"):
        return _masked_summary(result)
    lines = []
    if result.score is not None:
        lines.append(f"mean Dice on the validation cases {result.score:.3f}")
        lines += [
            f"  {one.name}: {'in no validation case' if one.dice is None else f'{one.dice:.3f}'}"
            for one in result.classes
        ]
    if result.advice:
        lines.append(result.advice)
    why = "" if result.ended == "complete" else ", ended because it did not get better"
    lines.append(f"{result.epochs} epochs in {result.minutes:.1f} minutes{why}; weights of epoch {result.best_epoch}")
    return [*lines, f"wrote {result.model}"]


def _compared(result: Any) -> list[str]:
    lines = [
        f"{'network':10}{'voxel mm':>16}{'patch':>15}{'batch':>6}{'parameters':>12}{'GiB to train':>13}{'GiB to use':>11}{'GFLOP':>7}"
    ]
    for one in result.networks:
        size, patch = (" x ".join(f"{side:g}" for side in sides) for sides in (one.voxel_mm, one.patch))
        lines.append(
            f"{one.network:10}{size:>16}{patch:>15}{one.batch:>6}{one.parameters:>12,}{one.training_gib:>13.1f}"
            f"{one.use_gib:>11.1f}{one.gflop:>7.1f}"
        )
    if result.left_out:
        lines.append(f"too large for the memory: {', '.join(result.left_out)}")
    return lines


def _growing_summary(result: Any) -> list[str]:
    lines = [result.text] if result.text else []
    lines += [
        f"  {one.name}: {one.before:.2f} before, {one.after:.2f} after ({one.difference:+.2f}, 95 % interval {one.low:+.2f} "
        f"to {one.high:+.2f})"
        for one in result.changes
    ]
    lines.append(f"synthetic objects: Dice {result.synthetic_before:.2f} before, {result.synthetic_after:.2f} after")
    lines.append(f"{result.steps} steps in {result.minutes:.1f} minutes")
    return [*lines, f"wrote {result.model}; use it by 'meddeep grow --model {result.model}'"]


def _masked_summary(result: Any) -> list[str]:
    return [
        result.text,
        f"{counted(result.steps, 'step')} on {counted(result.cases, 'case')} in {result.minutes:.1f} minutes",
        f"wrote {result.model}; begin from it by 'meddeep train DATASET.json --start {result.model} --out MODEL_DIR'",
    ]


COMMAND = Command(name="train", add_parser=_add_parser, summary=_summary, job=_job, request=_request, uses_gpu=True)
