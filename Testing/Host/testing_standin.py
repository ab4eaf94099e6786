"""Stand-in for ``slicer.testing``, written anew."""

import sys
import unittest


def exitSuccess():
    """Say that a test program ended well."""


def exitFailure(message=""):
    """Say that a test program failed."""
    raise RuntimeError(message)


def runUnitTest(path, testname):
    """Run the tests of a module found in a folder."""
    sys.path.extend([path] if isinstance(path, str) else path)
    if not unittest.TextTestRunner().run(unittest.TestLoader().loadTestsFromName(testname)).wasSuccessful():
        exitFailure()
