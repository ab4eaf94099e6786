"""Draw the parts of the brain on the T1 and the CT template (shared data 03, BSD license) as one sheet.

python Testing/Benchmarks/subdivision_pictures.py --out subdivision.png [--model NAME|FOLDER]
"""

import argparse
from pathlib import Path

import SimpleITK as sitk

from MedDeepRegSegLib.models.subdivision_loader import load_subdivision
from MedDeepRegSegLib.segmentation.overlay import legend_picture, montage, slice_picture, write_png
from MedDeepRegSegLib.segmentation.subdivision import subdivide

_IMAGES = {"T1": "betsct1_unsmooth.nii.gz", "CT": "scct_unsmooth_SS_0.01.nii.gz"}
_WINDOWS = {"T1": None, "CT": (60.0, 35.0)}


def main() -> None:
    """Divide, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="brain")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared")
    args = parser.parse_args()
    loaded = load_subdivision(args.model)
    pictures, captions, legend = [], [], {}
    for name, file in _IMAGES.items():
        image = sitk.ReadImage(str(args.shared / "data" / "03_ct_mr_template_pair" / file))
        labels, segments = subdivide(image, loaded)
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(labels)
        values = {segment.name: segment.value for segment in segments}
        for part, axis in (
            ("Left putamen", "axial"),
            ("Left hippocampus", "axial"),
            ("Left thalamus", "coronal"),
            ("Left hippocampus", "sagittal"),
        ):
            pictures.append(
                slice_picture(
                    image,
                    axis,  # type: ignore[arg-type]
                    position=shape.GetCentroid(values[part]),
                    labels=labels,
                    segments=segments,
                    window_level=_WINDOWS[name],
                    size=300,
                    fill=0.45,
                    line_width=1.0,
                    margin_mm=4.0,
                    scale_bar=False,
                )
            )
            captions.append(f"{name}, {axis}")
        for segment in segments:
            part = segment.name.removeprefix("Left ").removeprefix("Right ").capitalize()
            legend.setdefault(part, segment.color)
    sheet = montage(pictures, columns=4, captions=captions)
    write_png(montage([sheet, legend_picture(tuple(legend.items()), width=sheet.shape[1])], columns=1), args.out)


if __name__ == "__main__":
    main()
