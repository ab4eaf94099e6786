"""Widget code of the diagnosis module."""
