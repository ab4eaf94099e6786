"""Inputs that cannot be used, and the line that ``meddeep`` answers each with.

``python Testing/Benchmarks/bad_inputs.py`` prints them as a Markdown table. The tests of the command run the
same list: every input must give exit code 2, one line, and no output.
"""

import contextlib
import gzip
import io
import json
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

TESTING = Path(__file__).resolve().parents[1]
if str(TESTING) not in sys.path:
    sys.path.insert(0, str(TESTING))
from tiny_networks import write_tiny_encoder  # noqa: E402  # lies in Testing


@dataclass(frozen=True)
class BadInput:
    """One input that must be refused.

    Attributes
    ----------
    title:
        What is wrong, for the table.
    words:
        Gets the folder that :func:`make_files` filled and returns the command line.
    says:
        What the answer must contain.
    """

    title: str
    words: Callable[[Path], list[object]]
    says: str


def make_files(folder: Path) -> None:
    """Fill ``folder`` with small good files and with all kinds of bad ones."""
    rng = np.random.default_rng(0)
    zyx = np.indices((24, 24, 24)).astype(np.float32) - 11.5
    ball = np.sqrt((zyx**2).sum(axis=0)) < 8
    good = _image(np.where(ball, 40.0, -1000.0) + rng.normal(0, 5, ball.shape))
    sitk.WriteImage(good, str(folder / "good.nrrd"))
    sitk.WriteImage(good, str(folder / "other.nrrd"))
    sitk.WriteImage(good[:, :, 5], str(folder / "flat.nrrd"))
    sitk.WriteImage(good[:, :, 5:6], str(folder / "one_slice.nrrd"))
    sitk.WriteImage(sitk.JoinSeries([good, good]), str(folder / "four_d.nrrd"))
    sitk.WriteImage(sitk.Compose(good, good, good), str(folder / "vector.nrrd"))
    sitk.WriteImage(sitk.Image(24, 24, 24, sitk.sitkInt16) + 7, str(folder / "constant.nrrd"))
    holes = sitk.GetArrayFromImage(good)
    holes[3, 4, 5] = np.nan
    sitk.WriteImage(_image(holes), str(folder / "nan.nrrd"))
    raw = (folder / "good.nrrd").read_bytes()
    (folder / "truncated.nrrd").write_bytes(raw[: len(raw) // 3])
    (folder / "empty.nrrd").write_bytes(b"")
    (folder / "text.nii.gz").write_text("this is no image\n")
    (folder / "empty_folder").mkdir()

    labels = _image(ball.astype(np.uint8))
    sitk.WriteImage(labels, str(folder / "labels.nrrd"))
    sitk.WriteImage(labels[2:, :, :], str(folder / "labels_other_grid.nrrd"))
    far = sitk.Image(labels)
    far.SetOrigin((5000.0, 0.0, 0.0))
    sitk.WriteImage(far, str(folder / "labels_elsewhere.nrrd"))
    sitk.WriteImage(labels * 0, str(folder / "no_labels.nrrd"))
    sitk.WriteImage(sitk.Cast(labels, sitk.sitkFloat32) + 0.5, str(folder / "fractions.nrrd"))
    _make_damaged_headers(folder, labels)
    _make_other_files(folder)
    _make_models(folder)


def _make_damaged_headers(folder: Path, labels: sitk.Image) -> None:
    """Write label maps whose headers say something that the image library would misread."""
    whole = folder / "whole.nii"
    sitk.WriteImage(labels, str(whole))
    content = whole.read_bytes()
    whole.unlink()
    (folder / "cut_labels.nii").write_bytes(content[:9000])
    (folder / "cut_labels.nii.gz").write_bytes(gzip.compress(content[:9000]))
    (folder / "nowhere.nii").write_bytes(content[:108] + struct.pack("<f", np.nan) + content[112:])
    (folder / "endless.nii").write_bytes(content[:108] + struct.pack("<f", np.inf) + content[112:])
    field = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 24 24 24\nencoding: raw\n"
    voxels = sitk.GetArrayFromImage(labels).tobytes()
    (folder / "no_step.nrrd").write_bytes(f"{field}spacings: 1 x 1\n\n".encode() + voxels)
    directions = (
        "space: left-posterior-superior\nspace directions: (2,0,0) (0,2,0) (0,0,2)\nspace origin: (-23,-23,-23)\n"
    )
    for unit in ("cm", "feet"):
        units = f'{directions}space units: "{unit}" "{unit}" "{unit}"\n\n'
        (folder / f"labels_{unit}.nrrd").write_bytes((field + units).encode() + voxels)


def _make_other_files(folder: Path) -> None:
    """Write files of points, transforms and tables."""
    header = "# Markups fiducial file version = 5.8\n# CoordinateSystem = LPS\n# columns = id,x,y,z\n"
    (folder / "two_points.fcsv").write_text(header + "1,0,0,0\n2,5,5,5\n")
    (folder / "three_points.fcsv").write_text(header + "1,0,0,0\n2,5,5,5\n3,1,2,3\n")
    named = header.replace("x,y,z", "x,y,z,label")
    (folder / "a_and_b.fcsv").write_text(named + "1,0,0,0,a\n2,5,5,5,b\n")
    (folder / "b_and_c.fcsv").write_text(named + "1,0,0,0,b\n2,5,5,5,c\n")
    state = header.replace("x,y,z", "x,y,z,positionStatus")
    (folder / "first_placed.fcsv").write_text(state + "1,0,0,0,2\n2,0,0,0,0\n")
    (folder / "second_placed.fcsv").write_text(state + "1,0,0,0,0\n2,0,0,0,2\n")
    (folder / "no_system.fcsv").write_text("1,0,0,0\n")
    (folder / "no_points.mrk.json").write_text(json.dumps({"markups": [{"controlPoints": []}]}))
    (folder / "not_a_transform.h5").write_text("nothing\n")
    (folder / "a_file").write_text("occupied\n")
    (folder / "two_rows.csv").write_text("patient,diameter_mm\na,5\nb,6\n")
    (folder / "no_columns.csv").write_text("fruit\napple\n")


def _make_models(folder: Path) -> None:
    """Write a model folder, and one whose weights were changed afterwards."""
    write_tiny_encoder(folder / "encoder")
    weights = write_tiny_encoder(folder / "tampered") / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)


def _image(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array.astype(np.uint8 if array.dtype == np.uint8 else np.float32))
    image.SetSpacing((2.0, 2.0, 2.0))
    image.SetOrigin((-23.0, -23.0, -23.0))
    return image


def _register(title: str, says: str, *words: str, fixed: str = "good.nrrd") -> BadInput:
    """Return a registration with a bad fixed image or bad options. Words with a dot are files."""

    def line(folder: Path) -> list[object]:
        return ["register", folder / fixed, folder / "other.nrrd", "--out", folder / "out", *_files(folder, words)]

    return BadInput(title, line, says)


def _segment(command: str, title: str, says: str, *words: str, image: str = "good.nrrd") -> BadInput:
    def line(folder: Path) -> list[object]:
        return [command, folder / image, *_files(folder, words)]

    return BadInput(title, line, says)


def _features(title: str, says: str, *words: str, image: str = "good.nrrd") -> BadInput:
    """Return a feature extraction with the tiny encoder on the CPU; a word that begins with @ is the segmentation."""

    def line(folder: Path) -> list[object]:
        usual = ("--model", "@encoder", "--device", "cpu", "--out", "@out")
        files = _files(folder, words)
        first = files[:1] if words and words[0].startswith("@") else []
        return ["features", folder / image, *first, *_files(folder, usual), *files[len(first) :]]

    return BadInput(f"features: {title}", line, says)


def _plain(title: str, says: str, *words: str) -> BadInput:
    return BadInput(title, lambda folder: _files(folder, words), says)


def _files(folder: Path, words: tuple[str, ...]) -> list[object]:
    return [folder / word[1:] if word.startswith("@") else word for word in words]


_GROW = ("--positive", "0,0,0", "--out", "@out.seg.nrrd")

BAD_INPUTS: tuple[BadInput, ...] = (
    _register("an image that does not exist", "absent.nrrd does not exist", fixed="absent.nrrd"),
    _register("a text file named .nii.gz", "text.nii.gz has no NIfTI header", fixed="text.nii.gz"),
    _register("an empty file", "the file empty.nrrd is empty", fixed="empty.nrrd"),
    _register("a truncated image", "cannot be read from truncated.nrrd", fixed="truncated.nrrd"),
    _register("a 2-D image", "has 2 dimensions", fixed="flat.nrrd"),
    _register("a single slice", "expected at least 2 along each axis", fixed="one_slice.nrrd"),
    _register("a 4-D image", "has 2 frames", fixed="four_d.nrrd"),
    _register("an image with 3 components", "3 components", fixed="vector.nrrd"),
    _register("an image with NaN", "1 voxels that are not finite", fixed="nan.nrrd"),
    _register("a constant image", "the same value everywhere (7)", fixed="constant.nrrd"),
    _register("a folder without DICOM files", "the folder empty_folder is empty", fixed="empty_folder"),
    _register("a kind that does not exist", "invalid choice: 'elastic'", "--kind", "elastic"),
    _register("an engine that does not exist", "invalid choice: 'demons'", "--engine", "demons"),
    _register("a preset that does not exist", "'foot'", "--preset", "foot"),
    _register(
        "a mask far outside the image",
        "fixed mask and fixed image have equal sizes but lie",
        "--fixed-mask",
        "@labels_elsewhere.nrrd",
    ),
    _register("an empty mask", "fixed mask is empty", "--fixed-mask", "@no_labels.nrrd"),
    _register("points in one image only", "--moving-points together", "--fixed-points", "@two_points.fcsv"),
    _register(
        "2 points in one image, 3 in the other",
        "expected as many in both",
        *("--fixed-points", "@two_points.fcsv", "--moving-points", "@three_points.fcsv"),
    ),
    _register(
        "points of which some have the same names",
        "b_and_c.fcsv lacks 'a'",
        *("--fixed-points", "@a_and_b.fcsv", "--moving-points", "@b_and_c.fcsv"),
    ),
    _register(
        "points of which no pair is placed",
        "no point is placed in both",
        *("--fixed-points", "@first_placed.fcsv", "--moving-points", "@second_placed.fcsv"),
    ),
    _register("a NIfTI image that begins nowhere", "begins at byte nan", fixed="nowhere.nii"),
    _register("a NIfTI image that begins beyond its end", "begins at byte inf", fixed="endless.nii"),
    _register(
        "an NRRD image with a step that is no number",
        "no valid spacing in the header of no_step.nrrd (1 x 1)",
        fixed="no_step.nrrd",
    ),
    _register(
        "points without a coordinate system",
        "does not say its coordinate system",
        *("--fixed-points", "@no_system.fcsv", "--moving-points", "@two_points.fcsv"),
    ),
    _register(
        "a file without points",
        "holds no points",
        *("--fixed-points", "@no_points.mrk.json", "--moving-points", "@two_points.fcsv"),
    ),
    _register(
        "a start that is no transform",
        "not_a_transform.h5 cannot be read as a transform",
        "--initial",
        "@not_a_transform.h5",
    ),
    _register("an output folder that is a file", "is a file, expected a folder", "--out", "@a_file"),
    _register("a device that this version lacks", "computes on the CPU only", "--device", "cuda"),
    _register("a negative seed", "is not a seed", "--seed", "-1"),
    _segment("foreground", "a mask of something unknown", "'liver'", "--what", "liver", "--out", "@out.seg.nrrd"),
    _segment("foreground", "an output of another format", "does not end with", "--what", "body", "--out", "@out.nii"),
    _segment("grow", "no point", "at least one --positive", "--out", "@out.seg.nrrd"),
    _segment("grow", "a point of two numbers", "expected 3 numbers", "--positive", "1,2", "--out", "@out.seg.nrrd"),
    _segment(
        "grow",
        "a point outside the image",
        "RAS mm lies outside the image",
        "--positive",
        "500,0,0",
        "--out",
        "@out.seg.nrrd",
    ),
    _segment("grow", "a flat box", "flat box", *_GROW, "--box", "-5,-5,0,5,5,0"),
    _segment("grow", "a point outside the box", "lies outside the box", *_GROW, "--box", "5,5,5,15,15,15"),
    _segment(
        "grow",
        "a previous segmentation of another grid",
        "previous segmentation has 22x24x24 voxels",
        *_GROW,
        "--previous",
        "@labels_other_grid.nrrd",
    ),
    _segment(
        "measure",
        "labels on another grid",
        "segmentation has 22x24x24 voxels",
        "@labels_other_grid.nrrd",
        "--out",
        "@out.csv",
    ),
    _segment(
        "measure",
        "a label map without labels",
        "no_labels.nrrd has no segments",
        "@no_labels.nrrd",
        "--out",
        "@out.csv",
    ),
    _segment(
        "measure", "a label map of fractions", "expected whole label numbers", "@fractions.nrrd", "--out", "@out.csv"
    ),
    _segment("measure", "a truncated label map", "cut_labels.nii has", "@cut_labels.nii", "--out", "@out.csv"),
    _segment("measure", "a truncated packed label map", "is cut off", "@cut_labels.nii.gz", "--out", "@out.csv"),
    _segment(
        "measure", "labels in cm on an image in mm", "up to 374.1 mm apart", "@labels_cm.nrrd", "--out", "@out.csv"
    ),
    _segment("measure", "labels in feet", "expected one unit of length", "@labels_feet.nrrd", "--out", "@out.csv"),
    _segment("measure", "an output of another format", "does not end with .csv", "@labels.nrrd", "--out", "@out.txt"),
    _features("an image that does not exist", "absent.nrrd does not exist", image="absent.nrrd"),
    _features("a 4-D image", "has 2 frames", image="four_d.nrrd"),
    _features("an image with NaN", "1 voxels that are not finite", image="nan.nrrd"),
    _features("a segmentation that does not exist", "SEG: absent.nrrd does not exist", "@absent.nrrd"),
    _features("labels on another grid", "22x24x24 voxels", "@labels_other_grid.nrrd"),
    _features("a label map without labels", "no_labels.nrrd has no segments", "@no_labels.nrrd"),
    _features("a voxel size of 0", "'0' is not a length", "--spacing", "0"),
    _features("a backend that does not exist", "invalid choice: 'keras'", "--backend", "keras"),
    _features("a model that was changed", "is not the file that model.json names", "--model", "@tampered"),
    _features("a folder that is no model", "empty_folder is not a model folder", "--model", "@empty_folder"),
    _features("an output folder that is a file", "is a file, expected a folder", "--out", "@a_file"),
    _plain("a sample that does not exist", "there is no sample 'moon'", "samples", "moon"),
    _plain(
        "a pathology that does not exist",
        "pathology 'gout' is unknown",
        "fit",
        "gout",
        "--table",
        "@two_rows.csv",
        "--out",
        "@out",
    ),
    _plain(
        "a table without the columns",
        "column 'patient' is empty",
        "fit",
        "lung_nodule",
        "--table",
        "@no_columns.csv",
        "--out",
        "@out",
    ),
    _plain("a case base that is not there", "does not exist", "fit", "lung_nodule", "--db", "@x", "--out", "@out"),
    _plain("a case base that is none", "damaged or no SQLite file", "cases", "list", "--db", "@two_rows.csv"),
    _plain(
        "cases without patients",
        "no column says whose each row is",
        "cases",
        "import",
        "@no_columns.csv",
        "--model",
        "lung_nodule",
        "--db",
        "@new.sqlite",
    ),
    _plain(
        "a folder that is no model",
        "empty_folder is not a model folder",
        "diagnose",
        "@empty_folder",
        "--table",
        "@two_rows.csv",
        "--out",
        "@out",
    ),
    _plain("nothing to assess", "nothing to assess", "diagnose", "lung_nodule", "--out", "@out"),
    _plain("a demo into a file", "is a file, expected a folder", "demo", "--out", "@a_file"),
    _plain("a command that does not exist", "invalid choice: 'registr'", "registr"),
    _plain(
        "associations of a case base without its pathology",
        "--db without --model",
        "associations",
        "--db",
        "cases.sqlite",
        "--out",
        "@out",
    ),
    _plain(
        "a kind that no column has",
        "'size=color' is no kind of a column",
        *("associations", "--table", "@two_rows.csv", "--kind", "size=color", "--out", "@out"),
    ),
    _plain(
        "a kind of a column that is not there",
        "the table has no column 'death'",
        *("associations", "--table", "@two_rows.csv", "--kind", "death=binary", "--out", "@out"),
    ),
    _plain("an abbreviated option", "arguments are required: --out", "demo", "--ou", "@out"),
)


def answer(bad: BadInput, folder: Path, *, in_process: bool = True) -> tuple[int, str, str]:
    """Run the command on a bad input and return exit code, standard output and standard error."""
    from MedDeepDiagnosisLib.cli import main

    words = [str(word) for word in bad.words(folder)]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*words, "--in-process"] if in_process and len(words) > 2 else words)
    return code, out.getvalue(), err.getvalue()


def without_folder(text: str, folder: Path) -> str:
    """Return an answer without the path of the folder, whose name must not count as part of the answer."""
    return text.replace(f"{folder}/", "").replace(str(folder), ".")


def main() -> int:
    """Print the table; the exit code tells whether all inputs were refused as they should be."""
    wrong = 0
    print("| input | exit code | message |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder)
        for bad in BAD_INPUTS:
            code, _, err = answer(bad, folder)
            wrong += code != 2 or err.count("\n") != 1 or bad.says not in without_folder(err, folder)
            message = without_folder(err, folder).strip().replace("|", "\\|").replace("\n", "<br>")
            print(f"| {bad.title} | {code} | {message} |")
    return 1 if wrong else 0


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(root / "MedDeepRegSeg"), str(root / "MedDeepDiagnosis")]
    sys.exit(main())
