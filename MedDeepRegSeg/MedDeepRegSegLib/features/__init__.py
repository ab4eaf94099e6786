"""The encoder at work: dense features of a volume, pooled features of segments, and pictures of them."""
