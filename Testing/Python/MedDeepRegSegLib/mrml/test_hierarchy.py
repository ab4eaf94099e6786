from MedDeepRegSegLib.mrml.hierarchy import place_beside, place_in_folder, study_folder
from MedDeepRegSegLib.mrml.scene import subject_hierarchy


def test_places(scene):
    hierarchy = subject_hierarchy()
    node, neighbor, third = (scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in ("a", "b", "c"))
    top = hierarchy.GetSceneItemID()
    assert hierarchy.GetItemParent(place_beside(node, None)) == top
    folder = study_folder("Registration")
    assert hierarchy.GetItemParent(folder) == top
    assert study_folder("Registration") == folder
    place_in_folder(neighbor, folder)
    item = place_beside(node, neighbor)
    assert hierarchy.GetItemDataNode(item) is node
    assert hierarchy.GetItemParent(item) == folder
    inner = study_folder("Registration", beside=neighbor)
    assert inner != folder
    assert hierarchy.GetItemParent(inner) == folder
    assert place_in_folder(third, inner) == hierarchy.GetItemByDataNode(third)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(third)) == inner
    # One item a node, however often it is placed.
    place_beside(node, third)
    children = []
    hierarchy.GetItemChildren(top, children, True)
    assert sum(hierarchy.GetItemDataNode(child) is node for child in children) == 1
