"""Places of nodes in the subject hierarchy (the tree in the Data module)."""

from MedDeepRegSegLib.mrml.scene import subject_hierarchy


def place_beside(node, neighbor) -> int:
    """Place a node in the folder, study or patient that holds another node.

    Parameters
    ----------
    node:
        Node that was made.
    neighbor:
        Node beside which it belongs, usually the input. A neighbor of None leaves the node at the top.

    Returns
    -------
    int
        Subject hierarchy item of the node.
    """
    hierarchy = subject_hierarchy()
    parent = hierarchy.GetSceneItemID()
    if neighbor is not None:
        parent = hierarchy.GetItemParent(_item(hierarchy, neighbor)) or parent
    item = _item(hierarchy, node)
    hierarchy.SetItemParent(item, parent)
    return item


def study_folder(name: str, *, beside=None) -> int:
    """Return a folder of that name beside a node (at the top without one), and make it where it is absent.

    Returns
    -------
    int
        Subject hierarchy item of the folder.
    """
    hierarchy = subject_hierarchy()
    parent = hierarchy.GetSceneItemID()
    if beside is not None:
        parent = hierarchy.GetItemParent(_item(hierarchy, beside)) or parent
    item = hierarchy.GetItemChildWithName(parent, name, False)
    return item or hierarchy.CreateFolderItem(parent, name)


def place_in_folder(node, folder: int) -> int:
    """Place a node in a folder that :func:`study_folder` returned; return the node's item."""
    hierarchy = subject_hierarchy()
    item = _item(hierarchy, node)
    hierarchy.SetItemParent(item, folder)
    return item


def _item(hierarchy, node) -> int:
    """Return the item of a node. The application makes it when the node is added, slicer-core alone does not."""
    item = hierarchy.GetItemByDataNode(node)
    if item != hierarchy.GetInvalidItemID():
        return item
    return hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
