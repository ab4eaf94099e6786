"""Dice against epochs and processor minutes of training on few cases: from the encoder that ships, from random weights, and
MONAI's U-Net of equal size.

Slabs of T1-weighted MR of six people with four tissues (leave one out), and drawn heads. Every run gets the same processor
time, on one thread; what the checks take is not counted, because it is not training. No weights are chosen by the case that
is left out: the curves and the last weights count.

    PYTHONPATH=MedDeepRegSeg python Testing/Benchmarks/training.py --out DIR --tasks phantom slabs --minutes 2
"""

import argparse
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from training_tables import draw, summarize

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, read_dataset
from MedDeepRegSegLib.datasets.fingerprint import fingerprint
from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
from MedDeepRegSegLib.segmentation.segments import Segment, default_color
from MedDeepRegSegLib.training.cases.begin import LEARNING_RATES
from MedDeepRegSegLib.training.cases.pace import measure_pace
from MedDeepRegSegLib.training.cases.plan import plan
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings
from MedDeepRegSegLib.training.cases.start import start_of
from MedDeepRegSegLib.training.cases.trainer import train_cases
from MedDeepRegSegLib.training.checks import CHECK_LOG
from MedDeepRegSegLib.training.log import read_log

METHODS = ("encoder", "scratch", "unet")
SLABS = Path("10_brain_t1_with_segmentation/ptbp_slab_subjects")
TISSUES = ("cerebrospinal fluid", "gray matter", "white matter", "deep gray matter")
CHECKS = 12


def phantom_dataset(folder):
    """Return drawn heads: seven cases of four classes, at voxels of 3 mm."""
    if not (folder / "dataset.json").exists():
        write_phantom_dataset(folder, cases=7, spacing_mm=3.0, validation=0.3)
    return read_dataset(folder / "dataset.json")


def slab_dataset(shared):
    """Return the six slabs and their four tissues."""
    folder = shared / SLABS
    classes = tuple(Segment(number, name, default_color(number)) for number, name in enumerate(TISSUES, start=1))
    cases = tuple(
        Case(
            name=f"person-{n}",
            patient=f"{n}",
            images=(folder / f"ilist{n}.nii.gz",),
            labels=folder / f"slist{n}.nii.gz",
        )
        for n in range(1, 7)
    )
    return Dataset(name="T1 slabs", channels=("T1",), classes=classes, cases=cases)


def left_out(dataset, number, count):
    """Return the dataset with one case to measure on, and the ``count`` after it to learn from."""
    names = [case.name for case in dataset.cases]
    turned = names[number:] + names[:number]
    roles = {name: "unused" for name in names} | {name: "training" for name in turned[1 : count + 1]}
    return dataset.with_roles((roles | {turned[0]: "validation"}).items())


def settings_of(dataset, method, minutes, seed):
    """Return the settings that a user gets, with as many steps as fit into the time."""
    network = "unet" if method == "unet" else "encoder"
    planned = plan(fingerprint(dataset), network=network)
    settings = CaseTrainSettings(
        learning_rate=LEARNING_RATES[network],
        batch=planned.batch,
        patch=planned.patch,
        network=planned.settings,
        preprocessing=planned.preprocessing,
        patience=0,
        seed=seed,
    )
    if method == "unet":  # the same voxels, and about as many parameters
        other = plan(fingerprint(dataset), network="encoder")
        how = replace(planned.preprocessing, spacing_mm=other.preprocessing.spacing_mm)
        sides = tuple(
            max(step, side // step * step) for side, step in zip(other.patch, planned.settings.multiple, strict=True)
        )
        sizes = replace(planned.settings, channels=(16, 32, 64, 128), strides=((2, 2, 2),) * 3)
        settings = replace(settings, preprocessing=how, patch=sides, batch=other.batch, network=sizes)
    pace = measure_pace(settings, 0.0, "cpu", clock=time.process_time)
    steps = max(1, round(60 * minutes / pace.step_seconds / CHECKS))
    return replace(settings, epochs=CHECKS, steps_per_epoch=steps, warmup=min(20, steps))


def run(dataset, method, folder, minutes, seed):
    """Train, and return the rows of the checks with processor seconds of training, and the parameters."""
    settings = settings_of(dataset, method, minutes, seed)
    digest, start = start_of(settings.network, None, scratch=method != "encoder", seed=seed)
    spent, began, seconds = 0.0, time.process_time(), {}

    def told(_fraction, text):
        nonlocal spent, began
        step = int(text.split()[1].rstrip(":")) if text.startswith("step ") else None
        if step is not None and "loss" in text:  # said before the check of this step
            spent += time.process_time() - began
            seconds[step] = spent
        began = time.process_time()

    result = train_cases(
        replace(settings, start=digest),
        dataset,
        folder,
        start=start,
        report_every=settings.steps_per_epoch,
        progress=told,
    )
    rows = [row | {"cpu_seconds": seconds[int(row["step"])]} for row in read_log(folder / CHECK_LOG)]
    shutil.rmtree(folder / "prepared", ignore_errors=True)
    return rows, sum(value.numel() for value in result.network.parameters())


def main():
    """Run what is asked for and what is not there yet; write results.json, curves.png and the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=("phantom", "slabs"), default=("phantom", "slabs"))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--minutes", type=float, default=2.0, help="processor minutes of each run")
    parser.add_argument("--cases", type=int, nargs="+", default=(5,), help="numbers of cases to learn from")
    parser.add_argument("--folds", type=int, default=6, help="cases to leave out in turn, at most")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    for task in args.tasks:
        dataset = phantom_dataset(args.out / "phantoms") if task == "phantom" else slab_dataset(args.shared)
        for number in range(min(args.folds, len(dataset.cases))):
            for count in args.cases:
                for method in args.methods:
                    name = f"{task}-{count}-{number}-{method}-{args.minutes:g}"
                    path = args.out / f"{name}.json"
                    if path.exists():
                        continue
                    rows, parameters = run(
                        left_out(dataset, number, count), method, args.out / name, args.minutes, args.seed
                    )
                    keys = {"task": task, "cases": count, "fold": number, "method": method, "minutes": args.minutes}
                    path.write_text(json.dumps(keys | {"parameters": parameters, "rows": rows}))
                    last = rows[-1]
                    print(f"{name}: Dice {last['mean']:.3f} after {last['cpu_seconds']:.0f} s", flush=True)
    results = [json.loads(path.read_text()) for path in sorted(args.out.glob("*-*.json"))]
    print(summarize(results))
    draw(results, args.out / "curves.png")


if __name__ == "__main__":
    np.seterr(all="warn")
    main()
