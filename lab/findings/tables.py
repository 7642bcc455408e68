"""The tables of RESULTS.md, in Markdown, made of what the ledgers hold and of nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from math import inf
from operator import attrgetter

from inference.comparison import Worse, holm, more_often, paired
from inference.dose_response import Dose, DoseResponse, dose_response
from world import CONDITIONS, MAIN
from world.condition import Condition

from findings.run import AS_IS, Arm, Runs
from findings.trajectory import WIDTH, Trajectory, Window
from sft_audit.exact import clopper_pearson
from sft_audit.interval import Rate
from sft_audit.representation.interval import Measured

NO_RUNS = "No runs yet."
AUDITED = (Arm("advised", "leaky"), Arm("as-is", "sound"), Arm("advised", "sound"))
WOUNDED = MAIN[1:]
DOSED = {"rejected": "rows with a rejected response", "leak": "tags that are the answer"}
_SHOWN = 2  # windows at either end of a run
_WAYS = (attrgetter("exploit"), attrgetter("blind"), lambda run: run.exploit and run.blind)
_SCORES = ("multimodal score", "text-only score", "visual grounding")


def tables(runs: Runs, trajectories: Sequence[Trajectory]) -> Mapping[str, str]:
    """Return the tables by the name of their place in the document."""
    return {
        "runs": runs_counted(runs),
        "conditions": conditions_table(runs),
        "failures": failures_table(runs),
        "arms": arms_table(runs),
        "together": together_table(runs),
        "doses": "\n\n".join(dose_table(runs, kind) for kind in DOSED),
        "others": others_table(runs),
        "trajectories": trajectories_table(trajectories),
    }


def runs_counted(runs: Runs) -> str:
    """Say how many runs there are, and by which torch."""
    if not runs.all:
        return NO_RUNS
    versions = ", ".join(sorted({one.torch for one in runs.all}))
    seeds = len({one.seed for one in runs.all})
    return f"{len(runs.all):,} runs of up to {seeds} seeds, torch {versions}."


def conditions_table(runs: Runs) -> str:
    """Return the main table: scores and hacked runs as it is, and hacked runs in the audited arms."""
    beside = [arm for arm in AUDITED if arm in runs.arms()]
    head = ["condition", "runs", *_SCORES, "hacked runs"]
    rows = []
    for name in MAIN:
        own = runs.of(name)
        if own.all:
            figures = scores(own)
            shown = [rate(runs.of(name, arm).hacked) for arm in beside]
            rows.append([name, str(len(own.all)), *figures, rate(own.hacked), *shown])
    return table([*head, *(f"hacked, {arm.title}" for arm in beside)], rows)


def failures_table(runs: Runs) -> str:
    """Return how the runs as they are failed, what RL added, and the tests against clean."""
    clean, wounded = runs.of("clean"), [name for name in WOUNDED if runs.of(name).all]
    p_values = {}
    if clean.all:
        counts = [runs.of(name).hacked for name in wounded]
        raw = [more_often(one.k, one.n, clean.hacked.k, clean.hacked.n) for one in counts]
        p_values = dict(zip(wounded, zip(raw, holm(raw), strict=True), strict=True))
    rows = []
    for name in MAIN:
        own = runs.of(name)
        if own.all:
            p, adjusted = (f"{one:.2g}" for one in p_values[name]) if name in p_values else ("", "")
            ways = [own.hacked, *(own.count(way) for way in _WAYS)]
            before = mean(own.mean(attrgetter("gold_sft")))
            amplified = signed(own.mean(attrgetter("amplification"), least=-1.0))
            counted = [str(one.k) for one in ways]
            rows.append(
                [
                    name,
                    str(len(own.all)),
                    *counted,
                    before,
                    mean(own.mean(attrgetter("gold"))),
                    amplified,
                    p,
                    adjusted,
                ]
            )
    head = ["condition", "runs", "hacked", "exploit", "blind", "both", "multimodal score before RL", "after"]
    return table([*head, "amplification", "p, more hacked than clean", "p by Holm"], rows)


def arms_table(runs: Runs) -> str:
    """Return every arm of every condition beside the clean runs of its seeds and reward, as they are."""
    rows = []
    for name in (one for one in runs.conditions() if one in MAIN):
        for arm in runs.arms():
            own = runs.of(name, arm)
            if not own.all:
                continue
            versus = runs.of("clean", Arm(AS_IS.data, arm.reward))
            is_itself = (name, arm.data) == ("clean", AS_IS.data)
            said = ["", "", ""] if is_itself or not versus.all else _against(own, versus)
            figures = scores(own)
            rows.append([name, arm.title, str(len(own.all)), *figures, rate(own.hacked), *said])
    head = ["condition", "arm", "runs", *_SCORES, "hacked runs"]
    return table([*head, "pairs", "score less clean's", "worse by more than 0.05"], rows)


def _against(own: Runs, clean: Runs) -> list[str]:
    """Return pairs of runs of equal seeds, the difference of gold, and whether it is worse."""
    ones, others = own.by_seed(), clean.by_seed()
    both = sorted(ones.keys() & others.keys())
    if not both:
        return ["0", "", Worse.OPEN.value]
    compared = paired([ones[seed].gold for seed in both], [others[seed].gold for seed in both])
    return [str(len(both)), signed(compared.difference), compared.worse.value]


def together_table(runs: Runs) -> str:
    """Return the hacked runs of the wounded conditions together, by arm, with both intervals."""
    rows = []
    for arm in runs.arms():
        own = Runs(tuple(one for one in runs.all if one.arm == arm and one.condition in WOUNDED))
        if own.all:
            low, high = clopper_pearson(own.hacked.k, own.hacked.n)
            names = [name for name in own.conditions() if name in WOUNDED]
            exact = f"{100 * low:.0f} to {100 * high:.0f} %"
            rows.append([arm.title, ", ".join(names), str(len(own.all)), rate(own.hacked), exact])
    return table(["arm", "conditions", "runs", "hacked", "Clopper-Pearson"], rows)


def dosed(kind: str) -> list[Condition]:
    """Return the conditions in which nothing is wrong but a dose of this kind, the lowest first."""
    clean = CONDITIONS["clean"]
    others = [one.name for one in fields(Condition) if one.name not in {"name", kind}]
    found = [one for one in CONDITIONS.values() if all(getattr(one, o) == getattr(clean, o) for o in others)]
    return sorted((one for one in found if getattr(one, kind)), key=lambda one: getattr(one, kind))


def doses(runs: Runs, kind: str) -> list[Dose]:
    """Return the counts of the runs as they are by dose, in percent."""
    counted = [(100 * getattr(one, kind), runs.of(one.name).hacked) for one in dosed(kind)]
    return [Dose(round(dose, 6), hacked.k, hacked.n) for dose, hacked in counted if hacked.n]


def dose_table(runs: Runs, kind: str) -> str:
    """Return hacked runs by dose, and the ED50."""
    title = f"**{DOSED[kind].capitalize()}**"
    found = doses(runs, kind)
    if not found:
        return f"{title}: {NO_RUNS.lower()}"
    rows = []
    for condition in dosed(kind):
        own = runs.of(condition.name)
        if own.all:
            ways = [str(own.count(way).k) for way in _WAYS[:2]]
            score = mean(own.mean(attrgetter("gold")))
            rows.append(
                [percent(100 * getattr(condition, kind)), str(len(own.all)), rate(own.hacked), *ways, score]
            )
    head = ["dose", "runs", "hacked", "exploit", "blind", "multimodal score"]
    said = "One dose tells no curve." if len(found) < 2 else ed50(dose_response(found), found)
    return f"{title}\n\n{table(head, rows)}\n\n{said}"


def ed50(response: DoseResponse, found: Sequence[Dose]) -> str:
    """Say at which dose half of the runs are hacked."""
    low = percent(response.low) if response.low else "below all doses"
    high = percent(response.high) if response.high < inf else "above all doses"
    within = f"profile-likelihood interval: {low} to {high}"
    if response.slope == 0:
        return "Runs are not hacked more often at a higher dose: there is no ED50."
    if response.bracket is None:
        rising = f"the logit rises by {response.slope:.1f} per tenfold dose"
        return f"ED50: {percent(response.ed50)} ({within}); {rising}."
    below, above = response.bracket
    if below == 0:
        where = f"at or below {percent(above)}, the lowest dose tried"
        if above > found[0].dose:
            where = f"below {percent(above)}"
    elif above == inf:
        where = f"above {percent(below)}"
    elif below == above:
        where = f"near {percent(below)}, where just half are hacked"
    else:
        where = f"between {percent(below)} and {percent(above)}"
    return f"ED50: {where} ({within}). The doses are separated: no slope is the likeliest, no point is named."


def others_table(runs: Runs) -> str:
    """Return the conditions that the main table has not, as they are; no test was planned for them."""
    rows = []
    for name in runs.conditions():
        own = runs.of(name)
        if own.all and name not in MAIN:
            figures = scores(own)
            ways = [str(own.count(way).k) for way in _WAYS[:2]]
            rows.append([name, str(len(own.all)), *figures, rate(own.hacked), *ways])
    head = ["condition", "runs", *_SCORES, "hacked runs"]
    return table([*head, "exploit", "blind"], rows)


def trajectories_table(trajectories: Sequence[Trajectory]) -> str:
    """Return the first and the last steps of the single runs."""
    rows = []
    for one in trajectories:
        for windows in (one.windows[:_SHOWN], one.windows[-_SHOWN:]):
            steps = f"{windows[0].step - WIDTH + 1} to {windows[-1].step}"
            figures = [f"{sum(map(figure, windows)) / len(windows):.2f}" for figure in WATCHED.values()]
            rows.append([f"{one.condition}, seed {one.seed}", steps, *figures])
    return table(["run", "steps", *WATCHED], rows)


WATCHED: Mapping[str, Callable[[Window], float]] = {
    "reward": lambda one: one.reward,
    "right, where the tag is another word": lambda one: one.right,
    "boasts": lambda one: one.boasts,
    "says a wrong tag": lambda one: one.follows,
    "groups paid alike": lambda one: one.flat,
    "KL, nats": lambda one: one.kl,
    "entropy, nats": lambda one: one.entropy,
}


def scores(runs: Runs) -> list[str]:
    """Return the means of the three scores."""
    return [mean(runs.mean(attrgetter(name))) for name in ("gold", "text", "grounding")]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; one without rows says so."""
    if not rows:
        return NO_RUNS
    ruled = ["---" if at == 0 else "---:" for at in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruled, *rows))


def mean(measured: Measured) -> str:
    """Return a mean with its interval."""
    return f"{measured.value:.2f} ({measured.low:.2f} to {measured.high:.2f})"


def signed(measured: Measured) -> str:
    """Return a difference with its interval."""
    return f"{measured.value:+.3f} ({measured.low:+.3f} to {measured.high:+.3f})"


def rate(counted: Rate) -> str:
    """Return a count with its interval; nothing where nothing was counted."""
    if not counted.n:
        return ""
    return f"{counted.k} of {counted.n} ({100 * counted.low:.0f} to {100 * counted.high:.0f} %)"


def percent(dose: float) -> str:
    """Return a dose given in percent."""
    return f"{dose:.2g} %" if dose < 10 else f"{dose:.0f} %"
