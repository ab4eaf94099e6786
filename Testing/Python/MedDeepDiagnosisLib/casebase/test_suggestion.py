"""Columns are found by names, titles and units, and nothing is guessed."""

from dataclasses import replace

import pytest

from MedDeepDiagnosisLib.casebase.suggestion import suggest_mapping
from MedDeepDiagnosisLib.pathology import RatingWord, load_pathology
from MedDeepRegSegLib.errors import InputError


@pytest.fixture
def clinical(pathology):
    """The toy lesion with a volume, the age and the sex."""
    size = pathology.features[0]
    volume = replace(size, name="volume_mm3", title="Lesion volume", units="mm³", required=False, maximum=1e7)
    age = replace(
        size, name="age", title="Age", units="years", scale="linear", minimum=0, maximum=120, group="clinical"
    )
    sex = replace(
        *(pathology.features[3],),
        name="sex",
        title="Sex",
        group="clinical",
        words=(RatingWord(1, "Male"), RatingWord(2, "Female")),
    )
    return replace(pathology, features=(*pathology.features, volume, age, sex))


@pytest.mark.parametrize(
    ("column", "name", "factor"),
    [
        ("Size", "size", 1),
        ("size (cm)", "size", 10),
        ("SIZE [mm]", "size", 1),
        ("Size_mm", "size", 1),
        ("Volume (mm3)", "volume_mm3", 1),
        ("volume (ml)", "volume_mm3", 1000),
        ("volume_ml", "volume_mm3", 1000),
        ("Volume, lesion (cm^3)", "volume_mm3", 1000),
        ("Age (months)", "age", 1 / 12),
        ("Edge (1-3)", "edge", 1),
        ("The outcome is present", "present", 1),
    ],
)
def test_columns_are_found(clinical, column, name, factor):
    mapping = suggest_mapping(clinical, ["patient", column]).mapping
    assert set(mapping.columns) == {"patient", name}
    assert mapping.columns[name].column == column
    assert mapping.columns[name].factor == pytest.approx(factor)


@pytest.mark.parametrize("column", ["Size of the scanner", "Tumor size", "agent", "Sextant", "ID"])
def test_nothing_is_guessed(clinical, column):
    suggestion = suggest_mapping(clinical, ["patient", column])
    assert set(suggestion.mapping.columns) == {"patient"}
    assert suggestion.notes == (f"columns that were not used: {column}",)


def test_units_that_do_not_fit_are_not_taken(clinical):
    suggestion = suggest_mapping(clinical, ["patient", "Size (kg)"])
    assert "size" not in suggestion.mapping.columns
    assert "kg cannot become mm" in suggestion.notes[0]


def test_units_that_are_not_said_are_told(clinical):
    notes = suggest_mapping(clinical, ["patient", "Size", "Age (at scan)"]).notes
    assert notes == (
        "column 'Size' says no units: taken as mm",
        "column 'Age (at scan)' says no units: taken as years, 'at scan' is no known unit",
    )


def test_of_several_columns_the_very_name_and_then_the_units_decide(clinical):
    columns = suggest_mapping(clinical, ["patient", "Size (cm)", "size"]).mapping.columns
    assert columns["size"].column == "size"
    columns = suggest_mapping(clinical, ["patient", "Size (cm)", "Size (mm)"]).mapping.columns
    assert (columns["size"].column, columns["size"].factor) == ("Size (mm)", 1)
    with pytest.raises(InputError, match=r"2 columns may be size \('Size \(cm\)', 'Size \(m\)'\)"):
        suggest_mapping(clinical, ["patient", "Size (cm)", "Size (m)"])


def test_patient_case_and_study(clinical):
    columns = suggest_mapping(clinical, ["participant_id", "Lesion ID", "Accession Number"]).mapping.columns
    assert {name: mapped.column for name, mapped in columns.items()} == {
        "patient": "participant_id",
        "case": "Lesion ID",
        "study": "Accession Number",
    }
    both = suggest_mapping(clinical, ["Subject", "Patient ID"]).mapping.columns
    assert both["patient"].column == "Patient ID"


def test_abbreviations_that_mean_one_word(clinical):
    rows = [{"Sex": "M", "present": "yes"}, {"Sex": "F", "present": "No"}, {"Sex": "n/a", "present": ""}, {"Sex": "?"}]
    columns = suggest_mapping(clinical, ["patient", "Sex", "present"], rows).mapping.columns
    assert columns["sex"].words == {"m": "Male", "f": "Female"}
    assert columns["present"].words == {"yes": "1", "no": "0"}


def test_every_pathology_that_ships_is_found_by_names_and_by_titles():
    pathology = load_pathology("lung_nodule")
    for header in (
        [part.name for part in (*pathology.features, *pathology.targets)],
        [part.label for part in pathology.features] + [target.name for target in pathology.targets],
    ):
        columns = suggest_mapping(pathology, ["patient", *header]).mapping.columns
        found = {name: mapped.column for name, mapped in columns.items()}
        names = [part.name for part in (*pathology.features, *pathology.targets)]
        assert found == {"patient": "patient", **dict(zip(names, header, strict=True))}
