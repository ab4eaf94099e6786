"""The methods of the module logic, on nodes, with the real jobs."""

import pytest

pytest.importorskip("slicer")

from MedDeepDiagnosisLib.casebase.records import ImportOptions  # only where there is a scene
from MedDeepDiagnosisLib.mrml.diagnosis_logic import DiagnosisLogic
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.mrml.tables import rows_from_table


@pytest.fixture
def logic(scene):
    return DiagnosisLogic()


def test_from_a_table_of_the_scene_to_a_model_and_an_assessment(logic, case_node, pathology_file, tmp_path):
    db = tmp_path / "cases.sqlite"
    report = logic.importCases(case_node, pathology_file, db)["report"]
    assert (report.new_cases, report.written) == (450, True)
    assert len(logic.showCases(db)["cases"]) == 450
    exported = logic.exportCases(db, pathology=pathology_file)
    assert (exported["cases"], exported["table"].GetNumberOfRows()) == (450, 450)
    seen = []
    fitted = logic.fitModel(
        pathology_file, db=db, folder=tmp_path / "model", progress=lambda fraction, _message: seen.append(fraction)
    )
    assert fitted["patients"] == 150
    assert seen[-1] == 1.0
    assert seen == sorted(seen)
    findings = {"size": 12, "edge": "Blurred", "kind": "None"}
    assessed = logic.assess(None, "", findings, tmp_path / "report", model_folder=fitted["model"])
    assert 0 < assessed["probability"] < 1
    assert assessed["report"].is_file()


def test_associations_of_a_case_base(logic, case_node, pathology_file, tmp_path):
    db = tmp_path / "cases.sqlite"
    logic.importCases(case_node, pathology_file, db)
    options = {"pathology": pathology_file, "resamples": 50, "permutations": 99}
    found = logic.associations(db=db, folder=tmp_path / "out", **options)
    assert found["rows"] == 450
    assert found["report"].is_file()
    assert found["table"].GetNumberOfRows() >= found["pairs"]


def test_a_lesion_is_stored_and_corrected(logic, nodule, tmp_path):
    volume, segmentation, segment = nodule
    db = tmp_path / "cases.sqlite"
    store = {"patient": "Miller", "volume_node": volume}
    first = logic.storeCase(db, segmentation, segment, {"margin": 5}, "lung_nodule", **store)["report"]
    assert first.new_cases == 1
    with pytest.raises(InputError, match="margin 5 is stored"):
        logic.storeCase(db, segmentation, segment, {"margin": 1}, "lung_nodule", **store)
    update = ImportOptions(on_conflict="update")
    logic.storeCase(db, segmentation, segment, {"margin": 1}, "lung_nodule", options=update, **store)
    _, rows = rows_from_table(logic.exportCases(db, pathology="lung_nodule")["table"])
    assert [row["margin"] for row in rows] == [1]
    margins = [entry for entry in logic.showCases(db, "Miller/Nodule")["history"] if entry.name == "margin"]
    assert [entry.current for entry in margins] == [True, False]


def test_a_canceled_import_leaves_nothing(logic, case_node, pathology_file, tmp_path, scene):
    cancel = CancelToken()
    cancel.cancel()
    before = scene.GetNumberOfNodes()
    with pytest.raises(Canceled):
        logic.importCases(case_node, pathology_file, tmp_path / "cases.sqlite", cancel=cancel)
    assert scene.GetNumberOfNodes() == before
    assert list(tmp_path.iterdir()) == []


def test_columns_are_proposed_and_then_remembered(logic, case_node, pathology, pathology_file, tmp_path):
    from MedDeepDiagnosisLib.mrml.case_mapping import propose_mapping

    db = tmp_path / "cases.sqlite"
    proposed = propose_mapping(case_node, pathology, db)
    assert (proposed.remembered, proposed.mapping.columns["size"].column) == (False, "size")
    assert not db.exists()
    logic.importCases(case_node, pathology_file, db, mapping=proposed.mapping)
    assert propose_mapping(case_node, pathology, db).remembered


def test_a_table_of_cases_is_assessed(logic, toy_folder, tmp_path):
    (tmp_path / "cases.csv").write_text(
        f"name,model,size,edge,kind\nsmall,{toy_folder},3,Medium,Solid\nbad,{toy_folder},wide,,\n"
    )
    made = logic.assessTable(tmp_path / "cases.csv", tmp_path / "out", workers=2)
    assert made["done"] == 1
    assert [name for name, _ in made["failed"]] == ["bad"]
    assert (tmp_path / "out" / "small" / "report.html").is_file()
    _, rows = rows_from_table(made["table"])
    assert [row["status"] for row in rows] == ["done", "failed"]
    assert float(rows[0]["probability"]) < 0.3
