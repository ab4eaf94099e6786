from MedDeepRegSegLib.wording import by_number, counted, folded_name


def test_nouns_follow_their_number():
    assert [counted(number, "case") for number in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]
    assert [by_number(number, "has", "have") for number in (0, 1, 2)] == ["have", "has", "have"]


def test_case_spaces_and_underscores_do_not_count():
    assert folded_name(" Equivalent diameter_MM ") == "equivalent_diameter_mm"
