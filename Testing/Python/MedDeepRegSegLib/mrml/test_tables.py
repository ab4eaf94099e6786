import math

import numpy as np
import pytest
import slicer.util
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.scene import load_scene, save_scene
from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_csv, rows_from_table, table_from_rows

COLUMNS = (
    TableColumn("segment", "Segment"),
    TableColumn("volume_ml", "Volume", "mL", "Voxels times the volume of one."),
    TableColumn("voxels", "Voxels"),
    TableColumn("touches", "Touches the border"),
)
ROWS = [
    {"segment": "Liver", "volume_ml": 1500.25, "voxels": 12, "touches": True},
    {"segment": "tab\tand é", "volume_ml": None, "voxels": 3_000_000_000, "touches": False},
]


def test_rows_columns_units_and_types(scene):
    node = table_from_rows(COLUMNS, ROWS, "Measured")
    assert (node.GetNumberOfRows(), node.GetNumberOfColumns()) == (2, 4)
    assert node.GetColumnUnitLabel("volume_ml") == "mL"
    assert node.GetColumnTitle("volume_ml") == "Volume [mL]"
    assert node.GetUseColumnTitleAsColumnHeader()
    assert math.isnan(node.GetTable().GetValueByName(1, "volume_ml").ToDouble())
    columns, rows = rows_from_table(node)
    assert columns == COLUMNS
    assert rows == [{**ROWS[0], "touches": "yes"}, {**ROWS[1], "touches": "no"}]
    assert isinstance(rows[0]["voxels"], int)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
                "whole": st.integers(-(2**53), 2**53),
                "text": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_round_trip(empty_scene, rows):
    empty_scene()
    node = table_from_rows([TableColumn("number"), TableColumn("whole"), TableColumn("text")], rows, "t")
    assert rows_from_table(node)[1] == rows


def test_saved_and_reloaded_table_keeps_units_and_values(scene, tmp_path):
    table_from_rows(COLUMNS, ROWS[:1] * 2, "Measured")
    save_scene(tmp_path / "scene.mrb")
    load_scene(tmp_path / "scene.mrb")
    columns, rows = rows_from_table(slicer.util.getNode("Measured"))
    assert columns == COLUMNS
    assert rows == [{**ROWS[0], "touches": "yes"}] * 2


def test_replacing_a_table_leaves_nothing_behind(scene):
    node = table_from_rows(COLUMNS, ROWS, "Measured")
    assert table_from_rows([TableColumn("volume_ml", "Size")], [{"volume_ml": np.float32(1.5)}], "x", node=node) is node
    assert node.GetName() == "Measured"
    assert rows_from_table(node) == ((TableColumn("volume_ml", "Size"),), [{"volume_ml": 1.5}])


def test_foreign_table_is_read(scene):
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", "plain")
    slicer.util.updateTableFromArray(node, np.array([[1.0, 2.0], [3.0, 4.0]]), ["a", "b"])
    columns, rows = rows_from_table(node)
    assert [column.title for column in columns] == ["a", "b"]
    assert rows == [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}]
    assert rows_from_table(scene.AddNewNodeByClass("vtkMRMLTableNode", "empty")) == ((), [])


def test_bad_input_is_refused(scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "v")
    count = scene.GetNumberOfNodes()
    cases = [
        (lambda: table_from_rows([TableColumn("a"), TableColumn("a")], [], "t"), "expected different ones"),
        (lambda: table_from_rows([TableColumn("a")], [{"b": 1}], "t"), "key 'b' that no column has"),
        (lambda: table_from_rows([TableColumn("a")], [{"a": 1}, {"a": "x"}], "t"), "mixes numbers and text"),
        (lambda: table_from_rows([TableColumn("a")], [], "t", node=volume), "'v' is a Volume, expected a table"),
        (lambda: rows_from_table(volume), "expected a table"),
        (lambda: rows_from_table(None), "no table is chosen"),
    ]
    for call, word in cases:
        with pytest.raises(InputError, match=word):
            call()
    assert scene.GetNumberOfNodes() == count


def test_csv_becomes_typed_columns_with_units(scene, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('Segment,Volume [mL],Voxels,Note\n"Liver, left",1.5,12,\nSpleen,,7,x\n', encoding="utf-8")
    columns, rows = rows_from_csv(path)
    assert [(column.title, column.units) for column in columns] == [
        ("Segment", ""),
        ("Volume", "mL"),
        ("Voxels", ""),
        ("Note", ""),
    ]
    assert rows[0] == {"Segment": "Liver, left", "Volume [mL]": 1.5, "Voxels": 12, "Note": None}
    assert rows[1]["Volume [mL]"] is None
    node = table_from_rows(columns, rows, "t")
    assert node.GetColumnTitle("Volume [mL]") == "Volume [mL]"
    assert node.GetColumnUnitLabel("Volume [mL]") == "mL"


def test_bad_csv_is_refused(tmp_path):
    for text, word in (("", "is empty"), ("a,b\n1\n", "line 2 of table .* has 1 cells, expected 2")):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(InputError, match=word):
            rows_from_csv(tmp_path / "t.csv")
    with pytest.raises(InputError, match="could not be read"):
        rows_from_csv(tmp_path / "absent.csv")
