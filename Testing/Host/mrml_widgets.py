"""All MRML widgets of the host; importing this makes them known to the .ui loader."""

from . import (
    mrml_checkable_node_combo_box,
    mrml_markups,
    mrml_node_combo_box,
    mrml_scene_widgets,
    mrml_segments,
    mrml_tables,
)

__all__ = [
    "mrml_checkable_node_combo_box",
    "mrml_markups",
    "mrml_node_combo_box",
    "mrml_scene_widgets",
    "mrml_segments",
    "mrml_tables",
]
