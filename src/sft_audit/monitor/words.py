"""The words of a completion, in scripts with spaces between them and in those without."""

import re

# Thai, Japanese and Chinese characters.
_ALONE = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")


def words_in(text: str) -> list[str]:
    """Return what stands between spaces; a character of a script without spaces is a word of its own."""
    return text.split() if text.isascii() else _WORD.findall(text)
