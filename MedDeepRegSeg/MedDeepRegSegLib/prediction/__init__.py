"""Segmentation networks of one's own at work: predictions, how good they are, and which cases to label next."""
