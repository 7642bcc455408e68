"""Text from a data set, made safe to look at: what would hide or reorder other text is spelled out."""

import re

# Control, bidirectional, zero-width, tags, surrogates; not tab, newline or the joiners of scripts.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """Return the text with every hidden character shown as its control picture or code point."""
    return _HIDDEN.sub(_spelled, text)


def cut(text: str, most: int) -> str:
    """Return at most `most` characters, hidden ones spelled out, with an ellipsis where it was cut."""
    shown = visible(text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1].rstrip() + "…"


def percent(share: float | None) -> str:
    """Return a share in per cent with as many digits as say something; a dash where there is none."""
    return "-" if share is None else f"{_points(share)} %"


def between(low: float, high: float) -> str:
    """Return an interval of shares in per cent."""
    return f"{_points(low)} to {_points(high)} %"


def _points(share: float) -> str:
    points = 100 * share
    if round(points, 2) in (0, 100):
        return f"{points:.0f}"
    return f"{points:.2f}" if abs(points) < 0.995 else f"{points:.1f}"


def _spelled(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"
