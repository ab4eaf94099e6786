"""Measure what the encoder's features are worth beside raw intensities and MIND-SSC, on real images, in one run.

    python Testing/Benchmarks/features.py --out DIR [--model FOLDER | --random] [--parts registration,matching,...] [--quick]

Parts: registration (known deformations, one optimizer for all), matching (nearest neighbors: contrast invariance), capture
(rigid starts from which one descent recovers), global (rigid starts found by matching features anywhere), probe (labels by a linear classifier), cost (time and memory of encoding).
Prints the tables and writes one CSV a part, features.md, and the numbers of the model card (metrics_*.json) to DIR.
Settings and weights are chosen by the pairs whose role is "development"; those "held out" are only reported.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from features_capture import evaluate_capture
from features_cost import evaluate_cost
from features_encoder import Features, load_features
from features_global import ANGLES, evaluate_global
from features_matching import evaluate_matching
from features_metrics import cost_metrics, global_metrics, registration_metrics
from features_pairs import DEVELOPMENT, HELD_OUT, load_pairs
from features_probe import evaluate_probe, load_labeled
from features_registration import SHARES, evaluate_registration, summary
from features_tables import report_text, side_by_side, write_table

from MedDeepRegSegLib.jobs.outputs import write_json, write_text

Sections = list[tuple[str, list[dict]]]


def registration_part(features: Features, args: argparse.Namespace) -> Sections:
    """Part a."""
    sources = DEVELOPMENT[:2] if args.quick else DEVELOPMENT + HELD_OUT
    sources = tuple(source for source in sources if args.only in (None, source.role))
    rows = evaluate_registration(
        features.local,
        load_pairs(args.shared, sources),
        seeds=range(1, 1 + (1 if args.quick else args.seeds)),
        weights=(0.2,) if args.quick else SHARES,
        fine=not args.quick,
        with_raw=not args.quick,
        unwarped=args.unwarped,
    )
    write_table(args.out, "registration", rows)
    write_json(args.out / "metrics_registration.json", registration_metrics(rows))
    sections = [
        ("Registration: mean error in mm", side_by_side(rows, "mean_mm")),
        ("Registration: mean error by that of MIND-SSC alone, of its better grid", side_by_side(rows, "ratio_to_mind")),
        ("Registration: means over pairs", summary(rows)),
    ]
    if args.unwarped:
        title = "Registration: mm from what the same features find in the undeformed pair"
        sections.insert(1, (title, side_by_side(rows, "consistency_mm")))
    return sections


def matching_part(features: Features, args: argparse.Namespace) -> Sections:
    """Part b."""
    sources = DEVELOPMENT[:1] if args.quick else DEVELOPMENT + HELD_OUT
    pairs = load_pairs(args.shared, sources)
    rows = evaluate_matching(features.local, pairs, (1,) if args.quick else (None, 1), fine=not args.quick)
    write_table(args.out, "matching", rows)
    sections: Sections = []
    for warped in dict.fromkeys(row["warped"] for row in rows):
        own = [row for row in rows if row["warped"] == warped]
        how = "deformed" if warped else "as it is"
        kinds = [("near_mean_mm", "within 20 mm, mean mm"), ("anywhere_median_mm", "anywhere, median mm")]
        if warped:
            kinds.append(("stayed_median_mm", "anywhere, median mm from the same place of the grid"))
        for key, text in kinds:
            sections.append((f"Nearest neighbor, pair {how}, {text}", side_by_side(own, key)))
    return sections


def capture_part(features: Features, args: argparse.Namespace) -> Sections:
    """Part c."""
    starts = [(30.0, 0.0), (0.0, 40.0)] if args.quick else None
    pairs = load_pairs(args.shared, DEVELOPMENT[:1] if args.quick else (DEVELOPMENT[0], DEVELOPMENT[3]))
    rows = evaluate_capture(features.both, pairs, starts, directions=1 if args.quick else 2)
    write_table(args.out, "capture", rows)
    for row in rows:
        row["start"] = f"{row['pair']}: {row['degrees']:g} degrees, {row['shift_mm']:g} mm"
    return [
        (f"Rigid starts: {text}", side_by_side(rows, key, row="start"))
        for key, text in (("recovered", "part recovered to below 5 mm"), ("mean_mm", "mean error in mm"))
    ]


def global_part(features: Features, args: argparse.Namespace) -> Sections:
    """Part f."""
    sources = DEVELOPMENT[:1] if args.quick else (DEVELOPMENT[0], DEVELOPMENT[3], HELD_OUT[0])
    rows = evaluate_global(features.both, load_pairs(args.shared, sources), (30.0,) if args.quick else ANGLES)
    write_table(args.out, "global", rows)
    write_json(args.out / "metrics_global.json", global_metrics(rows))
    for row in rows:
        row["start"] = f"{row['pair']}: {row['degrees']:g} degrees, 40 mm"
    return [("Rigid start by matching anywhere: mean error in mm", side_by_side(rows, "mean_mm", row="start"))]


def probe_part(features: Features, args: argparse.Namespace) -> Sections:
    """Part d."""
    rows = evaluate_probe(features.local, load_labeled(args.shared, quick=args.quick))
    write_table(args.out, "probe", rows)
    return [("Linear classifier from five slices: mean Dice", side_by_side(rows, "dice", row="case"))]


def cost_part(features: Features, args: argparse.Namespace) -> Sections:
    """Part e."""
    rows = evaluate_cost(args.model, random=args.random)
    write_table(args.out, "cost", rows)
    write_json(args.out / "metrics_cost.json", cost_metrics(rows))
    return [("Encoding, one thread", rows)]


PARTS: dict[str, Callable[[Features, argparse.Namespace], Sections]] = {
    "registration": registration_part,
    "matching": matching_part,
    "capture": capture_part,
    "global": global_part,
    "probe": probe_part,
    "cost": cost_part,
}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--model", type=Path, help="model folder; the shipped encoder by default")
    parser.add_argument("--random", action="store_true", help="an untrained encoder, as a control")
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated: " + ", ".join(PARTS))
    parser.add_argument("--seeds", type=int, default=1, help="known deformations of each pair, for registration")
    parser.add_argument("--unwarped", action="store_true", help="register the undeformed pairs too, twice the time")
    parser.add_argument(
        "--only", choices=("development", "held out"), help="pairs of this role alone, for registration"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of one computation")
    parser.add_argument("--quick", action="store_true", help="fewer pairs, deformations and weights")
    args = parser.parse_args()
    unknown = set(args.parts.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    features = load_features(args.model, random=args.random)
    sections: Sections = []
    for name in args.parts.split(","):
        found = PARTS[name](features, args)
        sections += found
        # After each part, so that a run cut short leaves its tables.
        write_text(args.out / "features.md", report_text(sections))
        print(report_text(found), flush=True)


if __name__ == "__main__":
    main()
