"""Random changes of images and their labels, as scanners and patients make them, to train with: one transform a file.

What a preset allows (settings) is apart from what was drawn (draws): draws are small, can be stored and applied again.
"""
