"""Training of networks, in resumable chunks."""
