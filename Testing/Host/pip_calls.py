"""Record of what pip would have been asked to do: nothing is installed while the host runs."""

# One list per call: the arguments, for example ["install", "--upgrade", "scipy"].
PIP_CALLS: list[list[str]] = []
