"""Learning an additive logistic model honestly, and using it."""
