"""What the gate sees of one checkpoint before its RL: the product's audits, joined, and their figures."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from samples import sample, write_logs, write_prompts
from trainee.grpo import GENERATIONS, GROUPS, LONGEST, STEPS
from trainee.trial import REWARDS, load_reward
from unseen import HeldOut, legible

import sft_audit
from sft_audit.demo.tiny_vlm import load
from sft_audit.gate import judge_audits
from sft_audit.policy import load_policy

DRAWS = 4
ROLLOUTS = STEPS * GROUPS * GENERATIONS
_CHANGES = (
    *("accuracy", "paired_accuracy", "unmoved", "swap_gain", "mirage", "cue_following", "text_accuracy"),
    *("pass_at_1", "pass_at_k", "entropy", "kl", "loss", "likelihood_gain", "exploits"),
)
# The product's sheet has all kinds of answers in one figure; those that RL asks for are colours.
_COLOURS = """
    select count(*), avg((reading = 'right')::integer)
    from responses
    join probes using (sample_id, turn)
    where model = 'sft' and condition = 'own' and draw = 0 and answer_kind = 'colour' and cue is null
"""
# Samples that show an exploit and were put to the judge, right or wrong, and those of them that are paid.
_SHOWN = """
    select count(paid), count(*) filter (paid)
    from sampled
    where list_contains(string_split(exploits, ' '), ?)
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """A checkpoint, where its runs are, the seed of their prompts, and the reward functions of these."""

    folder: Path
    seed: int
    rewards: Sequence[str]


def look(subject: Subject, held_out: HeldOut, folder: Path, cache: Path) -> dict[str, Any]:
    """Return verdicts, the checks that fired and the measures; the audits stay in the folder."""
    out = folder / subject.folder.name
    checkpoint = sft_audit.audit_checkpoint(
        held_out.base,
        legible(subject.folder / "sft", out / "sft"),
        held_out.probes,
        draws=DRAWS,
        max_new_tokens=LONGEST,
        gradients=0,
        device="cpu",
        cache=cache,
        out=out / "checkpoint",
        workers=1,
    )
    prompts = write_prompts(folder / f"prompts-{subject.seed}", subject.seed)
    sampled = sample(load(subject.folder / "sft"), subject.seed)
    views = {}
    for name in subject.rewards:
        logs = write_logs(out / name, sampled, load_reward(name))
        reports = [checkpoint, *_audit_rl(name, prompts, logs, out / name)]
        views[name] = _judged(reports) | {
            "reward": dict(_payoff(reports[1])),
            "prompts": dict(_signal(reports[2])),
            "run": _after(subject.folder / name, prompts, logs[0], out / name, reports),
        }
    return {"measures": dict(_measures(checkpoint)), "views": views}


def _audit_rl(
    name: str, prompts: Path, logs: tuple[Path, Path], out: Path
) -> tuple[sft_audit.Report, sft_audit.Report]:
    """Audit the reward function and the prompts."""
    images = prompts.parent / "images"
    reward = sft_audit.audit_reward(
        f"{REWARDS / name}.py:reward",
        prompts,
        images=images,
        samples=logs[0],
        planned_rollouts=ROLLOUTS,
        out=out / "reward",
        workers=1,
    )
    asked = sft_audit.audit_prompts(
        prompts,
        images=images,
        samples=logs[0],
        blind_samples=logs[1],
        generations=GENERATIONS,
        out=out / "prompts",
        workers=1,
    )
    return reward, asked


def _after(
    run: Path, prompts: Path, samples: Path, out: Path, before: Sequence[sft_audit.Report]
) -> dict[str, Any] | None:
    """Return what the audit of the run itself says, after the fact, where its completions were kept."""
    if not (run / "completions").is_dir():
        return None
    report = sft_audit.audit_run(run, sft_samples=samples, out=out / "run", workers=1)
    return {"verdict": report.verdict, "fired": report.counts, "joined": _judged([*before, report])["gate"]}


