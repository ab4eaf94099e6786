"""A table of the scene goes into a case base and comes out of it again, by the real jobs."""

import pytest

slicer = pytest.importorskip("slicer")

from MedDeepDiagnosisLib.casebase.records import ImportOptions  # noqa: E402  # only where there is a scene
from MedDeepDiagnosisLib.mrml.tasks import ExportCasesTask, ImportCasesTask, ShowCasesTask  # noqa: E402
from MedDeepRegSegLib.errors import InputError  # noqa: E402
from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_table, table_from_rows  # noqa: E402
from MedDeepRegSegLib.mrml.tasks import run_task  # noqa: E402

ROWS = (
    {"ID": "Doe", "case": "Doe/1", "Size (cm)": 1.2, "edge": "Sharp", "present": "no"},
    {"ID": "Doe", "case": "Doe/2", "Size (cm)": 2.5, "edge": "Blurred", "present": "yes"},
    {"ID": "Roe", "case": "Roe/1", "Size (cm)": 0.7, "edge": None, "present": None},
)
MAPPING = {"patient": "ID", "case": "case", "size": {"column": "Size (cm)", "factor": 10}, "edge": "edge"}


@pytest.fixture
def table(scene):
    return table_from_rows([TableColumn(name) for name in ROWS[0]], ROWS, "Cases of the ward")


def test_a_table_node_is_imported_listed_and_exported(table, pathology_file, tmp_path):
    db = tmp_path / "cases.sqlite"
    task = ImportCasesTask(table, pathology_file, db, mapping=MAPPING, who="me")
    report = run_task(task)["report"]
    assert (report.new_cases, report.written, report.mapping_from) == (3, True, "given")
    assert report.mapping["size"] == "column 'Size (cm)' x 10"
    assert len(run_task(ShowCasesTask(db))["cases"]) == 3
    shown = run_task(ShowCasesTask(db, "Doe/1"))
    history = {entry.name: entry for entry in shown["history"]}
    assert history["size"].source == "table Cases of the ward.csv"
    assert (history["size"].how, history["size"].recorded_by) == ("column 'Size (cm)' x 10", "me")
    file = tmp_path / "out.tsv"
    exported = run_task(ExportCasesTask(db, file, pathology=pathology_file))
    assert (exported["cases"], exported["file"]) == (3, file)
    assert file.read_text(encoding="utf-8").startswith("patient\tcase\tpresent\tsize")
    columns, rows = rows_from_table(exported["table"])
    assert next(column for column in columns if column.key == "size").units == "mm"
    assert sorted(row["size"] for row in rows) == [7.0, 12.0, 25.0]
    everything = run_task(ExportCasesTask(db, table_node=exported["table"]))
    assert everything["file"] is None
    assert everything["table"] is exported["table"]


def test_a_trial_writes_nothing(table, pathology_file, tmp_path):
    db = tmp_path / "cases.sqlite"
    task = ImportCasesTask(table, pathology_file, db, mapping=MAPPING, options=ImportOptions(trial=True))
    report = run_task(task)["report"]
    assert (report.new_cases, report.written) == (3, False)
    assert not db.exists()


def test_what_cannot_be_exported_changes_nothing(scene, tmp_path):
    before = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="no table, expected a name that ends"):
        run_task(ExportCasesTask(tmp_path / "cases.sqlite", tmp_path / "out.docx"))
    with pytest.raises(InputError, match="does not exist"):
        run_task(ExportCasesTask(tmp_path / "cases.sqlite"))
    assert scene.GetNumberOfNodes() == before
    assert list(tmp_path.iterdir()) == []
