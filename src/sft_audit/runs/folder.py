"""What lies in a run's folder: completions, metrics, saved models, told by their content and names."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sft_audit.errors import AuditError
from sft_audit.logs import all_log_formats, easyr1
from sft_audit.logs.field import as_step
from sft_audit.readers.inputs import nearest
from sft_audit.runs.metric import MetricFormat, find_metric_format, first_row
from sft_audit.runs.trainer_state import NAME as STATE

ALARMS = "alarms.jsonl"  # what the monitor wrote into the folder itself
_OPENED = (".jsonl", ".ndjson", ".parquet", ".csv", ".tsv")
_CHECKPOINT = re.compile(r"(?:checkpoint-|global_step_?)(\d+)")
_NUMBER = re.compile(r"(\d+)\D*")
# Whole names of folders: a run itself may be called grpo-test, or eval-7b.
_HELD_OUT = re.compile(
    r"(?:val|valid|validation|eval|evaluation|test)"
    r"(?:[_-]?(?:data(?:[_-]?dir)?|dir|rollouts?|generations?|completions|samples|outputs?))?"
)
_STATE_STEP = re.compile(rb'"global_step"\s*:\s*(\d+)')
_WEIGHTS = (".safetensors", ".bin")
_CONFIGS = ("config.json", "adapter_config.json")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What lies in a run's folder.

    `rollouts` are files of completions, in the order of their steps, and `validations` those sampled in
    evaluation. `metrics` hold each step once: the files of one format, and of several trainer_state.json the
    newest. `checkpoints` are steps with the folders of saved models, in order.
    """

    rollouts: tuple[Path, ...]
    metrics: tuple[Path, ...]
    checkpoints: tuple[tuple[int, Path], ...]
    validations: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class _Completions:
    """A file of completions: whether they are of evaluation, and their first step."""

    path: Path
    held_out: bool
    step: int


def find_run(path: Path) -> RunFiles:
    """Return what lies in the folder of a run, or what one file is.

    Raises AuditError where nothing in it is a log, and where it holds the logs of several runs.
    """
    if not path.exists():
        raise AuditError(f"{path}: no such file or folder{nearest(path)}")
    files = list(_walk(path)) if path.is_dir() else [path]
    completions, metrics = list[_Completions](), list[tuple[MetricFormat, Path]]()
    for one in files:
        if path.is_dir() and not _may_be_log(one):
            continue
        match _what(one, path, one.stat().st_size, one.stat().st_mtime_ns):
            case MetricFormat() as found:
                metrics.append((found, one))
            case _Completions() as logged:
                completions.append(logged)
    if not completions and not metrics:
        raise AuditError(
            f"{path}: no log of a run; give the output folder of TRL, ms-swift or LLaMA-Factory, verl's "
            "rollout_data_dir, EasyR1's save_checkpoint_path, or a log of completions or metrics"
        )
    _refuse_held_out(path, completions, metrics)
    completions.sort(key=lambda one: (one.step, str(one.path)))
    kept = _of_one_run(path, metrics)
    return RunFiles(
        tuple(one.path for one in completions if not one.held_out),
        tuple(one for _, one in kept),
        tuple(_checkpoints(path)) if path.is_dir() else (),
        tuple(one.path for one in completions if one.held_out),
    )


# A run that is followed is looked through again and again.
@lru_cache(maxsize=1 << 16)
def _what(file: Path, run: Path, size: int, changed: int) -> MetricFormat | _Completions | None:  # noqa: ARG001
    """Return what a file is, as long as it has this size and has not changed since."""
    row = None if file.name == STATE or file.suffix in (".csv", ".tsv") else first_row(file)
    found = find_metric_format(file, row)
    return found if found is not None or row is None else _completions(file, row, run)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder, in the order of their paths: nothing hidden, and no audit's."""
    for root, folders, names in os.walk(folder):
        if "audit.duckdb" in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(names) if name[0] != ".")


def _may_be_log(path: Path) -> bool:
    named = path.name in (STATE, easyr1.NAME) or "tfevents" in path.name
    return (named or (path.suffix in _OPENED and path.name != ALARMS)) and path.is_file()


