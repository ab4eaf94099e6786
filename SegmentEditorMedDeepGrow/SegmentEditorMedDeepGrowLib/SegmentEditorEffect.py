"""The effect under the names that Slicer looks for: it loads this file and makes its class ``SegmentEditorEffect``."""

from MedDeepRegSegLib.panels.grow_effect import GrowEffect


class SegmentEditorEffect(GrowEffect):
    """MedDeep Grow."""

    sourceFile = __file__
