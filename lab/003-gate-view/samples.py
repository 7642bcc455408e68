"""The prompts of a run as `sft-audit prompts` reads them, and what a checkpoint says to them before RL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from trainee.grpo import LONGEST
from trainee.prompts import Prompt
from trainee.trial import Reward, pool

from sft_audit.demo.tiny_vlm import TinyVlm, answers

PROMPTS, DRAWS, BLIND_DRAWS = 256, 8, 4


@dataclass(frozen=True, slots=True)
class Sampled:
    """Prompts, and the completions of each: with its image, and without."""

    prompts: Sequence[Prompt]
    seen: Sequence[Sequence[str]]
    blind: Sequence[Sequence[str]]


def write_prompts(folder: Path, seed: int) -> Path:
    """Write the first prompts of the run as TRL's rows, their images as files, and return the rows' path."""
    rows = folder / "prompts.jsonl"
    if not rows.is_file():
        (folder / "images").mkdir(parents=True, exist_ok=True)
        lines = []
        for one in pool(seed)[:PROMPTS]:
            name = f"{one.key}.png"
            one.picture.save(folder / "images" / name)
            content = [{"type": "image"}, {"type": "text", "text": one.question}]
            row = {
                "id": one.key,
                "prompt": [{"role": "user", "content": content}],
                "images": [name],
                "solution": one.asked.colour,
            }
            lines.append(json.dumps(row) + "\n")
        rows.write_text("".join(lines), encoding="utf-8")
    return rows


def sample(vlm: TinyVlm, seed: int) -> Sampled:
    """Draw completions at temperature 1, as the rollouts of the run log them."""
    torch.manual_seed(seed)
    prompts = pool(seed)[:PROMPTS]
    blind = [replace(one, picture=None) for one in prompts]
    return Sampled(prompts, _draw(vlm, prompts, DRAWS), _draw(vlm, blind, BLIND_DRAWS))


def _draw(vlm: TinyVlm, prompts: Sequence[Prompt], each: int) -> list[list[str]]:
    examples = [one.example for one in prompts for _ in range(each)]
    said = answers(vlm, examples, longest=LONGEST, sampled=True)
    return [said[at : at + each] for at in range(0, len(said), each)]


def write_logs(folder: Path, sampled: Sampled, reward: Reward) -> tuple[Path, Path]:
    """Write both logs, paid by the reward function; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "samples.jsonl", folder / "blind.jsonl"
    for path, drawn in zip(paths, (sampled.seen, sampled.blind), strict=True):
        lines = (_line(one, said, reward) for one, said in zip(sampled.prompts, drawn, strict=True))
        path.write_text("".join(lines), encoding="utf-8")
    return paths


def _line(prompt: Prompt, said: Sequence[str], reward: Reward) -> str:
    n = len(said)
    completions = [[{"role": "assistant", "content": text}] for text in said]
    paid = reward(completions=completions, solution=[prompt.asked.colour] * n, id=[prompt.key] * n)
    row = {
        "id": prompt.key,
        "prompt": prompt.question,
        "solution": prompt.asked.colour,
        "completions": list(said),
        "rewards": paid,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"
