"""Stand-in for ``slicer.parameterNodeWrapper``, written anew.

Values lie in a ``vtkMRMLScriptedModuleNode`` under the same names and in the same spelling as Slicer writes them, so
that a scene saved by one is read by the other. Covered: int, float, bool, str, enumerations, paths, node classes, and
lists, tuples, dictionaries and unions of these. Anything else is refused, as is an annotation that would be ignored.
"""

from .annotations import (
    Choice,
    Decimals,
    Default,
    Exclude,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    SingleStep,
    Validator,
    WithinRange,
)
from .wrapper import findChildWidgetForParameter, isParameterNodeWrapper, parameterNodeWrapper

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "SingleStep",
    "Validator",
    "WithinRange",
    "findChildWidgetForParameter",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]
