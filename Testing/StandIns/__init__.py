"""Small things that take the place of slow ones in tests."""
