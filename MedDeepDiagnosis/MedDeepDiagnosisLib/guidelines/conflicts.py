"""Where a model and a guideline point different ways, in words."""

from typing import Protocol

from MedDeepDiagnosisLib.guidelines.applying import RuleOutcome


class PredictionLike(Protocol):
    """What is needed of a prediction: its probability, and whether the model abstains."""

    @property
    def probability(self) -> float:
        """In [0, 1]."""

    @property
    def abstains(self) -> bool:
        """Whether the probability is not to be taken for an assessment."""


def conflicts(prediction: PredictionLike | float | None, outcome: RuleOutcome) -> tuple[str, ...]:
    """Return where a probability and the rules that apply disagree; empty where they do not, or cannot be compared.

    A probability below the lower class disagrees with a rule that asks for work-up now; one above the upper class
    disagrees with a rule that asks for less. The last text says what the probability is not. Rules that are refused
    or open are not compared: they ask for nothing.

    Parameters
    ----------
    prediction:
        Probability in [0, 1], or a prediction. None, and a model that abstains, give nothing to compare.
    """
    probability = _probability(prediction)
    classes = outcome.probability_classes
    if probability is None or classes is None or outcome.status != "applies":
        return ()
    found = []
    for rule in outcome.leading:
        percent = f"{100 * probability:.3g} %"
        if probability < classes.low and rule.demand == "work_up":
            found.append(
                f"The model gives {percent}, below {100 * classes.low:g} % ({classes.low_name}), but the rule "
                f"“{rule.title}” offers further tests now: {', '.join(rule.options)}."
            )
        elif probability > classes.high and rule.demand != "work_up" and _answers(outcome, rule.group):
            asks = "only follow-up" if rule.demand == "follow_up" else "no follow-up"
            found.append(
                f"The model gives {percent}, above {100 * classes.high:g} % ({classes.high_name}), but the rule "
                f"“{rule.title}” asks for {asks}: {', '.join(rule.options)}."
            )
    return (*found, f"{classes.reminder} Classes: {outcome.probability_source}") if found else ()


def _probability(prediction: PredictionLike | float | None) -> float | None:
    if prediction is None:
        return None
    if isinstance(prediction, int | float):
        probability = float(prediction)
    else:
        if prediction.abstains:
            return None
        probability = prediction.probability
    if not 0 <= probability <= 1:
        msg = f"probability is {probability}, expected 0 to 1"
        raise ValueError(msg)
    return probability


def _answers(outcome: RuleOutcome, group: str) -> bool:
    """Whether a group answers what to do; a mere remark or modifier does not."""
    return group in outcome.needed_groups
