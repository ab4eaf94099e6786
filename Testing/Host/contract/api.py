"""The names that Slicer exposes, as far as the excerpt (or the full dump) knows them."""

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path

EXCERPT = Path(__file__).resolve().parent / "slicer-api-excerpt.json"
REFRESH = "if Slicer has it, run: python Testing/Host/contract/make_excerpt.py FULL_SLICER_API.json"

# Static functions that the dump leaves out because a property of the same name hides them.
_HIDDEN_STATIC = {("QTimer", "singleShot"): "used by Slicer's own slicer.util"}
# Python names of C++ members that are keywords or aliases under PythonQt.
_ALIASES = {"exec_": "exec", "raise_": "raise", "name": "objectName"}
# Members that every object has under PythonQt and the dump leaves out.
_EVERYWHERE = {"className", "inherits", "delete", "help"}


@dataclass
class Api:
    """Names by module, with a record of what was looked up.

    Attributes
    ----------
    data:
        Module name -> class or function name -> entry (see the dump's own ``_about``).
    used:
        (module, name) of every entry that was found.
    names:
        What the extension was seen to use, each as ``kind name``, with the signature of functions and signals.
    """

    data: dict
    used: set[tuple[str, str]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path = EXCERPT) -> "Api":
        """Read an excerpt or a full dump."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def note(self, kind: str, name: str, signature="") -> None:
        """Remember that the extension uses a name."""
        self.names.add(f"{kind} {name}{signature if isinstance(signature, str) else ''}")

    def has(self, module: str, name: str) -> bool:
        """Return whether a module has a name."""
        if name in self.data.get(module, ()):
            self.used.add((module, name))
            return True
        return False

    def entry(self, module: str, name: str):
        """Return the entry of a class or function, or None."""
        return self.data[module][name] if self.has(module, name) else None

    def owner(self, class_name: str) -> str | None:
        """Return the module that has a widget class: qt, ctk or slicer."""
        return next((module for module in ("qt", "ctk", "slicer") if self.has(module, class_name)), None)

    def member(self, class_name: str, name: str) -> str | None:
        """Return what a member of a class is: property, signal, slot, value or enum (a type of values); None if there is none."""
        name = _ALIASES.get(name, name)
        if (class_name, name) in _HIDDEN_STATIC or name in _EVERYWHERE:
            return "slot"
        seen = class_name
        while seen is not None:
            module = self.owner(seen)
            if module is None:
                return None
            entry = self.data[module][seen]
            for kind, part in (("property", "properties"), ("signal", "signals"), ("slot", "slots")):
                if name in entry.get(part, ()):
                    return kind
            if name in entry.get("values", ()):
                return "value"
            if name in entry.get("enums", ()):
                return "enum"
            seen = entry.get("base") or ("QObject" if seen == "QWidget" else None)
        return None


def check_call(signature: str, call: ast.Call) -> str | None:
    """Return what is wrong with the arguments of a call, or None.

    Parameters
    ----------
    signature:
        As the dump gives it, for example ``"(path, returnNode=False)"``; a leading ``self`` is not passed.
    """
    try:
        arguments = ast.parse(f"def f{signature}: pass").body[0].args
    except SyntaxError:  # a default that is an object, for example "<lambda>": nothing to say
        return None
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = len(positional) - len(arguments.defaults)
    if positional and positional[0] == "self":
        positional, required = positional[1:], required - 1
    keyword_only = [argument.arg for argument in arguments.kwonlyargs]
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(k.arg is None for k in call.keywords):
        return None
    given = {keyword.arg for keyword in call.keywords}
    unknown = sorted(given - {*positional, *keyword_only})
    if unknown and arguments.kwarg is None:
        return f"has no argument {unknown[0]!r}, its signature is {signature}"
    if len(call.args) > len(positional) and arguments.vararg is None:
        return f"takes {len(positional)} positional arguments, got {len(call.args)}, its signature is {signature}"
    missing = [name for name in positional[len(call.args) : max(required, 0)] if name not in given]
    if missing:
        return f"lacks the argument {missing[0]!r}, its signature is {signature}"
    return None
