"""A view of a SimpleITK image does not keep the image: of one that only the call holds, it shows freed memory."""

import ast

PLACES = ("MedDeepRegSeg", "MedDeepDiagnosis", "Testing", "Utilities")


def views_of_temporaries(source: str) -> list[int]:
    """Return the lines where a view is taken of what a call returns."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "GetArrayViewFromImage"
        and isinstance(node.args[0], ast.Call)
    ]


def test_no_view_is_taken_of_an_image_that_nothing_holds(repository):
    files = [path for place in PLACES for path in (repository / place).rglob("*.py")]
    assert len(files) > 200
    found = {str(path): views_of_temporaries(path.read_text(encoding="utf-8")) for path in files}
    assert not {path: lines for path, lines in found.items() if lines}


def test_the_check_sees_one():
    assert views_of_temporaries("a = sitk.GetArrayViewFromImage(made(image)) > 0") == [1]
    assert views_of_temporaries("a = sitk.GetArrayViewFromImage(image)") == []
