"""Small made-up pathologies, tables and annotation files."""

import json
import sqlite3
from contextlib import closing, contextmanager

import numpy as np
import pytest

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.learning.learners import ADDITIVE
from MedDeepDiagnosisLib.learning.predictors import additive_of
from MedDeepDiagnosisLib.learning.sample import Task, sample_of
from MedDeepDiagnosisLib.learning.selecting import fit_predictor
from MedDeepDiagnosisLib.models.additive import one_blas_thread, with_draws
from MedDeepDiagnosisLib.models.model_card import model_card
from MedDeepDiagnosisLib.models.model_folder import write_model
from MedDeepDiagnosisLib.pathology import Feature, Pathology, RatingWord, Target, Variant
from MedDeepRegSegLib.jobs.schema import to_json


def make_feature(
    name, *, kind="number", group="measured", scale="linear", low=0.0, high=100.0, words=(), required=False
):
    steps = tuple(RatingWord(value, word) for value, word in words)
    units = "mm" if kind == "number" else ""
    return Feature(
        name=name,
        title=name.capitalize(),
        units=units,
        description=f"What {name} is.",
        group=group,
        kind=kind,
        scale=scale,
        minimum=low,
        maximum=high,
        words=steps,
        required=required,
        measurement=None,
    )


@pytest.fixture(scope="session")
def pathology():
    """One required size, one further number, an ordered sign and a sign without order."""
    return Pathology(
        identifier="toy",
        version="1",
        title="Toy lesion",
        subject="A made-up lesion.",
        targets=(Target("present", "The outcome is present", "yes", "no", "maybe", "Made up."),),
        features=(
            make_feature("size", scale="log", low=0.5, high=200, required=True),
            make_feature("ratio", low=-10, high=10),
            make_feature(
                "edge",
                kind="ordinal",
                group="rated",
                low=1,
                high=3,
                words=((1, "Sharp"), (2, "Medium"), (3, "Blurred")),
            ),
            make_feature("kind", kind="category", group="rated", low=1, high=2, words=((1, "None"), (2, "Solid"))),
        ),
        variants=(
            Variant("measured", "Measured", ("measured",), "size"),
            Variant("all", "All", ("measured", "rated"), "size"),
        ),
        exclusions=("anything real",),
        training_data="Made up.",
        training_license="CC0",
        guidelines=(),
    )


def make_table(seed=0, *, patients=150, per_patient=3, informative=True):
    """Cases whose log-odds depend on size, edge and kind; rows of a patient are alike."""
    generator = np.random.default_rng(seed)
    person = np.repeat(np.arange(patients), per_patient)
    size = np.exp(generator.normal(2, 0.6, patients))[person] * np.exp(generator.normal(0, 0.1, len(person)))
    ratio = generator.normal(0, 1, len(person))
    edge = generator.integers(1, 4, patients)[person].astype(float)
    kind = generator.integers(1, 3, patients)[person].astype(float)
    odds = 3 * (np.log(size) - 2) + 1.0 * (edge - 2) - 1.5 * (kind - 1.5)
    if not informative:
        odds = np.zeros(len(person))
    target = (generator.random(len(person)) < 1 / (1 + np.exp(-odds))).astype(float)
    values = np.column_stack([size, ratio, edge, kind])
    values[generator.random(len(person)) < 0.1, 2] = np.nan
    names = np.array([f"P{number:03d}" for number in person])
    return CaseTable(("size", "ratio", "edge", "kind"), values, target, names, np.arange(len(person)).astype(str))


@pytest.fixture(scope="session")
def toy_table():
    return make_table()


@pytest.fixture
def table_maker():
    return make_table


@pytest.fixture(scope="session")
def additive_maker(pathology, toy_table):
    """``additive_maker(seed, draws)``: the additive model of the toy cases with the penalty that is chosen for them."""
    sample = sample_of(pathology.features, toy_table.values, toy_table.target, toy_table.patients)

    def make(seed=0, draws=0, cancel=None):
        model = additive_of(fit_predictor(ADDITIVE, sample, Task(), seed=seed))
        with one_blas_thread():
            return with_draws(
                model, sample.table, sample.target, sample.patients, seed=seed, draws=draws, cancel=cancel
            )

    return make


@pytest.fixture(scope="session")
def toy_model(pathology, toy_table):
    model, _ = fit_model(toy_table, pathology, data_sha256="0" * 64, draws=20, bootstrap_repeats=50)
    return model


