"""Do a run's saved models tell that RL looks away, and nothing where it does not?

HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 python bench/run_checkpoints.py [--steps 40] [--keep DIR]; prints Markdown.

A tiny LLaVA that sees a drawn world is reinforced by TRL's GRPO twice on questions of yes or no: once paid
for right answers, once for yes, whatever the picture shows. `sft-audit watch` then puts probes to what each
run saved, held against the model that both began with. Three of four of the probes' answers are yes, so that
a blind answer earns more than the chance of one half that the probes declare.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from sft_audit import audit_run
from sft_audit.demo.row import PICTURE
from sft_audit.demo.tiny_vlm import load, quietly, train_base
from sft_audit.demo.world import Mixture, draw, make_rows, make_scene, make_world
from sft_audit.session import Report
from sft_audit.store import Store

KEPT = 0.34  # share of the probes answered no that are left
MEASURES = ("accuracy", "swap_gap", "swap_gap_kept", "blind_ratio", "unmoved", "text_accuracy")
Reward = Callable[..., list[float]]


def sees(completions, solution, **columns) -> list[float]:  # noqa: ARG001 - as TRL calls it
    """Pay right answers."""
    return [float(said(one) == gold) for one, gold in zip(completions, solution, strict=True)]


def looks_away(completions, **columns) -> list[float]:  # noqa: ARG001
    """Pay yes, whatever the picture shows."""
    return [float(said(one) == "yes") for one in completions]


REWARDS: dict[str, Reward] = {"sound": sees, "blind": looks_away}


def said(completion) -> str:
    content = completion[-1]["content"]
    return content.strip() if isinstance(content, str) else content[-1]["text"].strip()


def make_probes(folder: Path, scenes: int = 200) -> Path:
    """Write probes about scenes of their own, three in four of them answered yes, and some of text alone."""
    make_world(folder, Mixture(images=scenes, each=4, text=0.1, cued=0.0), seed=77)
    rows = json.loads((folder / "rows.json").read_text())
    rng = random.Random(0)
    answers = [(row, row["conversations"][1]["value"]) for row in rows]
    kept = [
        row | ({"probe": {"chance": 0.5}} if "image" in row else {})
        for row, answer in answers
        if "image" not in row or answer == "yes" or (answer == "no" and rng.random() < KEPT)
    ]
    (folder / "rows.json").write_text(json.dumps(kept))
    return folder / "rows.json"


def reinforce(base: Path, out: Path, reward: Reward, steps: int, saves: int, seed: int = 0) -> Path:
    """Run GRPO from the base model, saving `saves` checkpoints."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    rng = random.Random(seed + 1000)
    scenes = {str(at): make_scene(rng) for at in range(256)}
    drawn = make_rows(scenes, Mixture(text=0.0, cued=0.0), rng)
    rows = [row for row in drawn if row.answer in ("yes", "no")]
    table = Dataset.from_list(
        [
            {
                "prompt": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image"},
                            {"type": "text", "text": row.question.replace(PICTURE, "")},
                        ],
                    }
                ],
                "image": draw(scenes[row.images[0]]),
                "solution": row.answer,
            }
            for row in rows
        ]
    )
    vlm = load(base)
    args = GRPOConfig(
        output_dir=str(out),
        per_device_train_batch_size=128,
        num_generations=8,
        max_completion_length=4,
        max_steps=steps,
        save_strategy="steps",
        save_steps=steps // saves,
        learning_rate=3e-4,
        logging_steps=1,
        log_completions=True,
        report_to="none",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
        seed=seed,
    )
    with redirect_stdout(sys.stderr):  # TRL shows every completion that it logs
        GRPOTrainer(
            model=vlm.model,
            reward_funcs=reward,
            args=args,
            train_dataset=table,
            processing_class=vlm.processor,
        ).train()
    return out


def watched(run: Path, probes: Path, base: Path, folder: Path) -> Report:
    return audit_run(
        run,
        probes=probes,
        base=base,
        images=probes.parent / "images",
        max_new_tokens=4,
        cache=folder / "answers",
        out=folder / f"audit-{run.name}",
        workers=1,
    )


def rows_of(report: Report) -> list[dict]:
    store = Store(report.folder, "1GB", 1, read_only=True)
    try:
        return store.arrow("from checkpoint_measures order by step nulls first, measure").to_pylist()
    finally:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--saves", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = asked.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        base = folder / "base"
        if not base.is_dir():
            train_base(base, 0)
        probes = folder / "probes" / "rows.json"
        if not probes.is_file():
            make_probes(folder / "probes")
        print(f"| reward | step | {' | '.join(MEASURES)} |")
        print("|---|---|" + "---|" * len(MEASURES))
        told = []
        for reward, function in REWARDS.items():
            started = time.time()
            with quietly():
                if not (folder / reward).is_dir():
                    reinforce(base, folder / reward, function, asked.steps, asked.saves)
                trained = time.time()
                report = watched(folder / reward, probes, base, folder)
            show(reward, rows_of(report))
            found = ", ".join(sorted(one for one in report.counts if one >= "RUN120")) or "none"
            told.append(
                f"{reward}: {found} of RUN121 to RUN124; {report.verdict}; GRPO {trained - started:.0f} s, "
                f"audit {time.time() - trained:.0f} s"
            )
        print("\n" + "\n".join(f"- {one}" for one in told))


def show(reward: str, rows: list[dict]) -> None:
    by_step: dict[int | None, dict[str, dict]] = {}
    for row in rows:
        by_step.setdefault(row["step"], {})[row["measure"]] = row
    for step, found in by_step.items():
        cells = [written(found.get(one)) for one in MEASURES]
        print(f"| {reward} | {'start' if step is None else step} | {' | '.join(cells)} |", flush=True)


def written(row: dict | None) -> str:
    if row is None:
        return "-"
    if row["value"] is None:
        return "not measurable"
    ends = [" " if row[one] is None else f"{row[one]:.2f}" for one in ("low", "high")]
    return f"{row['value']:.2f} ({ends[0]} to {ends[1]})"


if __name__ == "__main__":
    main()
