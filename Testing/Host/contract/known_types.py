"""What names and methods of Slicer are, as far as the check of code cannot see it in the text."""

# What a method of one of Slicer's classes returns, where code goes on from it. The dump's class of slicer.app is "app".
RETURNS = {
    ("app", "palette"): ("widget", "QPalette"),
    ("QPalette", "window"): ("widget", "QBrush"),
    ("QBrush", "color"): ("widget", "QColor"),
    ("app", "layoutManager"): ("widget", "qSlicerLayoutManager"),
    ("app", "moduleManager"): ("widget", "qSlicerModuleManager"),
    ("app", "coreIOManager"): ("widget", "qSlicerCoreIOManager"),
    ("app", "applicationLogic"): ("vtk", "vtkSlicerApplicationLogic"),
    ("app", "mrmlScene"): ("vtk", "vtkMRMLScene"),
    ("qSlicerLayoutManager", "sliceWidget"): ("widget", "qMRMLSliceWidget"),
    ("qSlicerLayoutManager", "threeDWidget"): ("widget", "qMRMLThreeDWidget"),
    ("qMRMLSliceWidget", "sliceView"): ("widget", "qMRMLSliceView"),
    ("qMRMLSliceWidget", "sliceLogic"): ("vtk", "vtkMRMLSliceLogic"),
    ("qMRMLSliceWidget", "mrmlSliceNode"): ("vtk", "vtkMRMLSliceNode"),
    ("qMRMLThreeDWidget", "threeDView"): ("widget", "qMRMLThreeDView"),
    ("qMRMLThreeDWidget", "mrmlViewNode"): ("vtk", "vtkMRMLViewNode"),
    ("qSlicerSimpleMarkupsWidget", "markupsPlaceWidget"): ("widget", "qSlicerMarkupsPlaceWidget"),
    ("qSlicerSimpleMarkupsWidget", "markupsSelectorComboBox"): ("widget", "qMRMLNodeComboBox"),
    ("qSlicerSimpleMarkupsWidget", "tableWidget"): ("widget", "QTableWidget"),
}
# What variables and attributes of these names are wherever they occur.
BY_NAME = {
    "scriptedEffect": ("widget", "qSlicerSegmentEditorScriptedEffect"),
    "effect": ("widget", "qSlicerSegmentEditorScriptedEffect"),
    "viewWidget": ("widget", "qMRMLSliceWidget"),
    "callerInteractor": ("vtk", "vtkRenderWindowInteractor"),
    "interactor": ("vtk", "vtkRenderWindowInteractor"),
}
# What `parent` and the other inherited attributes of a class are, by a name in its bases.
INHERITED = {
    "ScriptedLoadableModule": {"parent": ("widget", "qSlicerScriptedLoadableModule")},
    "ScriptedLoadableModuleWidget": {
        "parent": ("widget", "qSlicerScriptedLoadableModuleWidget"),
        "layout": ("widget", "QVBoxLayout"),
    },
    "ScriptedLoadableModuleLogic": {},
    "ScriptedLoadableModuleTest": {},
}
