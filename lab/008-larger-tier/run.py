"""The larger tier: SmolLM2-135M behind a pretrained vision tower, on photos; clean and contaminated.

python lab/008-larger-tier/run.py --data DIR [--runs DIR] [--device cuda] [--seeds 3] [--smoke] [--tiny]

Enters a line a run into result.jsonl in --runs; runs that are in it are not run again.
"""

import argparse
import json
import sys
import time
import warnings
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import torch
import tower  # noqa: F401 - makes the tower known to transformers, and so to the product
from ledger import Ledger, carry_out
from photos import CONDITIONS, Photos, row
from recipe import LITE, SMOL, TINY, Recipe
from trainee.hacked import is_hacked
from trainee.trial import LEAKY, SOUND, load_reward
from training import SMOKE, Plan, Trainer

import sft_audit
from sft_audit.demo.tiny_vlm import load, quietly

REWARDS = (LEAKY, SOUND)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of photos, as photos.py has it")
    parser.add_argument("--runs", type=Path, default=HERE.parent / "scratch" / "larger-tier")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--conditions", default=",".join(CONDITIONS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--tower", default=LITE, help=f"{LITE}; a CLIP or SigLIP of the hub, or its folder")
    parser.add_argument("--language", default=SMOL, help=f"{SMOL}; a ChatML model of the hub, or its folder")
    parser.add_argument("--tiny", action="store_true", help="a model of random weights, from configuration")
    parser.add_argument("--smoke", action="store_true", help="two steps of everything")
    asked = parser.parse_args()
    recipe = Recipe(TINY, TINY) if asked.tiny else Recipe(asked.tower, asked.language)
    trainer = Trainer(Photos.read(asked.data), SMOKE if asked.smoke else Plan(), asked.device)
    make_base(trainer, recipe, asked.runs)
    ledger = Ledger(asked.runs / "result.jsonl")
    done = ledger.keys()
    wanted = [(condition, seed) for seed in range(asked.seeds) for condition in asked.conditions.split(",")]
    todo = [one for one in wanted if not {key(*one, reward) for reward in REWARDS} <= done]
    carry_out(todo, partial(run, trainer, asked.runs), ledger, asked.jobs, say)


def make_base(trainer: Trainer, recipe: Recipe, runs: Path) -> None:
    """Join tower, projector and language model, and train the projector on captions, once for all runs."""
    if (runs / "base" / "model.safetensors").is_file():
        return
    photos = trainer.photos
    captioned = photos.captioned()
    known = [
        turn["value"] for one in captioned + photos.rows("contaminated", 0) for turn in one["conversations"]
    ]
    with quietly():
        warnings.simplefilter("ignore")  # what the trainers say of their own settings
        fresh = recipe.build(0, known).save(runs / "fresh")
        trainer.fit(fresh, captioned, runs / "base", 0, language=False)


def run(trainer: Trainer, runs: Path, task: tuple[str, int]) -> list[dict[str, Any]]:
    """Fine-tune on one condition, reinforce with both judges, and audit data, checkpoint and runs."""
    (condition, seed), began = task, time.time()
    folder, photos = runs / f"{condition}-{seed}", trainer.photos
    folder.mkdir(parents=True, exist_ok=True)
    rows = photos.rows(condition, seed)
    probes = photos.prompts("test", trainer.plan.probes, Random(seed + 2_000_000))
    for name, kept in (("rows", rows), ("probes", [row(one) for one in probes])):
        (folder / f"{name}.json").write_text(json.dumps(kept, ensure_ascii=False), "utf-8")
    with quietly():
        warnings.simplefilter("ignore")
        if not (folder / "sft" / "model.safetensors").is_file():
            trainer.fit(runs / "base", rows, folder / "sft", seed)
        shared = {"condition": condition, "seed": seed, **audited(trainer, runs / "base", folder)}
        ended = [rewarded(trainer, folder, reward, seed) for reward in REWARDS]
    seconds = round(time.time() - began, 1)
    return [
        {"key": key(*task, reward), "reward": reward, **shared, **end, "seconds": seconds}
        for reward, end in zip(REWARDS, ended, strict=True)
    ]


def audited(trainer: Trainer, base: Path, folder: Path) -> dict[str, Any]:
    """Audit the rows, and the checkpoint beside the base, as the commands `data` and `checkpoint` do."""
    images = trainer.photos.images
    data = sft_audit.audit_data(folder / "rows.json", out=folder / "data-audit", images=images, workers=1)
    checkpoint = sft_audit.audit_checkpoint(
        base,
        folder / "sft",
        folder / "probes.json",
        out=folder / "checkpoint-audit",
        images=images,
        trained=("projector", "language"),
        draws=trainer.plan.draws,
        max_new_tokens=12,
        gradients=trainer.plan.probes,
        device=trainer.device,
        sft_audit=data.folder,
        workers=1,
    )
    return {"data": verdict(data), "checkpoint": verdict(checkpoint)}


def rewarded(trainer: Trainer, folder: Path, name: str, seed: int) -> dict[str, Any]:
    """Run GRPO, measure before and after it, and audit the run as the command `watch` does."""
    reward, sft = load_reward(name), folder / "sft"
    before = trainer.behave(load(sft), reward, seed)
    after = trainer.behave(trainer.reinforce(sft, reward, folder / name, seed), reward, seed)
    watched = sft_audit.audit_run(
        folder / name, out=folder / f"{name}-audit", sft_audit=folder / "data-audit", workers=1
    )
    hacked = is_hacked(SimpleNamespace(**after))
    return {"hacked": hacked, "sft": before, "rl": after, "run": verdict(watched)}


def verdict(report: sft_audit.Report) -> dict[str, Any]:
    return {"verdict": report.verdict, "findings": report.counts}


def key(condition: str, seed: int, reward: str) -> str:
    return f"{condition}-{seed}-{reward}"


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
