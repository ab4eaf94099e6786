"""Measure what the encoder's features are worth beside raw intensities and MIND-SSC, on real pairs, in one run.

    python Testing/Benchmarks/features.py --out DIR [--model FOLDER | --random] [--parts registration,matching,...] [--quick]

Parts: registration (known deformations, one optimizer for all), matching (nearest neighbors: contrast invariance), capture
(rigid starts from which one run recovers), probe (labels by a linear classifier), cost (time and memory of encoding).
Prints the tables and writes one CSV a part and features.md to DIR. Settings and weights are chosen by the pairs whose
role is "development"; those "held out" are only reported.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from features_pairs import DEVELOPMENT, HELD_OUT, Encode, load_pairs
from features_registration import evaluate_registration, summary
from features_tables import side_by_side, write_report, write_table
from numpy.typing import NDArray

from MedDeepRegSegLib.features.windows import encode_array
from MedDeepRegSegLib.models.networks import LoadedEncoder, load_encoder

Sections = list[tuple[str, list[dict]]]


def registration_part(encode: Encode, args: argparse.Namespace) -> Sections:
    """Part a."""
    sources = DEVELOPMENT[:2] if args.quick else DEVELOPMENT + HELD_OUT
    rows = evaluate_registration(
        encode,
        load_pairs(args.shared, sources),
        seeds=(1,) if args.quick else (1, 2),
        weights=(0.3,) if args.quick else (0.2, 0.4, 0.6),
        fine=not args.quick,
    )
    write_table(args.out, "registration", rows)
    return [
        ("Registration: mean error in mm", side_by_side(rows, "mean_mm")),
        ("Registration: mean error by that of MIND-SSC alone", side_by_side(rows, "ratio_to_mind")),
        ("Registration: means over pairs", summary(rows)),
    ]


PARTS: dict[str, Callable[[Encode, argparse.Namespace], Sections]] = {"registration": registration_part}


def encoder_of(args: argparse.Namespace) -> LoadedEncoder:
    """Return the encoder to measure; untrained as a control with ``--random``."""
    if not args.random:
        return load_encoder(args.model)
    from MedDeepRegSegLib.models.encoder import Encoder

    torch.manual_seed(0)
    # No description: this one is never written.
    return LoadedEncoder(Encoder().eval().requires_grad_(False), None, "cpu")  # type: ignore[arg-type]


def local_features(encoder: LoadedEncoder) -> Encode:
    """Return the function that the parts call."""

    def encode(values: NDArray[np.float32]) -> torch.Tensor:
        local, _ = encode_array(values, encoder)
        return torch.from_numpy(np.ascontiguousarray(local, dtype=np.float32))

    return encode


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--model", type=Path, help="model folder; the shipped encoder by default")
    parser.add_argument("--random", action="store_true", help="an untrained encoder, as a control")
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated: " + ", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="fewer pairs, deformations and weights")
    args = parser.parse_args()
    unknown = set(args.parts.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    args.out.mkdir(parents=True, exist_ok=True)
    encode = local_features(encoder_of(args))
    sections: Sections = []
    for name in args.parts.split(","):
        found = PARTS[name](encode, args)
        print(write_report(args.out, found), flush=True)
        sections += found
    write_report(args.out, sections)


if __name__ == "__main__":
    main()
