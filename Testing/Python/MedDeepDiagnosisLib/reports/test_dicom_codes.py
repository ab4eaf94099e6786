"""DICOM codes."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from MedDeepDiagnosisLib.reports.dicom_codes import (
    PRIVATE_SCHEME,
    coded,
    coding_schemes,
    private_code,
    require_highdicom,
    segment_codes,
    shortened,
    units_code,
)
from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.segmentation.segments import named_segment, terminology_entry


def test_units_are_ucum():
    assert units_code("mm") == ("UCUM", "mm", "millimeter")
    assert units_code("mm³") == units_code("mm3")
    assert units_code("") == ("UCUM", "1", "no units")
    scheme, value, meaning = units_code("größe/{x}")
    assert (scheme, value, meaning) == ("UCUM", "{gre/x}", "größe/{x}"), "an annotation of UCUM is ASCII without braces"
    assert units_code("µ")[1] == "{units}"


def test_texts_fit_into_a_code_meaning():
    assert shortened("short") == "short"
    assert shortened("a\nb\\c") == "a b/c"
    assert shortened("") == "-"
    long = shortened("word " * 30)
    assert len(long) <= 64
    assert long.endswith("word...")
    assert len(shortened("x" * 100)) == 64


def test_segments_without_a_known_meaning_are_tissue():
    category, kind, modifier, region = segment_codes(named_segment(1, "Left lung"))
    assert (category[1], kind[1], modifier, region) == ("123037004", "39607008", ("SCT", "7771000", "Left"), None)
    for entry in ("", "nonsense", "a~b~c", "list~^^~SCT^1^x~^^"):
        category, kind, modifier, region = segment_codes(replace(named_segment(1, "x"), terminology=entry))
        assert (category[2], kind[2], modifier, region) == ("Tissue", "Tissue", None, None)
    entry = terminology_entry(("SCT", "1", "c"), ("SCT", "2", "t")).replace(
        "~Anatomic codes - DICOM master list~^^", "~list~SCT^39607008^Lung"
    )
    assert segment_codes(replace(named_segment(1, "x"), terminology=entry))[3] == ("SCT", "39607008", "Lung")


def test_codes_are_written_and_private_schemes_named():
    pytest.importorskip("highdicom", reason="highdicom writes DICOM objects")
    from pydicom import Dataset

    short, long = coded(private_code("size", "Size")), coded(private_code("lung_nodule.longest_diameter_mm", "Longest"))
    assert (short.CodeValue, short.CodingSchemeDesignator) == ("size", PRIVATE_SCHEME)
    assert long.LongCodeValue == "lung_nodule.longest_diameter_mm"
    dataset = Dataset()
    dataset.ConceptNameCodeSequence = [
        short,
        coded(("SCT", "118565006", "Volume")),
        coded(("IBSI", "QCFX", "Sphericity")),
    ]
    items = coding_schemes(dataset)
    assert [item.CodingSchemeDesignator for item in items] == [PRIVATE_SCHEME, "IBSI"]
    assert "MedDeep" in items[0].CodingSchemeName


def test_a_missing_or_old_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingPackageError, match="pip install"):
        require_highdicom()
    monkeypatch.setitem(sys.modules, "highdicom", SimpleNamespace(__version__="0.27.1"))
    with pytest.raises(MissingPackageError, match=r"0.27.1 is too old, expected 0.28"):
        require_highdicom()
    monkeypatch.setitem(sys.modules, "highdicom", SimpleNamespace(__version__="1.0rc1"))
    require_highdicom()