def _completions(path: Path, row: dict[str, object], run: Path) -> _Completions | None:
    """Return what a file of completions is; None where it is none, or lies in a folder and has no step."""
    name = next((one.name for one in all_log_formats().values() if one.matches(row)), None)
    if name is None or (name == "plain" and path != run and "step" not in row):
        return None
    held_out = name == "easyr1" or _is_held_out(path, run)
    logged = row.get("step")
    step = as_step(logged[0] if isinstance(logged, list) and logged else logged)
    if step is None:
        numbered = _NUMBER.fullmatch(path.stem) or re.search(r"(\d+)$", path.stem)
        step = int(numbered[1]) if numbered and len(numbered[1]) < 19 else 0
    return _Completions(path, held_out, step)


def _is_held_out(path: Path, run: Path) -> bool:
    """Return whether a file lies in a folder of the run that is named for evaluation."""
    return path != run and any(_HELD_OUT.fullmatch(part.lower()) for part in path.relative_to(run).parts[:-1])


def _refuse_held_out(
    path: Path, completions: Sequence[_Completions], metrics: Sequence[tuple[MetricFormat, Path]]
) -> None:
    """Raise AuditError where all that a run's folder holds lies in folders named for evaluation."""
    found = [*(one.path for one in completions), *(one for _, one in metrics)]
    if completions and all(_is_held_out(one, path) for one in found):
        raise AuditError(
            f"{path}: all it holds are completions sampled in evaluation, by the names of "
            f"their folders; give {found[0].parent} itself if they are the run's own"
        )


def _of_one_run(path: Path, metrics: Sequence[tuple[MetricFormat, Path]]) -> list[tuple[MetricFormat, Path]]:
    """Return the files that hold every step once: those of the format that is asked first."""
    if not metrics:
        return []
    first = max((one for one, _ in metrics), key=lambda one: (one.priority, one.name))
    files = [file for one, file in metrics if one is first]
    if first.name == "trainer_state" and len(files) > 1:
        files = _newest_states(files)
    if len(files) > 1 and (first.lone or first.name == "trainer_state"):
        names = ", ".join(str(one.relative_to(path)) for one in files[:3])
        raise AuditError(f"{path}: it holds the logs of {len(files)} runs: {names}; give the folder of one")
    return [(first, one) for one in files]


def _newest_states(files: Sequence[Path]) -> list[Path]:
    """Return the newest trainer_state.json of each run: those in or below one folder are of one run."""
    roots: dict[Path, list[Path]] = {}
    for file in sorted(files, key=lambda one: len(_root(one).parts)):
        own = _root(file)
        root = next((one for one in roots if own.is_relative_to(one)), own)
        roots.setdefault(root, []).append(file)
    return [max(states, key=_state_step) for states in roots.values()]


def _root(state: Path) -> Path:
    """Return the output folder that a trainer_state.json is of."""
    folder = state.parent
    return folder.parent if _CHECKPOINT.fullmatch(folder.name) else folder


def _state_step(state: Path) -> tuple[int, float]:
    """Return the step at which a state was saved, and when."""
    with state.open("rb") as file:
        found = _STATE_STEP.search(file.read(1 << 16))
    return int(found[1]) if found else -1, state.stat().st_mtime


def _checkpoints(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield steps and the folders of saved models, in order; of a checkpoint, the one that can be loaded."""
    found: list[tuple[int, Path]] = []
    for root, folders, _ in os.walk(folder):
        saved = [(name, step) for name in folders if (step := _CHECKPOINT.fullmatch(name))]
        found.extend((int(step[1]), _model(Path(root, name))) for name, step in saved)
        inside = {name for name, _ in saved}
        folders[:] = [name for name in folders if name not in inside and not name.startswith(".")]
    if not found and (own := _CHECKPOINT.fullmatch(folder.name)):
        found.append((int(own[1]), _model(folder)))
    yield from sorted(found)


def _model(checkpoint: Path) -> Path:
    """Return the nearest folder in a checkpoint with a configuration and weights; itself where none has.

    Of an adapter verl's merger writes the base model, unchanged, and the adapter in a folder of it.
    """
    for root, folders, names in os.walk(checkpoint):
        folders.sort()
        if any(name in names for name in _CONFIGS) and any(name.endswith(_WEIGHTS) for name in names):
            adapter = Path(root, "lora_adapter")
            return adapter if (adapter / "adapter_config.json").is_file() else Path(root)
    return checkpoint
