"""A small made-up rules file."""

import copy

import pytest

TOY = {
    "identifier": "toy",
    "version": "1",
    "title": "Toy guideline",
    "subject": "Made-up cases.",
    "note": "Made up.",
    "sources": [{"key": "paper", "text": "Nobody. Nowhere 2000", "doi": "10.1000/1"}],
    "facts": [
        {"name": "age", "title": "Age", "question": "How old?", "kind": "number", "units": "years", "minimum": 0, "maximum": 120},
        {
            "name": "size", "title": "Size", "question": "How large?", "kind": "number", "units": "mm",
            "minimum": 0, "maximum": 100, "decimals": 0, "aliases": ["width"],
        },
        {
            "name": "kind", "title": "Kind", "question": "Which kind?", "kind": "words",
            "words": [{"value": "hard", "title": "Hard one"}, {"value": "soft", "title": "Soft one"}],
        },
        {"name": "ill", "title": "Illness", "question": "Is there an illness?", "kind": "yes_no"},
        {"name": "seen", "title": "Seen", "question": "Was it seen?", "kind": "yes_no", "default": True},
    ],
    "terms": [{"name": "small", "when": {"fact": "size", "below": 6}}],
    "exclusions": [
        {
            "name": "young", "title": "Young", "reason": "too young", "when": {"fact": "age", "below": 35},
            "source": "paper", "place": "p. 1",
        },
    ],
    "groups": [
        {"name": "main", "title": "Main", "choose": "one", "needed": True},
        {"name": "remarks", "title": "Remarks", "choose": "all", "needed": False},
    ],
    "rules": [
        {
            "name": "nothing", "title": "Small and hard", "group": "main", "text": "Nothing.", "options": ["nothing"],
            "when": {"all": [{"term": "small"}, {"fact": "kind", "is": "hard"}]},
            "demand": "none", "source": "paper", "place": "Table 1, row 1", "evidence": "1A",
        },
        {
            "name": "wait", "title": "Small and soft", "group": "main", "text": "Wait.", "options": ["wait"],
            "when": {"all": [{"term": "small"}, {"not": {"fact": "kind", "is": "hard"}}]},
            "demand": "follow_up", "source": "paper", "place": "Table 1, row 2",
        },
        {
            "name": "test", "title": "Large", "group": "main", "text": "Test.", "options": ["test", "biopsy"],
            "when": {"not": {"term": "small"}}, "demand": "work_up", "source": "paper", "place": "Table 1, row 3",
        },
        {
            "name": "remark", "title": "Remark", "group": "remarks", "text": "Mind it.",
            "when": {"fact": "ill", "is": True}, "demand": "none", "source": "paper", "place": "p. 2",
        },
    ],
    "probability_classes": {
        "low": 0.05, "high": 0.65, "low_name": "low class", "high_name": "high class", "reminder": "No truth.",
        "source": "paper", "place": "p. 3",
    },
}  # fmt: skip


@pytest.fixture
def toy():
    """The made-up rules as JSON; free to change."""
    return copy.deepcopy(TOY)
