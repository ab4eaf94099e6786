"""Cases to learn from: which images, which labels, whose they are, and which of them training may see."""
