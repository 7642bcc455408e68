"""What the runs of 005 tell: the balance of text and images; whether rebalancing or a curriculum mends it."""

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from statistics import fmean, median

from inference.comparison import holm
from inference.paired_t import p_value
from ledger import Line

from findings.markdown import NO_RUNS, mean, rate, signed, table
from findings.run import Arm
from findings.seeds import Seeds, after, before, read_lines
from sft_audit.representation.interval import Measured

SHARES = {f"share-{text}": text for text in (0, 10, 30, 50, 70, 80, 90)}
UNBALANCED = "share-80"
SCHEDULES = ("rebalanced", "even", "ramp", "ramp-scarce", "ramp-easy")
AGAINST = {"rebalanced": UNBALANCED, "ramp": "even", "ramp-scarce": UNBALANCED, "ramp-easy": "ramp"}
# Fixed before the runs: 005-balance/README.md.
NEAR, GAIN, LOSS, SOONER = 0.05, 0.05, 0.02, 50
# Planned; what later seeds tell stands by itself, and is asked of these comparisons alone.
PLANNED = range(5)
AGAIN = ("rebalanced", "ramp")
LEVELS = {"50%": "0.5 of gold at step", "90%": "0.9"}
_TOLD = 1e-9  # a difference of shares that is none
Arms = Mapping[str, Seeds]


def result(ledger: Path) -> str:
    """Return the tables, and what the rules that were fixed beforehand decide."""
    lines = read_lines(ledger)
    if not lines:
        return NO_RUNS
    arms = _arms([line for line in lines if line["seed"] in PLANNED])
    parts = [_scores(arms), _while_trained(arms), _forgotten(arms), _compared(arms, tuple(AGAINST))]
    parts.append("\n".join([_balance(arms), *_decisions(arms, tuple(AGAINST))]))
    if again := _arms([line for line in lines if line["seed"] not in PLANNED]):
        parts += ["**Asked again, of later seeds alone**", _scores(again), _while_trained(again)]
        parts += [_compared(again, AGAIN), "\n".join(_decisions(again, AGAIN))]
    return "\n\n".join(parts)


def _arms(lines: Sequence[Line]) -> Arms:
    found = {name: Seeds.of(lines, name) for name in SHARES}
    found |= {name: Seeds.of(lines, UNBALANCED, Arm(name, "leaky")) for name in SCHEDULES}
    return {name: own for name, own in found.items() if own.by_seed}


def _scores(arms: Arms) -> str:
    rows = []
    for name, own in arms.items():
        scores = [
            mean(own.mean(side(of))) for side in (before, after) for of in ("gold", "grounding", "text")
        ]
        rows.append([name, str(own.n), *scores, rate(own.hacked)])
    head = ["arm", "runs", "gold after SFT", "grounding", "text", "gold after RL", "grounding", "text"]
    return table([*head, "hacked runs"], rows)


def _while_trained(arms: Arms) -> str:
    """Return the steps at which levels were reached, and gold and loss at some steps, means over seeds."""
    asked = ("100", "200", "300", "400")
    rows = []
    for name, own in arms.items():
        reached = [_median_and_range(_reached(own, level)) for level in LEVELS]
        gold = [fmean(line["milestones"]["gold"][step] for line in own.lines) for step in asked]
        loss = [fmean(_loss(line, int(step)) for line in own.lines) for step in asked]
        shown = [f"{one:.2f}" for one in gold] + [f"{one:.3f}" for one in loss]
        rows.append([name, *reached, *shown])
    at = [f"{of} at {step}" for of in ("gold", "loss") for step in asked]
    return table(["arm", *LEVELS.values(), *at], rows)


def _loss(line: Line, step: int) -> float:
    return float(next(one["loss"] for one in line["losses"] if one["step"] == step))


def _reached(own: Seeds, level: str) -> list[float]:
    """Return the steps, infinite where it was never reached: later than all."""
    steps = [line["milestones"]["reached"][level] for line in own.lines]
    return [inf if step is None else step for step in steps]


def _median_and_range(steps: list[float]) -> str:
    middle, first, last = (_step(one) for one in (median(steps), min(steps), max(steps)))
    return f"{middle} ({first} to {last})"


def _step(step: float) -> str:
    return "never" if step == inf else f"{step:.0f}"


