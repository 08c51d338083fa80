"""Put the reader into one script, for the page of `pemn view`: python bundle.py [--check]."""

import sys
from pathlib import Path

from pemn_compress import viewing
from pemn_compress.viewing.modules import bundled

HERE = Path(__file__).parent
TARGET = Path(viewing.__file__).parent / "page" / "reader.js"
WANTED = {
    "index.js": ("PemnError", "open", "graph", "missing", "program"),
    "src/bytes/numbers.js": ("toHex",),
    "src/hash/digest.js": ("sha256",),
}


def script() -> str:
    """Return the script: the constant PEMN, and what it was made of."""
    head = "// Made by format_spec/js/bundle.py of the modules there: change those, not this.\n"
    return head + bundled(lambda path: (HERE / path).read_text("utf-8"), WANTED, "PEMN")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(TARGET.read_text("utf-8") != script())
    TARGET.write_text(script(), "utf-8")
