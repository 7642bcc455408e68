"""What holds the house up: imports point one way, and nothing heavy loads before it is needed."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "sft_audit"
LAYERS = (
    ("sample", "finding", "tables", "errors", "interval", "exact", "confidence_sequence", "change_detection"),
    ("check", "example", "store", "engine", "config"),
    (
        "readers",
        "logs",
        "runs",
        "record",
        "contrast",
        "monitor",
        "models",
        "representation",
        "rewards",
        "constitution",
    ),
    ("checks", "remedies"),
    ("audit", "policy"),
    ("gate", "hindsight", "chain"),
    (
        "report",
        "review",
        "probes",
        "session",
        "ranking",
        "testing",
        "demo",
        "launch",
        "cli",
        "__init__",
        "__main__",
    ),
)
# What is above its layer, with the reason.
ALLOWED: set[tuple[str, str]] = set()
FORBIDDEN_NAMES = {"utils", "common", "base", "core", "helpers", "misc"}


def layer(noun: str) -> int:
    return next(number for number, nouns in enumerate(LAYERS) if noun in nouns)


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def noun_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith("sft_audit."):
                found.add(module.split(".")[1])
            case ast.Import(names=names):
                found |= {n.name.split(".")[1] for n in names if n.name.startswith("sft_audit.")}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    own = noun_of(path)
    above = {noun for noun in imported(path) if layer(noun) > layer(own)}
    assert {(own, noun) for noun in above} <= ALLOWED


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_is_named_by_a_noun_and_stays_small(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_command_line_prints(path: Path) -> None:
    calls = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]
    prints = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert not prints or noun_of(path) == "cli"


# Where everything may be caught: around a recorder and a check, so that one's fault hides no other's finding;
# in the process of a reward function, around loading the user's code and around calling it; and around what
# the monitor does inside a run, which goes on whatever fails there.
BROAD = {"audit.py": 2, "rewards/child.py": 2, "monitor/callback.py": 1}


def test_five_broad_excepts_and_no_more() -> None:
    broad = Counter(
        str(path.relative_to(SOURCE))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and keeps_everything(node)
    )
    assert broad == BROAD


def keeps_everything(handler: ast.ExceptHandler) -> bool:
    """Return whether any exception ends here; what is raised again after cleaning up does not."""
    raised = any(isinstance(step, ast.Raise) and step.exc is None for step in handler.body)
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return not raised and any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))
        for kind in kinds
    )


@pytest.mark.parametrize(
    "statement",
    ["import sft_audit", "import sft_audit.cli", "from sft_audit.check import all_checks; all_checks()"],
)
def test_nothing_heavy_loads_before_it_is_needed(statement: str) -> None:
    heavy = (
        "torch",
        "transformers",
        "skimage",
        "ray",
        "sklearn",
        "scipy",
        "pyarrow",
        "matplotlib",
        "PIL",
        "numpy",
    )
    program = f"{statement}\nimport sys\nprint([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