def _forgotten(arms: Arms) -> str:
    names = ("cka_tower", "cka_projector", "probe_base", "probe_as_is", "probe_refitted")
    rows = []
    for name, own in arms.items():
        kept = [mean(own.mean(lambda line, of=one: line["drift"][of])) for one in names]
        lost = own.mean(lambda line: before("gold")(line) - after("gold")(line), least=-1.0)
        rows.append([name, *kept, signed(lost)])
    head = ["arm", "CKA with the base, tower", "projector", "colours read from the base's tower"]
    return table([*head, "from this one's by the same probe", "by a new probe", "gold lost in RL"], rows)


def _compared(arms: Arms, names: Sequence[str]) -> str:
    """Return the comparisons of some arms, with Holm's correction over their tests of gold after SFT."""
    empty = Seeds({})
    sides = {name: (arms.get(name, empty), arms.get(AGAINST[name], empty)) for name in names}
    p_values = [p_value(*own.differing(other, before("gold"))) for own, other in sides.values()]
    figures = (before("gold"), before("text"), after("gold"), after("grounding"))
    rows = []
    for (name, (own, other)), p, adjusted in zip(sides.items(), p_values, holm(p_values), strict=True):
        pairs, found = own.also_in(other).n, [own.less(other, of) for of in figures]
        gold, *rest = ("" if one is None else signed(one.difference) for one in found)
        tested = [f"{p:.2g}", f"{adjusted:.2g}"] if pairs > 1 else ["", ""]
        rows.append([f"{name} less {AGAINST[name]}", str(pairs), gold, *tested, *rest])
    head = ["comparison", "pairs", "gold after SFT", "p", "p by Holm", "text after SFT", "gold after RL"]
    return table([*head, "grounding after RL"], rows)


def _balance(arms: Arms) -> str:
    """Say which text shares are within 5 points of the best."""
    if missing := [name for name in SHARES if name not in arms]:
        return f"- Balance: not decided, no runs of {', '.join(missing)}."
    gold, text = ({name: arms[name].mean(before(of)).value for name in SHARES} for of in ("gold", "text"))
    most = max(SHARES[name] for name in SHARES if gold[name] >= max(gold.values()) - NEAR - _TOLD)
    least = min(SHARES[name] for name in SHARES if text[name] >= max(text.values()) - NEAR - _TOLD)
    return (
        f"- Balance: the largest text share whose gold after SFT is within 5 points of the best is {most} %, "
        f"the smallest whose text is, {least} %."
    )


def _decisions(arms: Arms, names: Sequence[str]) -> list[str]:
    return [f"- {_decision(arms, name)}" for name in names]


def _decision(arms: Arms, name: str) -> str:
    """Say whether an arm is worth offering, by the rule that was fixed beforehand."""
    title = f"{name} against {AGAINST[name]}"
    own, other = (arms.get(one, Seeds({})) for one in (name, AGAINST[name]))
    gold, text = (own.less(other, before(of)) for of in ("gold", "text"))
    if gold is None or text is None or gold.difference.n < 2:
        return f"{title}: not decided, {own.also_in(other).n} pairs of runs."
    unmet = [_unmet_gain(gold.difference, text.difference)]
    if name != "rebalanced":
        unmet.append(_unmet_speed(own.also_in(other), other.also_in(own), gold.difference))
    pairs = f"({gold.difference.n} pairs)"
    if all(unmet):
        return f"{title}: offered: **no** {pairs}, because {'; nor for speed, because '.join(unmet)}."
    why = f"gold after SFT {signed(gold.difference)}, text {signed(text.difference)}"
    return f"{title}: offered: **yes** {pairs}, {'by its gain' if not unmet[0] else 'by its speed'}: {why}."


def _unmet_gain(gold: Measured, text: Measured) -> str:
    """Return what of the rule for a gain does not hold, nothing where all does."""
    unmet = []
    if gold.value < GAIN - _TOLD:
        unmet.append(f"gold after SFT differs by {signed(gold)} and 5 points more are asked")
    if gold.low <= 0:
        unmet.append("the interval of that difference is not above 0")
    if text.value < -LOSS - _TOLD:
        unmet.append(f"text differs by {signed(text)} and may fall by 2 points")
    return ", ".join(unmet)


def _unmet_speed(own: Seeds, other: Seeds, gold: Measured) -> str:
    """Return what of the rule for speed does not hold; no loss of gold is read as a mean not below 0."""
    sooner, later = (median(_reached(one, "90%")) for one in (own, other))
    unmet = []
    if sooner == inf or later - sooner < SOONER:
        unmet.append(
            f"0.9 of gold is reached at step {_step(sooner)} in the median, against {_step(later)}: "
            f"{SOONER} steps sooner are asked"
        )
    if gold.value < -_TOLD:
        unmet.append("gold is lost")
    return ", ".join(unmet)
