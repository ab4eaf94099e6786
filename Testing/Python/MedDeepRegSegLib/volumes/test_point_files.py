import json
import math
import subprocess
import sys

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.point_files import read_points, write_points

FCSV = """# Markups fiducial file version = 5.8
# CoordinateSystem = {system}
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID,positionStatus
1,10.5,-20,30,0,0,0,1,1,1,0,first,,,2
2,1e1,2,3,0,0,0,1,1,1,0,"a ""b"", c",,,2
3,0,0,0,0,0,0,1,1,1,0,unplaced,,,0
4,0,0,0,0,0,0,1,1,1,0,at the mouse,,,1
"""


def markups(**changes):
    points = [
        {"label": "first", "position": [10.5, -20, 30], "positionStatus": "defined"},
        {"label": "", "position": [1, 2, 3]},
        {"label": "unplaced", "position": [0, 0, 0], "positionStatus": "undefined"},
        {"label": "at the mouse", "position": [0, 0, 0], "positionStatus": "preview"},
    ]
    return {"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points, **changes}]}


@pytest.mark.parametrize(("system", "sign"), [("LPS", 1), ("1", 1), ("RAS", -1), ("0", -1)])
def test_fcsv(tmp_path, system, sign):
    path = tmp_path / "a.fcsv"
    path.write_text(FCSV.format(system=system))
    *listed, unplaced = read_points(path)
    assert unplaced == ("unplaced", None)
    names, points = zip(*listed, strict=True)
    assert names == ("first", 'a "b", c')
    assert points == ((sign * 10.5, sign * -20.0, 30.0), (sign * 10.0, sign * 2.0, 3.0))


@pytest.mark.parametrize(
    ("changes", "scale"),
    [
        ({}, (1, 1, 1)),
        ({"coordinateSystem": "RAS"}, (-1, -1, 1)),
        ({"coordinateSystem": "LPS", "coordinateUnits": "um"}, (0.001, 0.001, 0.001)),
    ],
)
def test_mrk_json(tmp_path, changes, scale):
    path = tmp_path / "a.mrk.json"
    path.write_text(json.dumps(markups(**changes)))
    *listed, unplaced = read_points(path)
    assert unplaced == ("unplaced", None)
    names, points = zip(*listed, strict=True)
    assert names == ("first", "")
    assert points[0] == pytest.approx([value * factor for value, factor in zip((10.5, -20, 30), scale, strict=True)])
    assert len(points) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "1,2,3", "expected .mrk.json or .fcsv"),
        ("a.fcsv", "1,2,3,4\n", "does not say its coordinate system"),
        ("a.fcsv", FCSV.format(system="IJK"), "coordinate system 'IJK'"),
        ("a.fcsv", "# CoordinateSystem = LPS\n", "no points"),
        ("a.fcsv", "# CoordinateSystem = LPS\n1,a,2,3\n", "point 1 has no position"),
        ("a.fcsv", "# CoordinateSystem = LPS\n1,2\n", "point 1 has no position"),
        ("a.fcsv", "# CoordinateSystem = LPS\n# columns = id,label\n1,b\n", "no columns x, y and z"),
        ("a.mrk.json", "{", "damaged"),
        ("a.mrk.json", "[]", "0 lists of markups"),
        ("a.mrk.json", json.dumps({"markups": []}), "0 lists of markups"),
        ("a.mrk.json", json.dumps({"markups": [{}, {}]}), "2 lists of markups"),
        ("a.mrk.json", json.dumps(markups(coordinateSystem="IJK")), "coordinate system 'IJK'"),
        ("a.mrk.json", json.dumps(markups(coordinateSystem=5)), "coordinate system 5"),
        ("a.mrk.json", json.dumps(markups(coordinateUnits="inch")), "'inch', expected mm"),
        ("a.mrk.json", json.dumps(markups(controlPoints=[])), "no points"),
        ("a.mrk.json", json.dumps(markups(controlPoints=None)), "no points"),
        ("a.mrk.json", json.dumps(markups(controlPoints=[{"position": [1, 2]}])), "point 1 has no position"),
        ("a.mrk.json", json.dumps(markups(controlPoints=[{"position": [1, 2, math.inf]}])), "point 1 has no position"),
        ("a.mrk.json", json.dumps(markups(controlPoints=[{"position": [1, 2, True]}])), "point 1 has no position"),
        ("a.mrk.json", json.dumps(markups(controlPoints=["x"])), "point 1 has no position"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_points(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_absent_and_binary_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_points(tmp_path / "a.fcsv")
    (tmp_path / "a.fcsv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="not a text file"):
        read_points(tmp_path / "a.fcsv")


SLICER = """
import sys
import slicer
from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLMarkupsFiducialStorageNode, vtkMRMLMarkupsJsonStorageNode
for storage, name in ((vtkMRMLMarkupsFiducialStorageNode(), "a.fcsv"), (vtkMRMLMarkupsJsonStorageNode(), "a.mrk.json")):
    scene = slicer.vtkMRMLScene()
    node = scene.AddNode(vtkMRMLMarkupsFiducialNode())
    node.AddControlPoint([10.5, -20.0, 30.0], "apex, left")
    storage.SetFileName(sys.argv[1] + "/" + name)
    scene.AddNode(storage)
    assert storage.WriteData(node)
"""


def test_files_that_slicer_itself_writes(tmp_path):
    pytest.importorskip("slicer")
    done = subprocess.run(
        [sys.executable, "-c", SLICER, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    for name in ("a.fcsv", "a.mrk.json"):
        ((label, position),) = read_points(tmp_path / name)
        assert position == pytest.approx((-10.5, 20.0, 30.0))
        assert label == "apex, left"


def test_written_points_are_read_again(tmp_path):
    points = (("first", (10.5, -20.0, 30.0)), ('a "b", c', (1.0, 2.0, 3.0)), ("unplaced", None))
    write_points(points, tmp_path / "p.mrk.json")
    assert read_points(tmp_path / "p.mrk.json") == points


def test_slicer_opens_written_points(tmp_path):
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    write_points(
        [("first", (10.5, -20.0, 30.0)), ("unplaced", None), ("last", (1.0, 2.0, 3.0))], tmp_path / "p.mrk.json"
    )
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "p.mrk.json"))
    assert storage.ReadData(node)
    assert [node.GetNthControlPointLabel(index) for index in range(3)] == ["first", "unplaced", "last"]
    defined = [node.GetNthControlPointPositionStatus(index) == node.PositionDefined for index in range(3)]
    assert defined == [True, False, True]
    position = [0.0] * 3
    node.GetNthControlPointPosition(0, position)
    assert position == pytest.approx([-10.5, 20.0, 30.0])  # RAS


@pytest.mark.parametrize(
    ("points", "name", "says"),
    [([("a", (0.0, 0.0, 0.0))], "p.fcsv", "mrk.json"), ([("a", (0.0, math.nan, 0.0))], "p.mrk.json", "not finite")],
)
def test_points_that_cannot_be_written_are_refused(tmp_path, points, name, says):
    with pytest.raises(InputError, match=says):
        write_points(points, tmp_path / name)
    assert not list(tmp_path.iterdir())
