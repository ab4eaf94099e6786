"""Forms that follow from a pathology: its signs and clinical features, and the facts of its guidelines."""

from collections.abc import Iterable

from slicer.i18n import tr as _

from MedDeepDiagnosisLib.guidelines import RuleSet, facts_from, load_rules
from MedDeepDiagnosisLib.guidelines.rule_facts import RuleFact
from MedDeepDiagnosisLib.panels.form import Form
from MedDeepDiagnosisLib.pathology import Feature, Pathology

YES_NO = (("yes", _("Yes")), ("no", _("No")))


def asksFor(feature: Feature) -> bool:
    """Whether a person gives the value of a feature: the extension does not measure it."""
    return feature.measurement is None


def needsLesion(pathology: Pathology) -> bool:
    """Whether there is no assessment without a segment: something that is required is measured on it."""
    return any(feature.required and not asksFor(feature) for feature in pathology.features)


def fillFindings(form: Form, pathology: Pathology) -> None:
    """Make a row for each feature that a person gives: ratings as words, numbers with units and range."""
    form.clear()
    groups = {"measured": _("Measured elsewhere"), "rated": _("Signs"), "clinical": _("Patient")}
    asked = [feature for feature in pathology.features if asksFor(feature)]
    used = {feature.group for feature in asked}
    for group, title in groups.items():
        if group in used and len(used) > 1:
            form.addHeading(title)
        for feature in asked:
            if feature.group == group:
                _addFeature(form, feature)


def _addFeature(form: Form, feature: Feature) -> None:
    title = f"{feature.title} *" if feature.required else feature.title
    hint = f"{feature.description} {_('There is no assessment without it.') if feature.required else ''}".strip()
    unknown = _("not rated") if feature.group == "rated" else _("not given")
    if not feature.words:
        form.addNumber(
            feature.name,
            title,
            feature.minimum,
            feature.maximum,
            units=feature.units,
            unknown=unknown,
            hint=hint,
        )
        return
    # The numbers of an order help those who know the scale; a category such as the sex has none to show.
    shown = [(w.word, f"{w.value} - {w.word}" if feature.group == "rated" else w.word) for w in feature.words]
    form.addChoice(feature.name, title, shown, unknown=unknown, hint=hint)


class FactsForm:
    """The facts that the guidelines of a pathology ask for, of one guideline at a time.

    Parameters
    ----------
    form:
        Gets the rows.
    box:
        ``QComboBox`` of the guidelines.
    note:
        ``QLabel`` that says whom the guideline is for.
    """

    def __init__(self, form: Form, box, note) -> None:
        self.form, self._box, self._note = form, box, note
        self._rules: list[RuleSet] = []
        self._asked: dict[str, tuple[str, ...]] = {}
        self._box.connect("currentIndexChanged(int)", self._onPicked)

    def fill(self, pathology: Pathology) -> None:
        """Make a row for each fact that is no feature; facts that two guidelines share are asked once."""
        self._rules = [load_rules(guideline.rules) for guideline in pathology.guidelines if guideline.rules]
        features = {feature.name for feature in pathology.features}
        derived = derivedFacts(pathology)
        self.form.clear()
        self._asked = {}
        for rules in self._rules:
            facts = [fact for fact in rules.facts if not features & {fact.name, *fact.aliases}]
            self._asked[rules.identifier] = tuple(fact.name for fact in facts)
            for fact in facts:
                if fact.name not in self.form.names:
                    _addFact(self.form, fact, derived=fact.name in derived)
        blocked = self._box.blockSignals(True)
        self._box.clear()
        for rules in self._rules:
            self._box.addItem(rules.title)
        self._box.blockSignals(blocked)
        self._onPicked(self._box.currentIndex)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to ask."""
        return not self.form.names

    def _onPicked(self, index: int) -> None:
        rules = self._rules[index] if 0 <= index < len(self._rules) else None
        self.form.showOnly(() if rules is None else self._asked[rules.identifier])
        self._note.text = "" if rules is None else rules.subject

    def mark(self, missing: Iterable[str]) -> None:
        """Point out the facts that guidelines still need."""
        self.form.mark(missing)


def _addFact(form: Form, fact: RuleFact, *, derived: bool) -> None:
    unknown = _("as measured or rated") if derived else _("not known")
    if fact.default is not None:
        unknown = _("{answer} (assumed)").format(answer=fact.display(fact.default))
    if fact.kind == "number":
        form.addNumber(
            fact.name, fact.title, fact.minimum, fact.maximum, units=fact.units, unknown=unknown, hint=fact.question
        )
        return
    choices = YES_NO if fact.kind == "yes_no" else [(word.value, word.title) for word in fact.words]
    form.addChoice(fact.name, fact.title, choices, unknown=unknown, hint=fact.question)


def derivedFacts(pathology: Pathology) -> frozenset[str]:
    """Return the facts that can follow from the features of a case, found by trying cases."""
    found: set[str] = set()
    for pick in (0, -1):
        values = {
            feature.name: feature.words[pick].value if feature.words else (feature.minimum + feature.maximum) / 2
            for feature in pathology.features
        }
        found |= set(facts_from(pathology, values).origins)
    return frozenset(found)
