"""Prediction, values and measurements of a case as JSON and CSV, with units and codes."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from MedDeepDiagnosisLib.models.prediction import Prediction
from MedDeepDiagnosisLib.pathology import Feature, Pathology
from MedDeepDiagnosisLib.reports.dicom_codes import private_code, units_code
from MedDeepDiagnosisLib.spreadsheet import guarded
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.segmentation.measurement import Code, Measurement

MEASURED_SOURCE = "measured on the segmentation"
"""Source of a value that the extension measured itself, as the report says it."""

_COLUMNS = (
    "case", "group", "name", "title", "value", "text", "units", "ucum", "scheme", "code", "meaning", "method", "source",
)  # fmt: skip


@dataclass(frozen=True)
class CaseValue:
    """One value that went into a prediction.

    Attributes
    ----------
    feature:
        What it is a value of.
    value:
        In the feature's units, or the step of its scale; NaN where it is not given.
    source:
        Where it comes from, in words.
    code:
        Private code of the feature. It names the pathology, since two may call different things alike.
    """

    feature: Feature
    value: float
    source: str
    code: Code

    @property
    def given(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)


@dataclass(frozen=True)
class Assessment:
    """What is written of one case beside its report.

    Attributes
    ----------
    prediction, pathology:
        What was predicted, and of what.
    values:
        That went in, in the order of the pathology's features.
    measurements:
        Of the lesion's segment; empty where there is none.
    """

    prediction: Prediction
    pathology: Pathology
    values: tuple[CaseValue, ...]
    measurements: tuple[Measurement, ...] = ()

    @property
    def code(self) -> Code:
        """Private code of what is predicted."""
        target = self.pathology.target
        return private_code(f"{self.pathology.identifier}.{target.name}", target.title)


def case_values(
    pathology: Pathology, values: Mapping[str, object], sources: Mapping[str, str] | None = None
) -> tuple[CaseValue, ...]:
    """Return the values of all features of a pathology, in its order.

    Parameters
    ----------
    values:
        Feature name to number, text or word of the scale; others are left out.
    sources:
        Feature name to where its value came from; others were rated by the reader, or given.

    Raises
    ------
    InputError
        If a value is implausible or a required one missing.
    """
    parsed = pathology.parse_values(values)
    return tuple(
        CaseValue(
            feature,
            parsed[feature.name],
            _source(feature, parsed[feature.name], sources or {}),
            private_code(f"{pathology.identifier}.{feature.name}", feature.title),
        )
        for feature in pathology.features
    )


def _source(feature: Feature, value: float, sources: Mapping[str, str]) -> str:
    if math.isnan(value):
        return "not given"
    return sources.get(feature.name, "rated by the reader" if feature.group == "rated" else "given")


def feature_code(value: CaseValue, measurements: Sequence[Measurement]) -> Code:
    """Return the code of a feature: that of the measurement behind it where there is one, else a private one."""
    feature = value.feature
    for measurement in measurements:
        if measurement.name == feature.measurement and measurement.quantity_code is not None:
            return measurement.quantity_code
    return value.code


def measurement_code(measurement: Measurement) -> Code:
    """Return the code of what was measured; a private one where there is no other."""
    return measurement.quantity_code or private_code(f"measurement.{measurement.name}", measurement.title)


def assessment_json(assessment: Assessment) -> dict[str, Any]:
    """Return the prediction as :func:`~MedDeepRegSegLib.jobs.schema.to_json` does, with codes, ``values`` and ``measurements``.

    A value that is not given, and a measurement that is not defined, are null.
    """
    prediction, values, measurements = assessment.prediction, assessment.values, assessment.measurements
    return {
        **to_json(prediction),
        "code": _code_json(assessment.code),
        "units_code": _code_json(units_code(prediction.units)),
        "values": [
            {
                "name": value.feature.name,
                "title": value.feature.title,
                "value": value.value if value.given else None,
                "text": value.feature.display(value.value),
                "units": value.feature.units,
                "units_code": _code_json(_units_of(value.feature)),
                "code": _code_json(feature_code(value, measurements)),
                "group": value.feature.group,
                "source": value.source,
            }
            for value in values
        ],
        "measurements": [
            {
                "name": one.name,
                "title": one.title,
                "value": _finite(one.value),
                "units": one.units,
                "units_code": _code_json(one.units_code),
                "code": _code_json(measurement_code(one)),
                "derivation_code": _code_json(one.derivation_code),
                "method_code": _code_json(one.method_code),
                "description": one.description,
            }
            for one in measurements
        ],
    }


def measurements_csv(assessment: Assessment) -> str:
    """Return one line for each figure of a case: the prediction, the values that went in, the measurements.

    Numbers are written to the last digit, so that they read back equal. ``text`` is what a person reads.
    """
    prediction, values, measurements = assessment.prediction, assessment.values, assessment.measurements
    rows = _prediction_rows(prediction, assessment.code)
    for value in values:
        feature = value.feature
        rows.append(
            _row(
                feature.group,
                feature.name,
                feature.title,
                value.value if value.given else None,
                text=feature.display(value.value),
                units=feature.units,
                units_code=_units_of(feature),
                code=feature_code(value, measurements),
                source=value.source,
            )
        )
    for one in measurements:
        rows.append(
            _row(
                "measurement",
                one.name,
                one.title,
                _finite(one.value),
                units=one.units,
                units_code=one.units_code,
                code=measurement_code(one),
                method=one.description,
                source=MEASURED_SOURCE,
            )
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([guarded(prediction.case), *(guarded(cell) for cell in row)])
    return text.getvalue()


def _prediction_rows(prediction: Prediction, code: Code) -> list[list[str]]:
    binary = prediction.probability is not None
    kind = "probability" if binary else "value"
    units = units_code(prediction.units)
    model = f"{prediction.variant_title} ({prediction.learner}), MedDeep {prediction.model_software_version}"
    level = f"{100 * prediction.interval_level:.0f} % interval"
    status = "; ".join(prediction.abstention_reasons) or "assessed"
    rows = [
        _row(
            "prediction",
            "abstains",
            "Whether the model abstains",
            None,
            text=f"{'yes' if prediction.abstains else 'no'}: {status}",
            source=model,
        ),
        _row(
            "prediction",
            kind,
            prediction.target,
            prediction.probability if binary else prediction.value,
            units=prediction.units,
            units_code=units,
            code=code,
            method=prediction.reference,
            source=model,
        ),
    ]
    bounds = (
        ("low", f"Lower bound of the {level}", prediction.low),
        ("high", f"Upper bound of the {level}", prediction.high),
    )
    for name, title, bound in bounds:
        rows.append(
            _row(
                "prediction",
                name,
                title,
                bound,
                units=prediction.units,
                units_code=units,
                code=private_code(f"{code[1]}.{name}", f"{prediction.target}, {title.lower()}"),
                method=prediction.interval_text,
                source=model,
            )
        )
    if binary:
        held = " or ".join(prediction.conformal_set) or "none"
        title = f"What cannot be ruled out, right in {100 * prediction.conformal_level:.0f} % of cases"
        rows.append(_row("prediction", "conformal_set", title, None, text=held, source=model))
    return rows


def _row(
    group: str,
    name: str,
    title: str,
    value: float | None,
    *,
    text: str = "",
    units: str = "",
    units_code: Code | None = None,
    code: Code | None = None,
    method: str = "",
    source: str = "",
) -> list[str]:
    scheme, coded, meaning = code or ("", "", "")
    number = "" if value is None else repr(float(value)).removesuffix(".0")
    return [
        group, name, title, number, text, units, units_code[1] if units_code and value is not None else "",
        scheme, coded, meaning, method, source,
    ]  # fmt: skip


def _units_of(feature: Feature) -> Code | None:
    return units_code(feature.units) if feature.kind == "number" else None


def _code_json(code: Code | None) -> dict[str, str] | None:
    return None if code is None else dict(zip(("scheme", "value", "meaning"), code, strict=True))


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
