"""Small LLaVA data sets for tests."""

import json
from pathlib import Path


def row(question: str = "<image>\nWhat is this?", answer: str = "A kitchen.", **fields: object) -> dict:
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {"image": "kitchen.jpg", "conversations": turns, **fields}


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path
