"""Looks for what is wrong or strange in the cases of a dataset: one file for each check."""
