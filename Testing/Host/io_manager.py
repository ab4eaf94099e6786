"""``slicer.app.coreIOManager()``: reads and writes nodes through the real logics and storage nodes."""

from pathlib import Path

import slicer
import vtk
from PySide6 import QtCore

# File type -> (endings, node class). First match wins, as the reader with the highest confidence does in Slicer.
_TYPES = {
    "SceneFile": ((".mrml", ".mrb"), None),
    "SegmentationFile": ((".seg.nrrd", ".seg.nhdr"), "vtkMRMLSegmentationNode"),
    "MarkupsFile": ((".mrk.json", ".fcsv"), "vtkMRMLMarkupsNode"),
    "TransformFile": ((".h5", ".tfm", ".mat", ".txt"), "vtkMRMLTransformNode"),
    "TableFile": ((".tsv", ".csv"), "vtkMRMLTableNode"),
    "ModelFile": ((".vtk", ".vtp", ".stl", ".ply", ".obj"), "vtkMRMLModelNode"),
    "VolumeFile": ((".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".dcm"), "vtkMRMLVolumeNode"),
}


class qSlicerCoreIOManager(QtCore.QObject):
    """Loads and saves nodes."""

    newFileLoaded = QtCore.Signal(object)
    fileSaved = QtCore.Signal(object)

    def fileType(self, path: str) -> str:
        """Return the type of a file by its ending."""
        name = Path(path).name.lower()
        return next((kind for kind, (endings, _) in _TYPES.items() if name.endswith(endings)), "NoFile")

    def fileWriterFileType(self, node, *_file_name) -> str:
        """Return the type of file that a node is written as."""
        return next((kind for kind, (_, cls) in _TYPES.items() if cls and node.IsA(cls)), "NoFile")

    def loadNodes(self, kind: str, properties: dict, nodes=None, messages=None) -> bool:
        """Read a file into the scene; the new nodes go into the collection `nodes`."""
        path = str(properties["fileName"])
        if not Path(path).exists():
            if messages is not None:
                messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"{path} does not exist")
            return False
        scene = slicer.mrmlScene
        if kind == "SceneFile":
            if path.lower().endswith(".mrb"):
                return bool(scene.ReadFromMRB(path, bool(properties.get("clear", False)), messages))
            scene.SetURL(path)
            read = scene.Connect if properties.get("clear") else scene.Import
            return bool(read(messages))
        node = self._load(kind, path, properties)
        if node is None:
            return False
        if nodes is not None:
            nodes.AddItem(node)
        self.newFileLoaded.emit(properties)
        return True

    def _load(self, kind: str, path: str, properties: dict):
        modules, scene = slicer.modules, slicer.mrmlScene
        name = properties.get("name") or Path(path).name.split(".")[0]
        if kind == "VolumeFile":
            flags = (1 if properties.get("labelmap") else 0) | (4 if properties.get("singleFile") else 0)
            node = modules.volumes.logic().AddArchetypeVolume(path, name, flags)
        elif kind == "SegmentationFile":
            node = modules.segmentations.logic().LoadSegmentationFromFile(path, True, name)
        elif kind == "TransformFile":
            node = modules.transforms.logic().AddTransform(path, scene)
        elif kind == "TableFile":
            node = modules.tables.logic().AddTable(path, name)
        elif kind == "MarkupsFile":
            node = scene.GetNodeByID(modules.markups.logic().LoadMarkups(path, name) or "")
        elif kind == "ModelFile":
            node = modules.models.logic().AddModel(path)
        else:
            msg = f"the headless host does not load a {kind}"
            raise NotImplementedError(msg)
        if node is not None and "name" in properties:
            node.SetName(properties["name"])
        return node

    def saveNodes(self, kind: str, properties: dict, messages=None) -> bool:
        """Write a node, or the scene, to a file."""
        path = str(properties["fileName"])
        if kind == "SceneFile":
            if path.lower().endswith(".mrb"):
                return bool(slicer.mrmlScene.WriteToMRB(path, None, messages))
            if path.lower().endswith(".mrml"):
                return bool(slicer.mrmlScene.Commit(path, messages))
            return bool(slicer.app.applicationLogic().SaveSceneToSlicerDataBundleDirectory(path, None, messages))
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(path)
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        return bool(storage.WriteData(node))

    def exportNodes(self, node_ids, paths, properties, harden, messages=None) -> bool:
        """Write nodes to files without changing their storage nodes."""
        if harden:
            msg = "the headless host does not export in world coordinates"
            raise NotImplementedError(msg)
        written = True
        for node_id, path in zip(node_ids, paths, strict=True):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            storage = node.CreateDefaultStorageNode()
            storage.UnRegister(None)
            storage.SetScene(slicer.mrmlScene)
            storage.SetFileName(str(path))
            written = bool(storage.WriteData(node)) and written
        return written

    def extractKnownExtension(self, path: str, _node) -> str:
        """Return the ending of a file name."""
        name = Path(path).name.lower()
        endings = [ending for known, _ in _TYPES.values() for ending in known if name.endswith(ending)]
        return max(endings, key=len, default=Path(path).suffix)

    def fileWriterExtensions(self, node) -> tuple[str, ...]:
        """Return what a node can be written as, in Slicer's form ``Name (.ending)``."""
        kind = self.fileWriterFileType(node)
        return tuple(f"{kind} ({ending})" for ending in _TYPES[kind][0]) if kind in _TYPES else ()
