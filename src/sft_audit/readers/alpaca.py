"""Flat rows: an instruction and its output, a query and its response."""

from sft_audit.readers import Content, Layout, Parsed, RowFault, image, row_format
from sft_audit.sample import Turn

_SHARED = {"system": "system", "history": "history"}
_COLUMNS = {"prompt": "instruction", "query": "input", "response": "output", **_SHARED}
_QUERY = {"prompt": "query", "response": "response", **_SHARED}
_IMAGES = frozenset(("image", "images"))


def _matches(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    match row:
        case {"instruction": str(), "output": str()} | {"query": str(), "response": str()}:
            return True
    return False


@row_format(
    "alpaca",
    matches=_matches,
    example={"instruction": "<image>What is this?", "input": "", "output": "A cat.", "images": ["a.jpg"]},
)
def alpaca(row: Content, layout: Layout) -> Parsed:  # noqa: ARG001
    """Alpaca and ms-swift: `instruction`, `input`, `output`, or `query`, `response`; `image` or `images`.

    Source: modelscope/ms-swift `docs/source_en/Customization/Custom-dataset.md`.
    """
    columns = _QUERY if "query" in row and "response" in row else _COLUMNS
    images = image.refs(row.get("images"), "images") + image.refs(row.get("image"), "image")
    return Parsed(flat_turns(row, columns), images, _IMAGES.union(columns.values()))


def flat_turns(row: Content, columns: dict[str, str]) -> tuple[Turn, ...]:
    """Return system, history, prompt with query, and response, from the columns that hold them."""
    if value_of(row, columns, "prompt") is None:
        raise RowFault(f"no {columns.get('prompt', 'prompt column')}")
    turns = []
    if system := text_of(row, columns, "system"):
        turns.append(Turn("system", system, False))
    history = value_of(row, columns, "history") or []
    for pair in history if isinstance(history, list) else [history]:
        match pair:
            case [str(asked), str(answer)]:
                turns += [Turn("user", asked, False), Turn("assistant", answer, True)]
            case _:
                raise RowFault(f"{columns['history']} is not a list of pairs of texts")
    asked = "\n".join(text for name in ("prompt", "query") if (text := text_of(row, columns, name)))
    turns.append(Turn("user", asked, False))
    if "response" in columns:
        turns.append(Turn("assistant", text_of(row, columns, "response"), True))
    return tuple(turns)


def value_of(row: Content, columns: dict[str, str], name: str) -> object:
    """Return the value in a column; None where the row or the columns have none."""
    return row.get(columns[name]) if name in columns else None


def text_of(row: Content, columns: dict[str, str], name: str) -> str:
    """Return the text in a column; nothing where the row has none."""
    match value_of(row, columns, name):
        case None:
            return ""
        case str(text):
            return text
    raise RowFault(f"{columns[name]} is not text")
