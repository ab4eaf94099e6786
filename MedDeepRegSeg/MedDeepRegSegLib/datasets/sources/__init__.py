"""Finds the cases of a folder: one file for each way that folders of images and labels are laid out."""
