"""Plain text as Markdown that says the same: words of data make no link, no markup and no column of a table."""

import re
from html import escape

# What CommonMark and GitHub's tables, strikethrough and formulas read as markup; an underscore within a word is none.
_MARKUP = re.compile(r"[\\`*\[\]|~$!]|(?<!\w)_|_(?!\w)")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_HARMLESS = re.compile(r"[\w.:/+@=, -]+")


def text(plain: str) -> str:
    """Return a text on one line, which shows as it is written here and does nothing."""
    line = _MARKUP.sub(lambda found: f"\\{found[0]}", " ".join(plain.split()))
    return escape(line, quote=False)


def line(plain: str) -> str:
    """Return a text that may stand at the beginning of a line, where more is markup."""
    written = text(plain)
    if written[:1] in ("#", "+", "-", "="):
        return f"\\{written}"
    return _NUMBERED.sub(r"\1\\\2", written)


def code(plain: str) -> str:
    """Return a text that is to be copied; one that could end the code is written as text."""
    return f"`{plain}`" if _HARMLESS.fullmatch(plain) and plain == plain.strip() else text(plain)
