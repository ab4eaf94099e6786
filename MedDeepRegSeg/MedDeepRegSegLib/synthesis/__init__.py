"""Random label maps, and images of them in random contrast: what the shipped networks learn from."""