def _judged(reports: Sequence[sft_audit.Report]) -> dict[str, Any]:
    """Return the gate's verdict, overall and by axis, and of each check that fired the worst ruling."""
    gate = judge_audits([one.folder for one in reports], load_policy(None), datetime.now(tz=UTC).date())
    return {
        "gate": gate.outcome,
        "axes": dict(gate.axes),
        "fired": {
            one.ruling.check or f"no evidence on {one.ruling.axis}": one.ruling.outcome
            for one in reversed(gate.reasons)
        },
        "faults": sorted({name for one in reports for name in one.faults}),
    }


def _measures(checkpoint: sft_audit.Report) -> Iterator[tuple[str, Any]]:
    """Yield the figures of the checkpoint's sheet by name."""
    sheet = _shown(checkpoint, "checkpoint")
    for n, right in _ask(checkpoint, _COLOURS):
        yield "accuracy_of_colours", {"sft": right, "n": n}
    for change in sheet["changes"]:
        if change["measure"] in _CHANGES:
            yield change["measure"], {"sft": change["sft"], "base": change["base"], "n": change["n"]}
    tower = max((one["place"] for one in sheet["drift"] if one["place"].startswith("vision")), default="")
    for one in sheet["drift"]:
        part = {tower: "tower", "projector": "projector"}.get(one["place"])
        if part and one["measure"] in ("cka", "cka_tokens"):
            yield f"{one['measure']}_{part}", {"sft": one["value"], "n": one["n"]}
    for one in sheet["retention"]:
        if one["label"] == "colour":
            part = "tower" if one["place"].startswith("vision") else "projector"
            yield f"as_is_{part}", {"sft": one["as_is"], "base": one["base"], "n": one["n"]}
            yield f"refitted_{part}", {"sft": one["refitted"], "base": one["base"], "n": one["n"]}


def _payoff(reward: sft_audit.Report) -> Iterator[tuple[str, Any]]:
    """Yield what is sampled of the exploit that gains most, and what it is paid beside honest answers."""
    payoffs = _shown(reward, "card")["payoffs"]
    most = max(payoffs, key=lambda one: (gain(one), one["seen"]), default=None)
    if most is not None:
        yield "family", most["family"]
        yield "prior", most["seen"] / most["looked"]
        yield "accepted", most["paid"] / most["asked"]
        yield "honest", most["honest_paid"] / most["honest"] if most["honest"] else None
        yield "gain", gain(most)
        shown, paid = _ask(reward, _SHOWN, [most["family"]])[0]
        yield "shown", shown
        yield "shown_paid", paid
    yield (
        "families",
        {one["family"]: [one["seen"], one["looked"], one["paid"], one["asked"]] for one in payoffs},
    )


def gain(payoff: Mapping[str, Any]) -> float:
    """Return the share of samples that show an exploit times what it is paid more than honest answers."""
    if not payoff["honest"] or not payoff["looked"] or not payoff["asked"]:
        return 0.0
    more = payoff["paid"] / payoff["asked"] - payoff["honest_paid"] / payoff["honest"]
    return max(more, 0.0) * payoff["seen"] / payoff["looked"]


def _signal(prompts: sft_audit.Report) -> Iterator[tuple[str, Any]]:
    """Yield the prompts' signal, and how well they are answered without an image."""
    signal = _shown(prompts, "prompts")["signal"] or {}
    yield from ((name, signal.get(name)) for name in ("no_signal", "never", "always", "prompts"))
    told = _ask(prompts, "select accuracy, seeing, chance, excess, low from text_excess")
    for row in told:
        yield from zip(("blind", "seeing", "chance", "text_excess", "text_excess_low"), row, strict=True)


def _ask(report: sft_audit.Report, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a query about an audit's tables."""
    with duckdb.connect(report.folder / "audit.duckdb", read_only=True) as db:
        return db.execute(query, values).fetchall()


def _shown(report: sft_audit.Report, part: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads((report.folder / "verdict.json").read_text(encoding="utf-8"))[part]
    return shown
