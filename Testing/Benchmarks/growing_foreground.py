"""Figures of the foreground masks on real images: overlap with reference labels, seconds."""

import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from features_tables import markdown, write_table
from growing_clicks import dice

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.segmentation.foreground import foreground_mask

_CT = "06_totalsegmentator/example_ct_sm.nii.gz"
_LABELS = "06_totalsegmentator/example_seg.nii.gz"
_LUNGS = (10, 11, 12, 13, 14)


def foreground_figures(data: Path, folder: Path) -> str:
    """Return a table of the masks as Markdown, and write foreground.csv.

    The lungs have reference labels (their lower ends on the CT of the abdomen); of the body it is told which part of all
    labelled organs it holds.
    """
    if not (data / _CT).is_file():
        return "foreground: the reference CT is not there\n"
    image = sitk.ReadImage(str(data / _CT))
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(data / _LABELS)))
    truth = {"lungs": np.isin(labels, _LUNGS), "body": labels > 0}
    rows = []
    for what, wanted in truth.items():
        row = {"mask": what, "Dice": None, "part of the reference inside": None, "seconds": None, "failure": None}
        start = time.perf_counter()
        try:
            mask = sitk.GetArrayFromImage(foreground_mask(image, what)) > 0  # type: ignore[arg-type]
        except (InputError, MissingPackageError) as error:
            rows.append(row | {"failure": str(error)})
            continue
        row["seconds"] = time.perf_counter() - start
        row["Dice"] = dice(mask, wanted) if what == "lungs" else None
        row["part of the reference inside"] = float(mask[wanted].mean())
        rows.append(row)
    write_table(folder, "foreground", rows)
    return f"## Foreground\n\n{markdown(rows)}"
