"""The tab Case base as its user sees it, with the real jobs: import, list, history, export."""

import Host
import pytest

from MedDeepDiagnosisLib.casebase import open_case_base

ROWS = "Patient ID,Case,Size (cm),Edge,Present\nDoe,Doe/1,1.2,Sharp,no\nDoe,Doe/2,2.5,Blurred,yes\nRoe,Roe/1,0.7,,\n"


@pytest.fixture
def panel(module, pathology_file, tmp_path):
    panel = module("MedDeepDiagnosis").widget.caseBasePanel
    panel.parameterNode.pathology = "own"
    panel.ui.pathologyPathLineEdit.currentPath = str(pathology_file)
    panel.ui.caseBasePathLineEdit.currentPath = str(tmp_path / "cases.sqlite")
    return panel


def write(path, text=ROWS):
    path.write_text(text, encoding="utf-8")
    return path


def press(panel, button):
    button.click()
    assert Host.process_events(60, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text


def read(panel, path):
    panel.ui.importPathLineEdit.currentPath = str(path)
    panel.ui.readColumnsButton.click()


def column_box(panel, title):
    table = panel.ui.mappingTable
    row = next(row for row in range(table.rowCount) if table.item(row, 0).text().startswith(title))
    return table.cellWidget(row, 1)


def test_buttons_say_what_is_missing(panel, tmp_path):
    ui = panel.ui
    assert ui.readColumnsButton.toolTip == "Pick a table: CSV, TSV or Excel."
    assert "first import makes it" in ui.listCasesButton.toolTip
    ui.importPathLineEdit.currentPath = str(tmp_path / "absent.csv")
    assert "not there" in ui.readColumnsButton.toolTip
    ui.importPathLineEdit.currentPath = str(write(tmp_path / "cases.csv"))
    assert ui.readColumnsButton.enabled
    assert "Read the columns first" in ui.importButton.toolTip
    ui.readColumnsButton.click()
    assert ui.importButton.enabled
    ui.caseBasePathLineEdit.currentPath = ""
    assert ui.importButton.toolTip == "Pick the file of a case base, or a new one."
    ui.caseBasePathLineEdit.currentPath = str(tmp_path)
    assert "folder" in ui.importButton.toolTip


@pytest.mark.slow
def test_check_then_import_list_history_and_export(panel, tmp_path, pip_calls_made):
    ui, db = panel.ui, tmp_path / "cases.sqlite"
    read(panel, write(tmp_path / "cases.csv"))
    assert column_box(panel, "Size").currentText == "Size (cm)"
    assert "suggested" in ui.importResultLabel.text
    press(panel, ui.checkImportButton)
    assert "nothing was stored" in ui.importResultLabel.text
    assert not db.exists()
    press(panel, ui.importButton)
    assert "New cases: 3" in ui.importResultLabel.text
    assert ui.caseTable.rowCount == 3, "the list is read after an import"
    assert ui.listResultLabel.text == "Cases: 3, patients: 2."
    assert ui.caseTable.item(0, 0).text().startswith("P-"), "pseudonyms"
    assert "select one" in ui.historyButton.toolTip
    ui.caseTable.selectRow(0)
    press(panel, ui.historyButton)
    names = [ui.historyTable.item(row, 0).text() for row in range(ui.historyTable.rowCount)]
    assert "size" in names
    ui.exportPathLineEdit.currentPath = str(tmp_path / "out.xlsx")
    assert ".csv" in ui.exportButton.toolTip
    ui.exportPathLineEdit.currentPath = str(tmp_path / "out.csv")
    press(panel, ui.exportButton)
    assert "Wrote 3 cases" in ui.listResultLabel.text
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("patient,case,present,size")


def test_a_changed_mapping_is_used_and_remembered(panel, tmp_path):
    path = write(tmp_path / "cases.csv", ROWS.replace("Edge", "Border"))
    read(panel, path)
    box = column_box(panel, "Edge")
    assert box.currentIndex == 0, "nothing is called edge"
    box.currentIndex = next(n for n in range(box.count) if box.itemText(n) == "Border")
    press(panel, panel.ui.importButton)
    with open_case_base(tmp_path / "cases.sqlite") as base:
        assert {case.values for case in base.cases()} == {3, 1}
    read(panel, write(tmp_path / "later.csv", ROWS.replace("Edge", "Border")))
    assert "used before" in panel.ui.importResultLabel.text
    assert column_box(panel, "Edge").currentText == "Border"


def test_another_table_needs_its_own_columns(panel, tmp_path):
    read(panel, write(tmp_path / "cases.csv"))
    panel.ui.importPathLineEdit.currentPath = str(write(tmp_path / "other.csv"))
    assert panel.ui.mappingTable.rowCount == 0
    assert "Read the columns first" in panel.ui.importButton.toolTip


def test_rows_that_cannot_be_are_told_and_nothing_is_stored(panel, tmp_path, dialogs_shown):
    read(panel, write(tmp_path / "cases.csv", ROWS.replace("2.5", "250")))
    press(panel, panel.ui.importButton)
    assert "size is 2500" in panel.ui.statusLabel.text
    assert not (tmp_path / "cases.sqlite").exists()
    panel.ui.onImplausibleComboBox.currentIndex = 1
    press(panel, panel.ui.importButton)
    assert "rows left out: 1" in panel.ui.importResultLabel.text


def test_a_table_that_cannot_be_read_is_told(panel, tmp_path, dialogs_shown):
    read(panel, write(tmp_path / "cases.csv", "only a head\n"))
    assert "no rows" in panel.ui.statusLabel.text
    assert panel.ui.mappingTable.rowCount == 0


def test_the_packages_of_a_case_base_are_asked_for_first(panel, tmp_path, pip_calls_made, monkeypatch):
    asked = []
    from MedDeepDiagnosisLib.panels import import_section

    monkeypatch.setattr(import_section, "ensurePackages", lambda file, requester: asked.append((file, requester)))
    read(panel, write(tmp_path / "cases.csv"))
    ((file, requester),) = asked
    assert file.endswith("MedDeepDiagnosis-casebase-requirements.txt")
    assert requester == "MedDeep Diagnosis"