@pytest.fixture(scope="session")
def pathology_file(pathology, tmp_path_factory):
    """The toy pathology as a file."""
    path = tmp_path_factory.mktemp("pathology") / "toy.json"
    path.write_text(json.dumps(to_json(pathology)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def toy_rows(toy_table):
    """The toy cases as rows of a table; what is missing is None."""
    rows = []
    for values, target, patient, case in zip(
        toy_table.values, toy_table.target, toy_table.patients, toy_table.cases, strict=True
    ):
        numbers = {n: None if np.isnan(v) else float(v) for n, v in zip(toy_table.names, values, strict=True)}
        rows.append({"patient": str(patient), "case": f"C{case}", **numbers, "present": int(target)})
    return rows


@pytest.fixture(scope="session")
def toy_folder(toy_model, tmp_path_factory):
    """The toy model in a folder."""
    folder = tmp_path_factory.mktemp("models") / "toy model"
    write_model(toy_model, model_card(toy_model.description), folder)
    return folder


LIDC_SCHEMA = """
CREATE TABLE scans (id INTEGER PRIMARY KEY, patient_id VARCHAR, slice_thickness FLOAT, pixel_spacing FLOAT);
CREATE TABLE zvals (id INTEGER PRIMARY KEY, scan_id INTEGER, val FLOAT);
CREATE TABLE annotations (id INTEGER PRIMARY KEY, scan_id INTEGER, _nodule_id VARCHAR, subtlety INTEGER,
  "internalStructure" INTEGER, calcification INTEGER, sphericity INTEGER, margin INTEGER, lobulation INTEGER,
  spiculation INTEGER, texture INTEGER, malignancy INTEGER);
CREATE TABLE contours (id INTEGER PRIMARY KEY, annotation_id INTEGER, inclusion BOOLEAN, image_z_position FLOAT,
  dicom_file_name VARCHAR, coords VARCHAR);
"""

PIXEL_MM = 0.7
SLICE_MM = 2.5


def circle_outline(column, row, radius):
    """Chain of the pixels just outside of a disk, as readers draw it."""
    angles = np.linspace(0, 2 * np.pi, max(int(8 * radius), 8), endpoint=False)
    points = np.rint(np.column_stack([column + radius * np.cos(angles), row + radius * np.sin(angles)])).astype(int)
    keep = np.any(points != np.roll(points, 1, axis=0), axis=1)
    return points[keep] if keep.any() else points[:1]


class LidcWriter:
    """Writes a small file of LIDC annotations."""

    def __init__(self, path):
        self.path = path
        with self._open() as database:
            database.executescript(LIDC_SCHEMA)

    @contextmanager
    def _open(self):
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute("PRAGMA synchronous = OFF")
            yield database

    def add_scan(self, patient, slices=40):
        with self._open() as database:
            cursor = database.execute(
                "INSERT INTO scans (patient_id, slice_thickness, pixel_spacing) VALUES (?, ?, ?)",
                (patient, SLICE_MM, PIXEL_MM),
            )
            scan = cursor.lastrowid
            rows = [(scan, -100 + SLICE_MM * index) for index in range(slices)]
            database.executemany("INSERT INTO zvals (scan_id, val) VALUES (?, ?)", rows)
        return scan

    def add_annotation(self, scan, contours, *, malignancy=5, **ratings):
        signs = dict.fromkeys(
            ("subtlety", "internalStructure", "sphericity", "margin", "lobulation", "spiculation", "texture"), 1
        )
        signs.update(calcification=6, malignancy=malignancy)
        signs.update(ratings)
        columns = ", ".join(f'"{name}"' for name in signs)
        with self._open() as database:
            cursor = database.execute(
                f"INSERT INTO annotations (scan_id, {columns}) VALUES ({', '.join('?' * (len(signs) + 1))})",
                (scan, *signs.values()),
            )
            for slice_index, inclusion, points in contours:
                text = "\n".join(f"{column},{row}" for column, row in points)
                database.execute(
                    "INSERT INTO contours (annotation_id, inclusion, image_z_position, coords) VALUES (?, ?, ?, ?)",
                    (cursor.lastrowid, inclusion, -100 + SLICE_MM * slice_index, text),
                )
        return cursor.lastrowid

    def add_ball(self, scan, *, radius_mm, center=(100, 120, 20), **ratings):
        column, row, middle = center
        reach = int(radius_mm / SLICE_MM)
        contours = []
        for offset in range(-reach, reach + 1):
            radius = np.sqrt(max(radius_mm**2 - (offset * SLICE_MM) ** 2, 0)) / PIXEL_MM + 1
            contours.append((middle + offset, 1, circle_outline(column, row, radius)))
        return self.add_annotation(scan, contours, **ratings)


@pytest.fixture(scope="session")
def lidc_writer_type():
    return LidcWriter


@pytest.fixture
def lidc_writer(tmp_path):
    return LidcWriter(tmp_path / "pylidc.sqlite")
