"""Processor time of one augmented patch: 64 voxels a side, two channels and labels, on one thread.

Run as ``PYTHONPATH=MedDeepRegSeg python Testing/Benchmarks/augmentation.py``.
"""

import dataclasses
import time

import numpy as np
import torch

from MedDeepRegSegLib.augmentation.pipeline import Augmenter
from MedDeepRegSegLib.augmentation.preset import load_preset, preset_names
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings

SIDE, PATCH, CENTER, SPACING_MM = 160, (64, 64, 64), (80.0, 70.0, 75.0), (1.5, 1.5, 2.0)


def milliseconds(settings, values, labels, count):
    """Return the processor time of each of ``count`` patches."""
    make = Augmenter(settings, spacing_mm=SPACING_MM, label_outside=255, segments=())
    make(values, labels, seed=0, patch=PATCH, center=CENTER)
    times = []
    for step in range(count):
        began = time.process_time()
        make(values, labels, seed=(1, step), patch=PATCH, center=CENTER)
        times.append(1000 * (time.process_time() - began))
    return times


def main():
    """Print a line for each preset and each transform."""
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    values = random.standard_normal((2, SIDE, SIDE, SIDE), dtype=np.float32)
    labels = random.integers(0, 4, (SIDE, SIDE, SIDE)).astype(np.uint8)
    for name in preset_names():
        times = milliseconds(load_preset(name), values, labels, 60)
        print(f"{name:16} mean {np.mean(times):5.1f} ms, median {np.median(times):5.1f}, most {max(times):5.1f}")
    strong = load_preset("strong").settings
    for part in dataclasses.fields(strong):
        if part.name != "crop":  # the patch says what is cut out
            always = dataclasses.replace(getattr(strong, part.name), probability=1.0)
            times = milliseconds(AugmentationSettings(**{part.name: always}), values, labels, 10)
            print(f"{part.name:16} mean {np.mean(times):5.1f} ms")


if __name__ == "__main__":
    main()
