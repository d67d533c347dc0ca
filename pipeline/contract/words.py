"""How words are compared, everywhere: without regard to case, and to spaces more than one."""

import unicodedata


def fold(word: str) -> str:
    """Return the form under which two spellings of a category are the same word."""
    # Normalised again after casefold, which may decompose: folding twice must be folding once (Unicode 15, D146).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return " ".join(folded.split())
