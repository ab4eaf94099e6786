"""Tables of mixed types."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.associations.table import POOLED, Column, MixedTable, pool_rare, table_from_pathology, tidy
from MedDeepRegSegLib.errors import InputError


def rows_of(count=20):
    return [
        {"patient": f"P{n % 7}", "case": str(n), "size": 1 + n, "ratio": "", "edge": "Sharp" if n % 2 else 3,
         "kind": "Solid" if n % 3 else "None", "present": n % 2, "comment": "x"}
        for n in range(count)
    ]  # fmt: skip


def test_a_pathology_gives_kinds_words_and_outcomes(pathology):
    table = table_from_pathology(pathology, rows_of())
    kinds = {column.name: column.kind for column in table.columns}
    assert kinds == {"size": "number", "edge": "ordinal", "kind": "binary", "present": "binary"}
    assert dict(table.left_out) == {"comment": "not part of the pathology", "ratio": "empty"}
    column, values = table.column("kind")
    assert column.label == "Kind: Solid"
    assert values[:4].tolist() == [0, 1, 1, 0]
    assert table.column("edge")[1][:2].tolist() == [3, 1]
    assert table.column("present")[0].outcome
    assert (table.patient_count, len(table)) == (7, 20)


def test_a_missing_required_value_is_only_missing_but_an_implausible_one_is_refused(pathology):
    rows = rows_of()
    rows[3]["size"] = "n/a"
    rows[4]["present"] = ""
    table = table_from_pathology(pathology, rows)
    assert np.isnan(table.column("size")[1]).sum() == 1
    assert np.isnan(table.column("present")[1]).sum() == 1
    rows[5]["size"] = 9999
    with pytest.raises(InputError, match="row 6: size is 9999"):
        table_from_pathology(pathology, rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"patient": ""}, "row 1: column 'patient' is empty"), ({"present": "2"}, "row 1: present is '2'")],
)
def test_bad_rows_are_named(pathology, change, message):
    rows = rows_of()
    rows[0] |= change
    with pytest.raises(InputError, match=message):
        table_from_pathology(pathology, rows)


def test_nothing_to_look_at_is_refused(pathology):
    with pytest.raises(InputError, match="no rows"):
        table_from_pathology(pathology, [])
    with pytest.raises(InputError, match="fewer than two columns"):
        table_from_pathology(pathology, [{"patient": "a", "fruit": "apple"}])
    with pytest.raises(InputError, match="fewer than two columns"):
        table_from_pathology(pathology, [{"patient": "a", "size": 3}] * 5)


def test_rare_levels_are_pooled_and_absent_ones_removed():
    column = Column("c", "C", "category", "x", levels=("a", "b", "c", "d", "e"))
    values = np.array([0.0] * 10 + [1.0] * 2 + [2.0] * 3 + [3.0] * 6 + [np.nan])
    pooled, codes = pool_rare(column, values)
    assert pooled.levels == ("a", "d", POOLED)
    assert codes[:10].tolist() == [0] * 10
    assert codes[10:15].tolist() == [2] * 5
    assert codes[15:21].tolist() == [1] * 6
    assert np.isnan(codes[21])
    alone, _ = pool_rare(column, np.array([0.0] * 10 + [1.0] * 2))
    assert alone.levels == ("a", "b")


def test_outcomes_are_marked_and_unknown_names_refused(mixed):
    table = mixed().with_outcomes(["number_1"])
    assert [column.name for column in table.columns if column.outcome] == ["number_1"]
    assert table.column("number_1")[0].group == "outcome"
    with pytest.raises(InputError, match="no column 'weight'"):
        table.with_outcomes(["weight"])


def test_shapes_are_checked_and_constants_left_out(mixed):
    table = mixed()
    with pytest.raises(ValueError, match="expected"):
        MixedTable(table.columns, table.values[:, :3], table.patients)
    values = table.values.copy()
    values[:, 0] = 4
    assert tidy(replace(table, values=values)).left_out == (("number_1", "the same in every row"),)
