"""What training by any of TRL's trainers has in common: offline, on the processor, silent."""

import json
from pathlib import Path
from typing import Any

from transformers import PrinterCallback

from sft_audit.demo.tiny_vlm import TinyVlm

QUIET = {
    "report_to": "none",
    "use_cpu": True,
    "bf16": False,
    "save_strategy": "no",
    "gradient_checkpointing": False,
    "disable_tqdm": True,
}


def train(trainer: Any, out: Path, *, logged: str) -> TinyVlm:
    """Train, and write the model and `metrics.json`: the entries of the trainer's log that have `logged`."""
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trained = TinyVlm(trainer.model.eval(), trainer.processing_class)
    trained.save(out)
    trainer.save_state()
    metrics = [one for one in trainer.state.log_history if logged in one]
    (out / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return trained
