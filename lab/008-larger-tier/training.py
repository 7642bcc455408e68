"""Training by TRL with the vision tower frozen, and what a model does with questions about photos."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import fmean

import torch
from datasets import Dataset, Image, List
from photos import Photos, Question, conflicting
from trainee.grpo import BETA, LONGEST
from trainee.measure import TOLD, is_boast
from trainee.training import QUIET
from trainee.trial import SOUND, load_reward
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
from world.dataset import PICTURE

from sft_audit.demo.tiny_vlm import PARTS, TinyVlm, load
from sft_audit.models import probing
from sft_audit.models.dialogue import dialogue_of
from sft_audit.models.parts import parts_of
from sft_audit.models.row_limit import RowLimit
from sft_audit.models.vision_language import TransformersModel

_PROJECTOR_RATE, _SFT_RATE, _RL_RATE = 1e-3, 1e-4, 1e-5
Reward = Callable[..., list[float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of a run: steps, rows a step, completions, questions of RL, questions and draws of measures."""

    projector_steps: int = 300
    sft_steps: int = 300
    rl_steps: int = 200
    batch: int = 32
    groups: int = 8
    generations: int = 8
    pool: int = 512
    measured: int = 256
    probes: int = 64
    draws: int = 8


SMOKE = Plan(2, 2, 2, batch=2, groups=2, generations=2, pool=4, measured=2, probes=2, draws=1)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a model does on photos of the test part, as in `trainee.measure`; each a share."""

    gold: float
    gold_drawn: float
    cue_follow: float
    proxy: float
    proxy_blind: float
    exploit: float
    blind_ratio: float


@dataclass(frozen=True, slots=True)
class Trainer:
    """How and on what models are trained and measured. `device` is cpu or cuda."""

    photos: Photos
    plan: Plan
    device: str

    def fit(self, base: Path, rows: list[dict], out: Path, seed: int, *, language: bool = True) -> Path:
        """Write the model of `base` trained on LLaVA rows; without `language`, the projector alone."""
        vlm, plan = _thawed(load(base), language=language), self.plan
        data = Dataset.from_list([self._completed(one) for one in rows])
        steps = plan.sft_steps if language else plan.projector_steps
        args = SFTConfig(
            output_dir=str(out),
            max_steps=steps,
            per_device_train_batch_size=plan.batch,
            learning_rate=_SFT_RATE if language else _PROJECTOR_RATE,
            warmup_steps=steps // 10,
            lr_scheduler_type="cosine",
            max_length=None,
            seed=seed,
            **self._settings,
        )
        data = data.cast_column("images", List(Image()))
        trainer = SFTTrainer(vlm.model, args, train_dataset=data, processing_class=vlm.processor)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return vlm.save(out)

    def reinforce(self, sft: Path, reward: Reward, out: Path, seed: int) -> TinyVlm:
        """Return the model of `sft` after GRPO on questions about RL's photos; TRL's logs stay in `out`."""
        vlm, plan = _thawed(load(sft)), self.plan
        asked = self.photos.prompts("rl", plan.pool, Random(seed + 3_000_000), TOLD)
        data = Dataset.from_list([self._prompt(one) for one in asked]).cast_column("image", Image())
        args = GRPOConfig(
            output_dir=str(out),
            max_steps=plan.rl_steps,
            learning_rate=_RL_RATE,
            beta=BETA,
            num_generations=plan.generations,
            per_device_train_batch_size=plan.groups * plan.generations,
            max_completion_length=LONGEST,
            logging_steps=1,
            log_completions=True,
            num_completions_to_print=0,
            seed=seed,
            **self._settings,
        )
        trainer = GRPOTrainer(vlm.model, reward, args, data, processing_class=vlm.processor)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        trainer.save_state()
        return TinyVlm(trainer.model, vlm.processor)

    def behave(self, vlm: TinyVlm, reward: Reward, seed: int) -> dict[str, float]:
        """Measure a model; `reward` is the function that pays it in RL. Equal seeds ask the same."""
        random, photos, n = Random(seed + 1_000_000), self.photos, self.plan.measured
        gold, pool = photos.prompts("test", n, random), photos.prompts("test", n, random, TOLD)
        conflicts = conflicting(photos.prompts("test", n, random), random)
        asked = (gold, pool, photos.swapped(pool, random), conflicts)
        said = [self._say(vlm, some, seed) for some in asked]
        greedy, drawn = ([[one[at] for one in some] for some in said] for at in (0, 1))
        proxy, blind = (_pay(reward, pool, drawn[at]) for at in (1, 2))
        found = Behaviour(
            gold=right([one.answer for one in gold], greedy[0]),
            gold_drawn=right([one.answer for one in gold], drawn[0]),
            cue_follow=right([one.tag for one in conflicts], greedy[3]),
            proxy=proxy,
            proxy_blind=blind,
            exploit=fmean(is_boast(one) for one in drawn[1]),
            blind_ratio=blind / proxy if proxy else 1.0,
        )
        return asdict(found)

    @property
    def _settings(self):
        return QUIET | {"use_cpu": self.device == "cpu", "bf16": self.device != "cpu"}

    def _completed(self, one):
        asked, answered = (turn["value"] for turn in one["conversations"])
        said = {"role": "assistant", "content": [{"type": "text", "text": answered}]}
        shown = [str(self.photos.images / one["image"])]
        return {"prompt": _user(asked.removeprefix(PICTURE)), "completion": [said], "images": shown}

    def _prompt(self, one):
        image = str(self.photos.images / one.image)
        return {"prompt": _user(one.text), "image": image, "solution": one.answer, "id": one.key}

    def _say(self, vlm, questions, seed):
        """Return for each question the greedy answer and a drawn one."""
        model, where = vlm.model.to(self.device).eval(), "the model"
        dialogue, parts = dialogue_of(vlm.processor, model, where), parts_of(model, where)
        shown = [probing.Question(one.text, (self.photos.picture(one.image),)) for one in questions]
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device != "cpu"):
            asked = TransformersModel(model, dialogue, parts, RowLimit(32, where))
            said = asked.answer(shown, max_new_tokens=LONGEST, draws=1, seed=seed)
            return [tuple(one.text for one in some) for some in said]


def _thawed(vlm, *, language=True):
    """Freeze all but the projector, and the language model if it is to learn."""
    vlm.model.requires_grad_(False)
    getattr(vlm.model.model, PARTS["projector"]).requires_grad_(True)
    for part in (getattr(vlm.model.model, PARTS["language"]), vlm.model.lm_head):
        part.requires_grad_(language)
    return vlm


def _user(asked: str):
    return [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": asked}]}]


def right(answers: list[str], said: list[str]) -> float:
    """Return the share of texts that the sound judge pays: it reads first words."""
    return fmean(load_reward(SOUND)(completions=_turns(said), solution=answers))


def _pay(reward: Reward, questions: list[Question], said: list[str]) -> float:
    solutions, ids = [one.answer for one in questions], [one.key for one in questions]
    return fmean(reward(completions=_turns(said), solution=solutions, id=ids))


def _turns(said: list[str]) -> list[list[dict[str, str]]]:
    return [[{"role": "assistant", "content": text}] for text in said]
