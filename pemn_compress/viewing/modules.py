"""Modules of JavaScript as one script: what a page needs that has to work from a file:// address.

It takes modules as ours are written: imports and exports by name, one way, each in a line of its
own or over several, and nothing exported by default.
"""

import posixpath
import re
from collections.abc import Callable, Iterable

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_PASSED_ON = re.compile(r'^export \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
Read = Callable[[str], str]  # a module's path, with /, to its text


def bundled(read: Read, wanted: dict[str, Iterable[str]], name: str = "") -> str:
    """Return a script with the wanted modules and all that they import, each run once.

    `wanted` has the names that are taken of each module, by its path; they are the properties of
    the constant `name`. Without a name the modules are only run. Raises ValueError for a module
    that is written in another way, or that imports itself by way of others.
    """
    order: list[str] = []
    taken: dict[str, set[str]] = {}
    texts: dict[str, str] = {}
    for path, names in wanted.items():
        taken.setdefault(path, set()).update(names)
        _visit(path, read, (), order, taken, texts)
    number = {path: f"m{place}" for place, path in enumerate(order)}
    lines = [
        f"const {number[path]} = (() => {{\n{_body(path, texts[path], number)}"
        f"return {{ {', '.join(sorted(taken[path]))} }};\n}})();\n"
        for path in order
    ]
    given = ", ".join(f"{one}: {number[path]}.{one}" for path in wanted for one in wanted[path])
    body = '"use strict";\n' + "".join(lines)
    start, end = (f"const {name} = ", f"return {{ {given} }};\n") if name else ("", "")
    return inline(f"{start}(() => {{\n{body}{end}}})();\n")


def inline(script: str) -> str:
    """Return a script that can stand in a page. Raises ValueError for what ends one there."""
    if re.search(r"</script|<!--", script, re.IGNORECASE):
        raise ValueError("a script with what ends one in a page: </script or <!--")
    return script


def _visit(
    path: str,
    read: Read,
    above: tuple[str, ...],
    order: list[str],
    taken: dict[str, set[str]],
    texts: dict[str, str],
) -> None:
    """Put a module behind all that it imports, and note which names are taken of each."""
    if path in above:
        raise ValueError(f"modules that import each other: {' -> '.join((*above, path))}")
    if path in texts:
        return
    text = read(path)
    for pattern in (_IMPORT, _PASSED_ON):
        for names, place in pattern.findall(text):
            other = _joined(path, place)
            taken.setdefault(other, set()).update(one for one, _ in _pairs(names))
            _visit(other, read, (*above, path), order, taken, texts)
    texts[path] = text
    order.append(path)


def _joined(path: str, place: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), place))


def _pairs(names: str) -> list[tuple[str, str]]:
    """Return (theirs, ours) of what stands in the braces of an import."""
    parts = [part.split(" as ") for part in names.replace("\n", " ").split(",") if part.strip()]
    return [(part[0].strip(), part[-1].strip()) for part in parts]


def _body(path: str, text: str, number: dict[str, str]) -> str:
    """Return a module's text with imports as constants, and without exports."""

    def constants(found: re.Match[str]) -> str:
        told = ", ".join(
            theirs if theirs == ours else f"{theirs}: {ours}" for theirs, ours in _pairs(found[1])
        )
        return f"const {{ {told} }} = {number[_joined(path, found[2])]};\n"

    text = _EXPORT.sub("", _PASSED_ON.sub(constants, _IMPORT.sub(constants, text)))
    left = re.search(r"^(import|export)\b.*", text, re.MULTILINE)
    if left:
        raise ValueError(f"{path}: expected imports and exports by name, got {left[0]}")
    return text
