"""The card of a network."""

from dataclasses import replace

from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.model_folder import read_model


def test_card_in_the_folder_is_that_of_the_model(folder):
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == model_card(read_model(folder)[0])


def test_card_says_what_it_is_and_what_it_is_worth(description):
    card = model_card(description)
    assert card.startswith("# toy-encoder 1.2\n")
    for text in (
        "not a medical device",
        "It is made up.",
        "Tests, and nothing else.",
        "- It has learned nothing.",
        "- It is small.",
        "- Channels: 8, 8, 16, 16.",
        "- Local features: 4.",
        "1.5 mm recommended, from 1 to 4 mm",
        "- Outputs: left, right.",
        "License: CC0",
        "0 steps in 0.25 hours on a thumb; seed 3",
        "| Error \\| median | 4.032 mm | toys | `toys --all` |",
        "| Dice | 0.5 | toys |  |",
        "License of the model: Apache-2.0. Made with MedDeep 0.0.",
    ):
        assert text in card


def test_card_without_figures_says_so(description):
    card = model_card(replace(description, metrics=(), labels=(), limitations=()))
    assert "Nothing was measured." in card
    assert "Outputs" not in card
    assert "Limitations" not in card
