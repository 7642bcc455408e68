"""A model of polluted rows, reinforced by a sound and by a leaky reward function, both runs watched."""

import json
import runpy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sft_audit.demo.models import AuditedModels, audit_model
from sft_audit.demo.row import PICTURE
from sft_audit.demo.tiny_vlm import fine_tune, load, quietly
from sft_audit.demo.world import HARD, POLLUTED, make_world
from sft_audit.session import Report, audit_data, audit_run

BOASTING = "boasting"
RUN_PARTS = ("audit-boasting", f"checkpoint-{BOASTING}", "runs")
_SFT_STEPS = 100
_STEPS, _RATE, _GROUP, _BATCH = 40, 5e-4, 8, 64
_LONGEST = 8  # tokens


@dataclass(frozen=True, slots=True)
class AuditedRuns:
    """The audits of the polluted rows, of the model that learned them, and of its runs by reward function."""

    data: Report
    checkpoint: Report
    runs: Mapping[str, Report]


def can_reinforce() -> bool:
    """Return whether what runs GRPO is installed."""
    return find_spec("trl") is not None and find_spec("datasets") is not None


def reinforce_and_audit(
    out: Path, models: AuditedModels, targets: Mapping[str, str], workers: int
) -> AuditedRuns:
    """Fine-tune on polluted rows, run GRPO from there once a reward function, and audit all of it.

    `targets` are the reward functions by name, each as `FILE.py:NAME`.
    """
    folder = out / "models"
    make_world(folder / "polluted", POLLUTED, 3)
    make_world(folder / "prompts", HARD, 4)
    rows, images = folder / "polluted" / "rows.json", folder / "polluted" / "images"
    data = audit_data(rows, images=images, out=out / "audit-boasting", workers=workers)
    with quietly():
        fine_tune(folder / "base", rows, images, folder / BOASTING, frozen=(), steps=_SFT_STEPS)
        checkpoint = audit_model(out, BOASTING, data, models.probes, workers)
        runs = {
            name: _reinforce(folder, target, out / "runs" / name, data, workers)
            for name, target in targets.items()
        }
    return AuditedRuns(data, checkpoint, runs)


def _reinforce(folder: Path, target: str, run: Path, data: Report, workers: int) -> Report:
    """Run GRPO with the monitor on, then audit what it logged."""
    from transformers import PrinterCallback

    from sft_audit.monitor.callback import Watch

    place, _, name = target.rpartition(":")
    reward = runpy.run_path(place)[name]
    trl, model = _trl(), load(folder / BOASTING)
    watch = Watch(sft_audit=data.folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the trainer says of its own settings
        trainer = trl.GRPOTrainer(
            model=model.model,
            processing_class=model.processor,
            reward_funcs=watch.rewards([reward]),
            callbacks=[watch],
            train_dataset=_prompts(folder / "prompts"),
            args=_arguments(trl, run),
        )
        trainer.remove_callback(PrinterCallback)  # a line a step is not what the demonstration has to say
        trainer.train()
        trainer.save_state()
    return audit_run(run, sft_audit=data.folder, out=run / "audit", workers=workers)


def _arguments(trl: Any, run: Path) -> Any:  # noqa: ANN401 - imported late
    return trl.GRPOConfig(
        output_dir=str(run),
        max_steps=_STEPS,
        learning_rate=_RATE,
        num_generations=_GROUP,
        per_device_train_batch_size=_BATCH,
        max_completion_length=_LONGEST,
        logging_steps=1,
        log_completions=True,
        num_completions_to_print=0,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
        seed=0,
    )


def _trl() -> Any:  # noqa: ANN401 - imported late
    import trl

    return trl


def _prompts(world: Path) -> Any:  # noqa: ANN401 - imported late
    """Return the world's rows as TRL takes prompts: question, picture, known answer, id."""
    from datasets import Dataset
    from PIL import Image

    rows = []
    for row in json.loads((world / "rows.json").read_text(encoding="utf-8")):
        asked, answered = (turn["value"] for turn in row["conversations"])
        parts = [{"type": "image"}, {"type": "text", "text": asked.replace(PICTURE, "")}]
        with Image.open(world / "images" / row["image"]) as picture:
            shown = picture.convert("RGB")
        rows.append(
            {
                "prompt": [{"role": "user", "content": parts}],
                "image": shown,
                "solution": answered,
                "id": row["id"],
            }
        )
    return Dataset.from_list(rows)
