"""Learning from a table of cases: learners, calibration, conformal sets, and checks of fairness and of leaks."""
