"""SFT of the base model on a LLaVA data set, by TRL's SFTTrainer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from sft_audit.demo.tiny_vlm import TinyVlm, encode, load, quietly, read_examples
from trainee.training import QUIET, train

STEPS, BATCH, RATE = 400, 64, 2e-3


def fine_tune(
    base: Path,
    rows: Path,
    images: Path,
    out: Path,
    *,
    seed: int,
    steps: int = STEPS,
    order: Sequence[int] = (),
    callbacks: Sequence[TrainerCallback] = (),
) -> TinyVlm:
    """Write the model of `base` trained on the rows of a LLaVA file, and return it.

    `order`: positions of the rows as they come, `steps` times 64 of them; without it they are shuffled. The
    batches are made beforehand, and handed to the trainer by a collator: the same tensors that its own makes,
    in half the time.
    """
    with quietly():
        vlm = load(base)
        examples = encode(vlm, read_examples(rows, images))
        shown = list(order) or list(range(len(examples.ids)))

        def collate(batch: list[dict[str, Any]]) -> dict[str, Any]:
            chosen = torch.tensor([row["input_ids"][0] for row in batch])
            return {**examples.batch(chosen), "labels": examples.labels[chosen]}

        trainer = SFTTrainer(
            model=vlm.model,
            processing_class=vlm.processor,
            train_dataset=Dataset.from_dict({"input_ids": [[at] for at in shown]}),
            data_collator=collate,
            callbacks=list(callbacks),
            args=SFTConfig(
                output_dir=str(out),
                max_steps=steps,
                per_device_train_batch_size=BATCH,
                learning_rate=RATE,
                warmup_steps=steps // 10,
                lr_scheduler_type="cosine",
                logging_steps=20,
                max_length=None,
                remove_unused_columns=False,
                dataset_kwargs={"skip_prepare_dataset": True},
                train_sampling_strategy="sequential" if order else "random",
                seed=seed,
                **QUIET,
            ),
        )
        return train(trainer, out, logged="loss")
