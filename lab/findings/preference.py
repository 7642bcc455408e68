"""What the runs of 004 tell: does what is wrong with the SFT data come back in DPO?"""

from pathlib import Path

from inference.comparison import holm, more_often
from world import MAIN

from findings.markdown import NO_RUNS, mean, rate, signed, table
from findings.run import Arm
from findings.seeds import Seeds, after, before, read_lines, spread

DPO = Arm("as-is", "dpo")
BOASTING = "rejected-5"


def result(ledger: Path) -> str:
    """Return the tables, and what the outcome that was named beforehand came to."""
    lines = read_lines(ledger)
    if not lines:
        return NO_RUNS
    runs = {name: Seeds.of(lines, name, DPO) for name in MAIN}
    there = {name: own for name, own in runs.items() if own.by_seed}
    return "\n\n".join([_hacked(there), _pairs(there), _amplified(runs[BOASTING])])


def _hacked(runs: dict[str, Seeds]) -> str:
    wounded = [name for name in runs if name != "clean"]
    raw, clean = [], runs.get("clean")
    if clean:
        counts = [runs[name].hacked for name in wounded]
        raw = [more_often(one.k, one.n, clean.hacked.k, clean.hacked.n) for one in counts]
    untested = [1.0] * (len(MAIN) - 1 - len(raw))
    tested = dict(zip(wounded, zip(raw, holm(raw + untested), strict=False), strict=False))
    rows = []
    for name, own in runs.items():
        scores = [mean(own.mean(side(of))) for of in ("gold", "grounding") for side in (before, after)]
        p_values = [f"{one:.2g}" for one in tested.get(name, ())] or ["", ""]
        rows.append([name, str(own.n), *scores, rate(own.hacked), *p_values])
    head = ["condition", "runs", "gold before DPO", "after", "grounding before", "after", "hacked runs"]
    return table([*head, "p, more hacked than clean", "p by Holm over five"], rows)


def _pairs(runs: dict[str, Seeds]) -> str:
    rows = []
    for name, own in runs.items():
        counted = [line["pairs"] for line in own.lines]
        pairs = [spread([one[of] for one in counted]) for of in ("pairs", "chosen_boasts", "rejected_boasts")]
        boasts = [mean(own.mean(side("exploit"))) for side in (before, after)]
        rows.append([name, *pairs, *boasts])
    head = ["condition", "pairs a run (range)", "chosen boasts", "rejected boasts"]
    return table([*head, "share of boasts before DPO", "after"], rows)


def _amplified(own: Seeds) -> str:
    """Say whether the share of boasts fell, which would have refuted that DPO amplifies."""
    if not own.by_seed:
        return f"*{BOASTING}* has no runs yet: nothing is refuted or borne out."
    grown = Seeds.mean(own, lambda line: after("exploit")(line) - before("exploit")(line), least=-1.0)
    fell = sum(after("exploit")(line) < before("exploit")(line) for line in own.lines)
    verdict = "refuted" if grown.value < 0 else "not refuted"
    return (
        f"The claim that DPO amplifies as GRPO does: **{verdict}**. In *{BOASTING}* the share of boasts "
        f"changes by {signed(grown)}; it falls in {fell} of {grown.n} runs."
    )
