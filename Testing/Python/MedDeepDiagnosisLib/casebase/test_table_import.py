"""Tables of people into the case base."""

import openpyxl
import pytest

from MedDeepDiagnosisLib.casebase import open_case_base
from MedDeepDiagnosisLib.casebase.mapping import MappedColumn, TableMapping, mapping_from_json
from MedDeepDiagnosisLib.casebase.records import ImportOptions
from MedDeepDiagnosisLib.casebase.suggestion import suggest_mapping
from MedDeepDiagnosisLib.casebase.table_import import import_table
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.hashing import file_sha256

TEXT = "Patient ID;Lesion;Size (cm);Edge;present\nDoe;1;1,2;Sharp;yes\nDoe;2;2,5;;no\nRoe;1;0,4;3;no\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "from a clinic.csv"
    path.write_text(TEXT)
    return path


def test_import_twice(base, file, table, pathology, contents):
    report = import_table(base, table, pathology, who="me")
    assert (report.rows, report.new_cases, report.new_values) == (3, 3, 8)
    assert report.mapping_from == "suggested"
    assert base.row("Doe/1", pathology)["size"] == 12.0
    entry = base.history("Doe/1")[0]
    assert (entry.source, entry.sha256, entry.recorded_by) == ("table from a clinic.csv", file_sha256(table), "me")
    before = contents(file)
    report = import_table(base, table, pathology)
    assert (report.new_cases, report.updated_cases, report.unchanged_cases) == (0, 0, 3)
    assert report.mapping_from == "remembered"
    assert contents(file) == before


def test_the_same_cases_from_excel_change_nothing(base, file, table, pathology, contents):
    import_table(base, table, pathology)
    before = contents(file)
    book = openpyxl.Workbook()
    for line in (
        ["Lesion", "Patient ID", "Size (mm)", "Edge", "present"],
        [1, "Doe", 12, "sharp", 1],
        [2, "Doe", 25.0, None, 0],
        [1, "Roe", 4.0, 3, 0],
    ):
        book.active.append(line)
    book.save(table.with_name("same.xlsx"))
    report = import_table(base, table.with_name("same.xlsx"), pathology)
    assert report.unchanged_cases == 3
    after = contents(file)
    for name in ("cases", "measurements", "findings", "outcomes", "patients"):
        assert after[name] == before[name]


def test_faulty_lines_are_told_by_their_number(base, table, pathology):
    table.write_text(TEXT + "Poe;1;99;9;maybe\n;2;1;1;1\n")
    mapping = mapping_from_json(
        {
            **{"patient": "Patient ID", "case": "Lesion", "edge": "Edge"},
            "size": {"column": "Size (cm)", "factor": 10},
            "present": {"column": "present", "words": {"yes": "1", "no": "0"}},
        }
    )
    with pytest.raises(
        InputError,
        match=r"2 rows cannot be taken. line 5: size is 990.*line 5: edge is 9.*line 5: present is 'maybe'.*line 6: column 'Patient ID' is empty",
    ):
        import_table(base, table, pathology, mapping=mapping)
    report = import_table(base, table, pathology, mapping=mapping, options=ImportOptions(on_implausible="skip"))
    assert (report.new_cases, report.skipped_rows, len(report.problems)) == (3, 2, 4)
    assert report.mapping_from == "given"
    assert (
        import_table(base, table, pathology, options=ImportOptions(on_implausible="skip")).mapping_from == "remembered"
    )


def test_stroke_patients_of_the_shared_data(shared_data, file):
    """More than a thousand patients with age, sex and severity; the table is read as it is."""
    path = shared_data / "13_soop_stroke_image_tabular" / "participants.tsv"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    from MedDeepDiagnosisLib.pathology import Feature, Pathology, RatingWord, Target, Variant

    def clinical(name, title, units, high, words=()):
        kind = "category" if words else "number"
        return Feature(name, title, units, "", "clinical", kind, "linear", 0, high, words, False, None)

    sex = (RatingWord(1, "Female"), RatingWord(2, "Male"))
    features = (
        clinical("age", "Age", "years", 120),
        clinical("sex", "Sex", "", 3, sex),
        clinical("bmi", "BMI", "kg/m2", 90),
    )
    target = Target("nihss", "NIHSS", reference="Admission.", kind="number", minimum=0, maximum=42)
    variant = Variant("clinical", "Clinical", ("clinical",), "age")
    stroke = Pathology("stroke_test", "1", "Stroke", "", (target,), features, (variant,), (), "", "CC0", ())
    with open_case_base(file) as base:
        with pytest.raises(InputError, match=r"age is '89\+', expected 0 to 120 years"):
            import_table(base, path, stroke)
        mapping = suggest_mapping(
            stroke, ("participant_id", "sex", "age", "bmi", "nihss"), [{"sex": "M"}, {"sex": "F"}]
        )
        columns = {**mapping.mapping.columns, "age": MappedColumn("age", words={"89+": "89"})}
        skip = ImportOptions(on_implausible="skip")
        report = import_table(base, path, stroke, mapping=TableMapping(columns), options=skip)
        assert report.rows > 1000
        assert report.new_cases > 0.99 * report.rows, report.problems[:5]
        assert report.mapping["sex"] == "column 'sex', f = Female, m = Male"
        rows, _ = base.training_rows(stroke)
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        scored = sum(line[lines[0].index("nihss")] != "n/a" for line in lines[1:])
        assert scored - report.skipped_rows <= len(rows) <= scored
        assert 50 < sum(row["age"] for row in rows if row["age"]) / len(rows) < 80
        again = import_table(base, path, stroke, options=skip)
        assert (again.mapping_from, again.unchanged_cases) == ("remembered", report.new_cases)


def test_annotations_of_the_shipped_pathology(base, tmp_path):
    pathology = load_pathology("lung_nodule")
    (tmp_path / "n.csv").write_text(
        "patient,nodule id,Equivalent diameter (cm),Spiculation,suspicious\nLIDC-IDRI-0001,1,1.5,Marked,1\n"
    )
    import_table(base, tmp_path / "n.csv", pathology)
    row = base.row("1", pathology)
    assert (row["patient"], row["equivalent_diameter_mm"], row["spiculation"]) == ("LIDC-IDRI-0001", 15.0, 5.0)
