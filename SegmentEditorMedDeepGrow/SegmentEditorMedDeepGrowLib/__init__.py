"""The Segment Editor effect "MedDeep Grow"."""
