"""Associations as a table node."""

import math

import pytest

pytest.importorskip("slicer", reason="needs the package slicer-core")

from MedDeepDiagnosisLib.associations.files import PAIR_COLUMNS, pair_rows
from MedDeepDiagnosisLib.associations.measures import OddsRatio
from MedDeepDiagnosisLib.associations.pair_measures import Estimate
from MedDeepDiagnosisLib.associations.pairs import Association, Associations
from MedDeepDiagnosisLib.mrml.association_table import association_table_node
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.scene import clear_scene, headless_scene
from MedDeepRegSegLib.mrml.tables import rows_from_table


@pytest.fixture
def scene():
    made = headless_scene()
    clear_scene()
    yield made
    clear_scene()


@pytest.fixture
def associations():
    phi = Estimate("phi", 0.4, 0.2, 0.6, "patient bootstrap", 0.001, "Fisher's exact", 0.002)
    bits = Estimate("mutual information (bits)", 0.1, 0.0, 0.2, "noncentral", 0.01, "permutation", 0.02, signed=False)
    found = Association("sex", "stroke", (phi, bits), 90, 80, 10, OddsRatio(3.0, 1.5, 6.0, corrected=False))
    unknown = Association("sex", "weight", (), 4, 4, 96, note="not measured")
    return Associations((found, unknown), 2, clustered=True)


def test_rows_titles_units_and_descriptions(scene, associations):
    node = association_table_node(associations, "What goes together")
    assert node.GetName() == "What goes together"
    columns, rows = rows_from_table(node)
    assert [column.key for column in columns] == list(PAIR_COLUMNS)
    assert all(column.description == PAIR_COLUMNS[column.key] for column in columns)
    units = {column.key: column.units for column in columns}
    assert (units["rows"], units["patients"], units["missing"], units["value"]) == ("rows", "patients", "rows", "")
    assert [row["measure"] for row in rows] == ["phi", "mutual information (bits)", None]
    assert rows[0] == pytest.approx(pair_rows(associations.pairs)[0] | {"note": None})
    assert (rows[1]["odds_ratio"], rows[2]["q"], rows[2]["rows"]) == (None, None, 4)
    assert math.isnan(node.GetTable().GetColumnByName("q").GetValue(2))


def test_a_node_is_filled_again_and_others_are_refused(scene, associations):
    node = association_table_node(associations)
    again = association_table_node(Associations(associations.pairs[:1], 2, clustered=False), node=node)
    assert again is node
    assert node.GetNumberOfRows() == 2
    with pytest.raises(InputError, match="expected a table"):
        association_table_node(associations, node=scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))
