"""The whole path on one case: register, grow, measure, assess, report."""
