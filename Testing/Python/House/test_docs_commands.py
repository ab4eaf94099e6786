"""Commands and code of the documentation are up to date: real parsers take the lines, files, names and methods exist."""

import argparse
import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest
from docs_pages import REPOSITORY, pages

import MedDeepDiagnosisLib.cli as diagnosis_cli
from MedDeepRegSegLib.cli.options import join_negative_values
from MedDeepRegSegLib.errors import InputError

PAGES = pages()
ROOTS = {name: REPOSITORY / name.removesuffix("Lib") for name in ("MedDeepRegSegLib", "MedDeepDiagnosisLib")}
PLACEHOLDERS = {"N": "1", "MM": "1.5", "NAME": "default"}
"""What a synopsis writes in place of a value, where the parser wants a number or one of several words."""


@pytest.fixture(scope="module")
def parser():
    """Return the parser of the ``meddeep`` command with every subcommand."""
    main_module = importlib.import_module("MedDeepRegSegLib.cli.main")  # the package has a function of that name
    commands = main_module._own_commands()
    commands += [vars(part)["COMMAND"] for part in vars(diagnosis_cli).values() if hasattr(part, "COMMAND")]
    return main_module._parser({command.name: command for command in commands})


def subparsers(parser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the subcommands by name."""
    (action,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return action.choices


def lines_of(page) -> list[str]:
    """Return the lines of the blocks of code, those that end with a backslash joined to the next."""
    return [line.strip() for block in page.code for line in block.replace("\\\n", " ").splitlines()]


def words_of(line: str) -> list[str]:
    """Return the words of a command line without its comment; of a synopsis, with all that is optional."""
    if re.search(r"(^| )\[|\|", line):
        line = re.sub(r"\[([A-Z_]+) \.\.\.\]", " ", line)
        line = re.sub(r"[\[\]]|\.\.\.", " ", line)
        line = re.sub(r"\|\S+", "", line)
    words = shlex.split(line, comments=True)
    return [PLACEHOLDERS.get(word, word) for word in words]


def command_lines():
    """Return (page, line) of every ``meddeep`` line in a block of code."""
    return [
        (page.name, re.sub(r"^\S*meddeep", "meddeep", line))
        for page in PAGES
        for line in lines_of(page)
        if re.match(r"(\S*[/\\])?meddeep ", line)
    ]


def test_there_are_many_command_lines():
    assert len(command_lines()) > 60
    commands = {words_of(line)[1] for _page, line in command_lines()}
    assert len(commands) >= 20


def test_the_parser_takes_every_line(parser):
    wrong = []
    for page, line in command_lines():
        words = join_negative_values(words_of(line)[1:])
        if words[-1] in ("--help", "--version"):
            known = words[0] in subparsers(parser) or words[0].startswith("-")
            wrong += [] if known else [f"{page}: {line}"]
            continue
        try:
            parser.parse_args(words)
        except InputError as error:
            wrong.append(f"{page}: {line}: {error}")
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "meddeep grow ct.nii.gz --positiv 1,2,3 --out a.seg.nrrd",
        "meddeep grown ct.nii.gz",
        "meddeep register ct.nii.gz --out x",
    ],
)
def test_the_parser_refuses_what_is_stale(parser, line):
    with pytest.raises(InputError):
        parser.parse_args(words_of(line)[1:])


def test_commands_in_sentences_have_their_options(parser):
    choices = subparsers(parser)
    checked, wrong = 0, []
    for page in PAGES:
        for text in page.inline_code:
            words = text.split()
            if words[:1] != ["meddeep"] or len(words) < 2 or not re.fullmatch(r"[a-z]+", words[1]):
                continue
            checked += 1
            if words[1] not in choices:
                wrong.append(f"{page.name}: {text}")
                continue
            options = set(choices[words[1]]._option_string_actions)
            for nested in choices[words[1]]._actions:
                if isinstance(nested, argparse._SubParsersAction):
                    options |= {option for one in nested.choices.values() for option in one._option_string_actions}
            wrong += [
                f"{page.name}: {text}" for word in words if word.startswith("--") and word.split("=")[0] not in options
            ]
    assert checked > 40
    assert wrong == []


def test_options_alone_in_sentences_exist(parser):
    known = {option for choice in subparsers(parser).values() for option in all_options(choice)}
    others = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("Testing", "MedDeepRegSeg/MedDeepRegSegLib/training", "MedDeepRegSeg/MedDeepRegSegLib/synthesis")
        for path in (REPOSITORY / folder).rglob("*.py")
    )
    wrong = [
        f"{page.name}: {option}"
        for page in PAGES
        for text in page.inline_code
        for option in re.findall(r"(?:^|\s)(--[a-z][a-z-]*)", text)
        if option not in known
        and f'"{option}"' not in others
        and f"    {option[2:].replace('-', '_')}: " not in others  # made from the field of settings
        and not re.match(r"pip |cmake |torchrun ", text)
    ]
    assert wrong == []


def all_options(parser) -> set[str]:
    """Return the options of a parser and of the parsers below it."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {option for below in action.choices.values() for option in all_options(below)}
    return found


def python_calls():
    """Return (page, words) of every ``python`` line that runs a script or module of this repository."""
    found = []
    for page in PAGES:
        for line in [*lines_of(page), *page.inline_code]:
            text = " ".join(line.split())
            match = re.match(r"(?:[A-Z_]+=\S+ )*(?:\S*python3?|torchrun) (.*)", text)
            if match and re.search(r"MedDeep\w+Lib|Testing/|Utilities/", match[1]):
                found.append((page.name, shlex.split(match[1], comments=True)))
    return found


def test_scripts_and_modules_have_their_options():
    calls, wrong = python_calls(), []
    assert len(calls) > 20
    for page, words in calls:
        target = words[words.index("-m") + 1] if "-m" in words else next(word for word in words if word.endswith(".py"))
        if target == "pip":
            continue
        place = script(target)
        package = place.name in ("__init__.py", "__main__.py") or "Benchmarks" in target
        source = "\n".join(
            path.read_text(encoding="utf-8") for path in (place.parent.glob("*.py") if package else [place])
        )
        known = set(re.findall(r'"(--[a-z][a-z-]*)"', source))
        known |= {
            f"--no-{name}" for name in re.findall(r'"--([a-z-]+)", action=argparse.BooleanOptionalAction', source)
        }
        # The training command makes the options of settings from the names of their fields.
        known |= {
            f"--{name.replace('_', '-')}" for name in re.findall(r"^    (\w+): ", settings_of(place), re.MULTILINE)
        }
        own = words[words.index(target) + 1 :]
        used = {word.split("=")[0] for word in own if word.startswith("--")} - {"--help"}
        wrong += [f"{page}: {target}: {option}" for option in sorted(used - known)]
    assert wrong == []


def script(target: str) -> Path:
    """Return the file of a script or module; it must be there."""
    if target.endswith(".py"):
        place = REPOSITORY / target
    else:
        path = ROOTS[target.split(".", maxsplit=1)[0]].joinpath(*target.split("."))
        place = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__main__.py"
    assert place.is_file(), f"{target} is not there"
    return place


def settings_of(place: Path) -> str:
    """Return the sources of the settings beside a command."""
    return "\n".join(path.read_text(encoding="utf-8") for path in place.parent.glob("*settings*.py"))


def python_blocks():
    """Return (page, tree) of every block of code that is Python; blocks of other languages are left out."""
    found = []
    for page in PAGES:
        for block in page.code:
            if not re.search(r"^(from|import) \w+|\blogic\.|\w+ = \w+\(", block, re.MULTILINE) or "meddeep " in block:
                continue
            found.append((page.name, ast.parse(block)))
    return found


def names_in(file: Path) -> set[str]:
    """Return what a module defines or imports at its top."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_imports_in_blocks_find_their_names():
    blocks = python_blocks()
    assert len(blocks) > 15
    wrong = []
    for page, tree in blocks:
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] not in ROOTS:
                continue
            path = ROOTS[node.module.split(".")[0]].joinpath(*node.module.split("."))
            file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
            for alias in node.names:
                if not file.is_file() or alias.name not in names_in(file):
                    wrong.append(f"{page}: from {node.module} import {alias.name}")
    assert wrong == []


def logic_methods() -> dict[str, set[str]]:
    """Return the parameters of every method of the module logics by its name."""
    files = (
        "MedDeepRegSeg/MedDeepRegSeg.py",
        "MedDeepRegSeg/MedDeepRegSegLib/mrml/training_logic.py",
        "MedDeepDiagnosis/MedDeepDiagnosisLib/mrml/diagnosis_logic.py",
    )
    found = {}
    for name in files:
        for node in ast.parse((REPOSITORY / name).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Logic"):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef):
                        found[method.name] = {arg.arg for arg in (*method.args.args, *method.args.kwonlyargs)}
    return found


def task_parameters() -> set[str]:
    """Return the parameters of all tasks: what the ``options`` of the logics may be."""
    found = set()
    for folder in ("MedDeepRegSeg/MedDeepRegSegLib/mrml", "MedDeepDiagnosis/MedDeepDiagnosisLib/mrml"):
        for path in (REPOSITORY / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name in ("__init__", "store_case"):
                    found |= {arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)}
                if isinstance(node, ast.ClassDef):
                    found |= {line.target.id for line in node.body if isinstance(line, ast.AnnAssign)}
    return found


def test_methods_of_the_logics_exist_with_their_parameters():
    methods, options = logic_methods(), task_parameters()
    called, wrong = set(), []
    for page, tree in python_blocks():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if not isinstance(node.func.value, ast.Name) or node.func.value.id not in ("logic", "diagnosis"):
                continue
            called.add(node.func.attr)
            if node.func.attr not in methods:
                wrong.append(f"{page}: logic.{node.func.attr}")
                continue
            known = methods[node.func.attr] | options
            wrong += [f"{page}: {node.func.attr}({word.arg}=)" for word in node.keywords if word.arg not in known]
    for page in PAGES:
        for name in re.findall(r"`logic\.(\w+)", page.prose):
            called.add(name)
            if name not in methods:
                wrong.append(f"{page.name}: logic.{name}")
    assert len(called) > 15
    assert wrong == []
