"""Tables of an assessment."""

import csv
import io
import json
import math
from dataclasses import replace

import pytest

from MedDeepDiagnosisLib.reports.tables import MEASURED_SOURCE, assessment_json, case_values, measurements_csv
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import to_json


def rows_of(assessment):
    return list(csv.DictReader(io.StringIO(measurements_csv(assessment))))


def test_csv_holds_every_figure_to_the_last_digit(assessment):
    rows = rows_of(assessment)
    prediction = assessment.prediction
    by_name = {(row["group"], row["name"]): row for row in rows}
    assert len(by_name) == len(rows) == 5 + len(assessment.values) + len(assessment.measurements)
    assert float(by_name["prediction", "probability"]["value"]) == prediction.probability
    assert float(by_name["prediction", "low"]["value"]) == prediction.low
    assert float(by_name["prediction", "high"]["value"]) == prediction.high
    assert by_name["prediction", "conformal_set"]["text"] == "present"
    assert by_name["prediction", "abstains"]["text"] == "no: assessed"
    assert {row["case"] for row in rows} == {"Case 1"}
    for one in assessment.measurements:
        row = by_name["measurement", one.name]
        assert row["value"] == "" if one.value is None else float(row["value"]) == one.value
        assert row["units"] == one.units
    volume = by_name["measurement", "volume_mm3"]
    assert (volume["ucum"], volume["scheme"], volume["code"], volume["meaning"]) == (
        "mm3",
        "SCT",
        "118565006",
        "Volume",
    )
    sign = by_name["rated", "spiculation"]
    assert (sign["value"], sign["text"], sign["source"]) == ("2", "Nearly none (2)", "rated by the reader")
    assert by_name["rated", "internal_structure"]["value"] == ""
    assert by_name["measured", "longest_diameter_mm"]["code"] == "103339001", "the code of the measurement behind it"
    assert by_name["measured", "perpendicular_diameter_mm"]["source"] == "given"


def test_json_is_the_prediction_with_values_and_measurements(assessment):
    data = json.loads(json.dumps(assessment_json(assessment), allow_nan=False))
    prediction = json.loads(json.dumps(to_json(assessment.prediction)))
    assert {key: data[key] for key in prediction} == prediction, "what read the prediction before still does"
    values = {value["name"]: value for value in data["values"]}
    assert list(values) == [feature.name for feature in assessment.pathology.features]
    assert values["internal_structure"]["value"] is None
    assert values["internal_structure"]["source"] == "not given"
    assert values["longest_diameter_mm"]["units_code"] == {"scheme": "UCUM", "value": "mm", "meaning": "millimeter"}
    assert values["spiculation"]["units_code"] is None
    assert values["spiculation"]["code"]["value"] == "lung_nodule.spiculation"
    measured = {one["name"]: one for one in data["measurements"]}
    assert measured["volume_mm3"]["method_code"]["value"] == "126030"
    assert measured["equivalent_diameter_mm"]["code"]["scheme"] == "99MEDDEEP"
    assert data["code"]["value"] == "lung_nodule.suspicious"


def test_what_is_not_defined_is_empty(assessment):
    odd = replace(assessment.measurements[0], name="odd", value=math.nan)
    changed = replace(assessment, measurements=(odd, replace(odd, name="none", value=None)))
    assert [one["value"] for one in assessment_json(changed)["measurements"]] == [None, None]
    assert [row["value"] for row in rows_of(changed) if row["group"] == "measurement"] == ["", ""]


def test_a_number_has_no_conformal_set(assessment):
    number = replace(assessment.prediction, probability=None, value=-7.5, low=-9.0, units="points", conformal_set=())
    rows = {row["name"]: row for row in rows_of(replace(assessment, prediction=number)) if row["group"] == "prediction"}
    assert "conformal_set" not in rows
    assert (rows["value"]["value"], rows["value"]["ucum"]) == ("-7.5", "{points}"), "a negative number stays a number"


def test_texts_that_look_like_formulas_stay_texts(assessment):
    hostile = replace(assessment, prediction=replace(assessment.prediction, case='=HYPERLINK("x")'))
    assert {row["case"] for row in rows_of(hostile)} == {'\'=HYPERLINK("x")'}


def test_values_are_checked_and_their_source_told(lung_model):
    values = case_values(
        lung_model.pathology,
        {"equivalent_diameter_mm": "9.5", "margin": "Medium"},
        {"equivalent_diameter_mm": MEASURED_SOURCE},
    )
    told = {value.feature.name: (value.value, value.source) for value in values if value.given}
    assert told == {"equivalent_diameter_mm": (9.5, MEASURED_SOURCE), "margin": (3.0, "rated by the reader")}
    with pytest.raises(InputError, match="margin"):
        case_values(lung_model.pathology, {"equivalent_diameter_mm": 9, "margin": "purple"})
