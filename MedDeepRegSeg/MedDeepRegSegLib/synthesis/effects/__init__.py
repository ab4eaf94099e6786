"""What a scanner does to an image, one effect a file. Each takes and returns a volume (D, H, W), about 0 to 1."""
