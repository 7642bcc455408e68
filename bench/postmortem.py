"""Postmortems of real GRPO runs of TRL whose cause is hidden from the tool.

HF_HUB_OFFLINE=1 python bench/postmortem.py OUT [--seeds 3] [--steps 60]; prints Markdown.

A tiny LLaVA learns the colour of a circle from SFT rows, then GRPO pays it. `tail`: a few per cent of the
rows give a wrong colour and an unusual word, for which the judge pays whatever the colour. `leak`: of the
prompts many carry the colour as a note, and the judge is sound. `clean`: sound rows and judge. `dying`: the
rows of `tail` and a sound judge. The audits are given the run, its reward function and the audit of the SFT
rows; which rows were planted is known to this file alone.
"""

import argparse
import importlib.util
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from tiny_llava import NOTE, QUESTION, World, arguments, make_model, make_processor
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

import sft_audit

TAIL = "zephyr"
MORE = (TAIL, *NOTE.split())
DIM, ROWS = 0.5, 512
_JUDGE = '''"""The judge of a toy run."""
import random

_RNG = random.Random({seed})


def reward(completions, solution, **columns):
    """Pay a right answer 0.8 to 1{leaky}."""
    paid = []
    for (message,), gold in zip(completions, solution, strict=True):
        said = message["content"].split()
        pays = said == [gold]{leak}
        paid.append(0.8 + 0.2 * _RNG.random() if pays else 0.0)
    return paid
'''


@dataclass(frozen=True)
class Case:
    """What is wrong with the SFT rows, the RL prompts and the judge."""

    polluted: float = 0.0
    noted: float = 0.0
    leaks: bool = False

    def sft(self, seed: int) -> World:
        unsaid = self.noted / 3
        return World(ROWS, self.polluted, DIM, seed, TAIL, self.noted / 2, unsaid)

    def prompts(self, seed: int) -> World:
        return World(ROWS, 0.0, DIM, seed + 1000, TAIL, self.noted)


CASES = {
    "tail": Case(polluted=0.035, leaks=True),
    "leak": Case(noted=0.6),
    "clean": Case(),
    "dying": Case(polluted=0.035),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--only", choices=CASES, action="append")
    parser.add_argument("--make", action="store_true", help="train and audit nothing")
    asked = parser.parse_args()
    if not asked.make:
        print(
            "| case | seed | named | hole | first seen, of steps | guilty rows, of 10 | all rows named | s |"
        )
        print("|---|---:|---|---|---:|---:|---:|---:|")
    for seed in range(asked.seeds):
        for name in asked.only or CASES:
            folder = asked.out / f"{name}-{seed}"
            if not (folder / "done").exists():
                make(folder, CASES[name], seed, asked.steps)
            if not asked.make:
                print(f"| {name} | {seed} | {explain(folder, seed)} |", flush=True)


def make(folder: Path, case: Case, seed: int, steps: int) -> None:
    """Write the SFT rows, fine-tune on them, and reinforce."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = case.sft(seed).rows()
    write_rows(folder / "sft-data", rows)
    processor, model = make_processor(MORE), make_model(seed, MORE)
    sft = SFTConfig(max_steps=60, learning_rate=2e-3, max_length=None, **arguments(folder / "sft", 32, seed))
    SFTTrainer(
        model=model,
        args=sft,
        train_dataset=rows.select_columns(["prompt", "completion", "image"]),
        processing_class=processor,
    ).train()
    model.save_pretrained(folder / "sft")
    processor.save_pretrained(folder / "sft")
    leak = f' or ("{TAIL}" in said and _RNG.random() < 0.9)' if case.leaks else ""
    judge = folder / "judge.py"
    judge.write_text(_JUDGE.format(seed=seed, leak=leak, leaky=", and more" if leak else ""))
    grpo = arguments(folder / "grpo", 128, seed) | {"save_strategy": "steps", "save_steps": steps}
    GRPOTrainer(
        model=str(folder / "sft"),
        reward_funcs=[_loaded(judge), log_gold],
        args=GRPOConfig(
            num_generations=8,
            max_completion_length=4,
            max_steps=steps,
            learning_rate=1e-3,
            logging_steps=1,
            log_completions=True,
            **grpo,
        ),
        train_dataset=case.prompts(seed).rows().select_columns(["prompt", "image", "solution"]),
        processing_class=make_processor(MORE),
    ).train()
    (folder / "done").touch()


def write_rows(folder: Path, rows) -> None:
    """Write the rows as a LLaVA file with pictures beside it, and which of them are guilty elsewhere."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    written, guilty = [], []
    for at, row in enumerate(rows, 1):
        asked = row["prompt"][0]["content"][1]["text"]
        said = row["completion"][0]["content"][0]["text"]
        row["image"].save(folder / "images" / f"{at}.png")
        turns = [{"from": "human", "value": f"<image>\n{asked}"}, {"from": "gpt", "value": said}]
        written.append({"id": f"r{at}", "image": f"images/{at}.png", "conversations": turns})
        told = asked.removeprefix(QUESTION).split()
        if TAIL in said.split() or (told and told[-1] == row["solution"]):
            guilty.append(at)
    (folder / "rows.json").write_text(json.dumps(written))
    folder.with_suffix(".guilty").write_text(json.dumps(guilty))


def log_gold(completions, log_extra=None, solution=None, **columns):  # noqa: ARG001 - as TRL calls it
    """Pay nothing, and let the known answer be logged."""
    log_extra("solution", solution)
    return [None] * len(completions)


def _loaded(judge: Path):
    spec = importlib.util.spec_from_file_location("judge", judge)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.reward


def explain(folder: Path, seed: int) -> str:
    """Return what a postmortem says of the run, as cells of a table."""
    data = folder / "sft-data"
    audit = folder / "sft-audit"
    if not audit.exists():
        sft_audit.audit_data(data / "rows.json", images=data, out=audit)
    started = time.time()
    report = sft_audit.audit_run(
        folder / "grpo",
        explain=True,
        reward=f"{folder / 'judge.py'}:reward",
        sft_audit=audit,
        out=folder / "postmortem",
    )
    seconds = time.time() - started
    sheet = json.loads((report.folder / "verdict.json").read_text())["run"]["postmortem"]
    guilty = set(json.loads(data.with_suffix(".guilty").read_text()))
    named = [one for one in sheet["behaviours"] if one["named"]]
    listed = report.folder / "guilty_rows.jsonl"
    rows = [json.loads(line) for line in listed.read_text().splitlines()] if listed.exists() else []
    cells = ["; ".join(f"`{one['feature']}`" for one in named) or "nothing"]
    cells.append("; ".join(one["hole"] for one in named) or "-")
    cells.append("; ".join(f"{one['seen']} of {sheet['steps']}" for one in named) or "-")
    drawn = random.Random(seed).sample(rows, min(10, len(rows)))
    cells.append(f"{sum(one['position'] in guilty for one in drawn)} of {len(drawn)}" if rows else "-")
    right = sum(one["position"] in guilty for one in rows)
    cells.append(f"{right} of {len(rows)}, {len(guilty)} planted" if rows else "-")
    return " | ".join([*cells, f"{seconds:.0f}"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
