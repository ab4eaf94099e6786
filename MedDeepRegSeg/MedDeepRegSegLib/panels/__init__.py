"""Widget code of the panels: one file per tab, and what the tabs share."""
