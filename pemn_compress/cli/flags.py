"""What the package tells a Python caller, as a user of the command types it: density=0.1 or so."""

import re
import shlex

# what messages of the package name as keyword arguments, and commands have as options
_SETTINGS = (
    "include", "exclude", "strategy", "density", "ratio", "renewal", "search", "dense_dtype",
    "validation",
)  # fmt: skip
# what messages say to a Python caller -> what to type
_PHRASES = {
    "force=True": "--force",
    "common=True": "--common",
    "details=True": "--details",
    "trust_source=True": "--trust-source",
    "limits=Limits(max_weights=...)": "--max-weights",
    "limits=Limits(max_bytes=...)": "--max-bytes",
    "read it and pass its bytes": "pass - for standard input",
    "a pipe, which is never replaced": "a pipe, which is never replaced; - is standard output",
}
_PHRASE = re.compile("|".join(map(re.escape, _PHRASES)))
_SAID = re.compile(rf"\b({'|'.join(_SETTINGS)})=(\[[^\]]*\]|'[^']*'|[\w.+-]*\w)")


def as_flags(message: str) -> str:
    """Return a message with keyword arguments put as options; a list is one option for each.

    >>> as_flags("take strategy='rp', or include=['*.w', 'head']")
    "take --strategy rp, or --include '*.w' --include head"
    >>> as_flags("a.pemn exists and is kept; pass force=True to replace it")
    'a.pemn exists and is kept; pass --force to replace it'
    """
    return _SAID.sub(_option, _PHRASE.sub(lambda said: _PHRASES[said[0]], message))


def _option(said: re.Match[str]) -> str:
    name, value = said.groups()
    values = re.findall(r"'([^']*)'", value) if value[0] in "['" else [value]
    return " ".join(f"--{name.replace('_', '-')} {shlex.quote(one)}" for one in values)
