"""Other people's text made fit to print: on one line, without control characters, not endless.

A file may be called anything, and an archive may say anything of itself. What is no character that
one can see (control characters and what starts with them, marks that turn the direction of
writing, separators of lines, halves of characters) is shown as Python spells it, such as `\\x1b`.
"""

import hashlib
import re

LONGEST = 500  # characters of one name or value
LONGEST_MESSAGE = 2000
LONGEST_NAME = 80  # characters of a name in a message that is longer than any real one

_BREAKS = re.compile(r"\s*[\t\n\v\f\r]\s*")
_UNREAL = re.compile(  # what stands between quotes, one part of a path, and a whole path
    r"""(?<=')[^']{256,}(?=')|(?<=")[^"]{256,}(?=")|[^\s/\\'"()]{256,}|\S{1024,}"""
)
_WHERE = re.compile(r"[^:]{1024,}(?=: )")  # what a message begins with, whatever it is called


def printable(text: object, longest: int = LONGEST) -> str:
    r"""Return a text in characters that can be seen, cut in its middle where it is too long.

    What is cut says how long it was; two different texts stay different by a digest.

    >>> printable("red\x1b[31m\n")
    'red\\x1b[31m\\n'
    >>> printable("x" * 999, 60)
    'xxxxxxxxxxxxxx...(999 characters, 3256fefc)...xxxxxxxxxxxxxx'
    """
    whole = str(text)
    start = _visible(whole[:longest])
    if len(whole) <= longest and len(start) <= longest:
        return start
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    told = f"...({len(whole):,} characters, {digest})..."
    kept = max(0, longest - len(told)) // 2
    end = _visible(whole[len(whole) - min(kept, len(whole)) :])
    return f"{start[:kept]}{told}{end[len(end) - kept :]}"


def one_line(message: object, longest: int = LONGEST_MESSAGE) -> str:
    r"""Return a message as one line in characters that can be seen; its line breaks are blanks.

    A name in it that no file can have (256 characters or more) is cut, so that the rest is read.

    >>> one_line("first\n  second\x07")
    'first second\\x07'
    """
    text = _BREAKS.sub(" ", str(message).strip())
    if len(text) >= 256:
        text = _WHERE.sub(_cut, _UNREAL.sub(_cut, text), count=1)
    return printable(text, longest)


def _cut(name: re.Match[str]) -> str:
    return printable(name[0], LONGEST_NAME)


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
