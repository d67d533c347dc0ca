"""How words are compared, everywhere: without regard to case, and to spaces more than one."""

import unicodedata


def fold(word: str) -> str:
    """Return the form under which two spellings of a category are the same word."""
    return " ".join(unicodedata.normalize("NFKC", word).split()).casefold()
