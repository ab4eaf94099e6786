"""Training on cases of one's own: from a dataset to a model folder."""
