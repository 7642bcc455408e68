"""The tables of RESULTS.md, in Markdown, made of what the ledgers hold and of nothing else."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

from inference.comparison import holm, more_often, more_often_by_seed
from world import MAIN

from findings.arms import arms_table, asked, together_table
from findings.doses import DOSED, dose_table
from findings.markdown import NO_RUNS, mean, rate, signed, table
from findings.run import AS_IS, SCORES, WAYS, WOUNDED, Arm, Runs, scores
from findings.trajectory import WIDTH, Trajectory, Window

AUDITED = (Arm("advised", "leaky"), Arm("as-is", "sound"), Arm("advised", "sound"))
PLANNED, PLANNED_AUDITED = 20, 10  # seeds
_SHOWN = 2  # windows at either end of a run
SAME = "†"  # a run that stands in a column before


def tables(runs: Runs, trajectories: Sequence[Trajectory]) -> Mapping[str, str]:
    """Return the tables by the name of their place in the document."""
    return {
        "runs": runs_counted(runs),
        "conditions": conditions_table(runs),
        "failures": failures_table(runs),
        "before": before_table(runs),
        "tests": tests_table(runs),
        "arms": arms_table(runs),
        "together": together_table(runs),
        "asked": asked(runs),
        "doses": "\n\n".join(dose_table(runs, kind) for kind in DOSED),
        "others": others_table(runs),
        "trajectories": trajectories_table(trajectories),
    }


def runs_counted(runs: Runs) -> str:
    """Say how many runs there are, of how many seeds, which are one and the same, and by which torch."""
    if not runs.all:
        return NO_RUNS
    versions = ", ".join(sorted({one.torch for one in runs.all}))
    again = runs.repeated
    copied = sum(one.copied for one in runs.all if one.key in again)
    audited = Runs(tuple(one for one in runs.all if one.arm.data != AS_IS.data))
    seeds = _seeds(runs, PLANNED)
    if audited.all:
        seeds += f" (audited arms: {_seeds(audited, PLANNED_AUDITED)})"
    return (
        f"{len(runs.all):,} runs of up to {seeds}, torch {versions}. {len(again)} of them are the same run "
        f"under another name: {copied} copied, since the audit left the rows as they came, and "
        f"{len(again) - copied} that ended the same, to the last digit, under either reward. Different runs: "
        f"{len(runs.all) - len(again):,}."
    )


def _seeds(runs: Runs, planned: int) -> str:
    found = len({one.seed for one in runs.all})
    return f"{found} of {planned} planned seeds" if found < planned else f"{found} seeds"


def conditions_table(runs: Runs) -> str:
    """Return the main table: scores and hacked runs as it is, and hacked runs in the audited arms."""
    beside = [arm for arm in AUDITED if arm in runs.arms()]
    again = runs.repeated
    rows = []
    for name in MAIN:
        own = runs.of(name)
        if own.all:
            shown = [_beside(runs.of(name, arm), again) for arm in beside]
            rows.append([name, str(len(own.all)), *scores(own), rate(own.hacked), *shown])
    head = ["condition", "runs", *SCORES, "hacked runs"]
    return table([*head, *(f"hacked, {arm.title}" for arm in beside)], rows)


def _beside(own: Runs, again: frozenset[str]) -> str:
    same = own.among(again)
    return rate(own.hacked) + (f", {SAME} {same}" if same else "")


def failures_table(runs: Runs) -> str:
    """Return how the runs as they are failed, and which of them were hacked runs before RL."""
    rows = []
    for name in MAIN:
        own = runs.of(name)
        if own.all:
            ways = (
                lambda one: one.hacked_before,
                lambda one: one.hacked and not one.hacked_before,
                lambda one: one.hacked_before and not one.hacked,
                lambda one: one.hacked,
                lambda one: one.exploit_before,
                lambda one: one.exploit,
                lambda one: one.blind_before,
                lambda one: one.blind,
                lambda one: one.exploit and one.blind,
            )
            rows.append([name, str(len(own.all)), *(str(own.count(way).k) for way in ways)])
    head = ["condition", "runs", "hacked before RL", "became hacked", "ceased to be", "hacked after RL"]
    head += ["exploit before", "exploit after", "blind before", "blind after", "both after"]
    return table(head, rows)


def before_table(runs: Runs) -> str:
    """Return the score before RL and after, what RL added, and what is right without the image."""
    rows = []
    for name in MAIN:
        own = runs.of(name)
        if own.all:
            figures = [mean(own.mean(attrgetter(one))) for one in ("start.gold", "end.gold")]
            added = signed(own.mean(attrgetter("amplification"), least=-1.0))
            rows.append([name, str(len(own.all)), *figures, added, mean(own.mean(attrgetter("unseen")))])
    head = ["condition", "runs", "multimodal score before RL", "after", "amplification"]
    return table([*head, "right with another's image, over with its own"], rows)


def tests_table(runs: Runs) -> str:
    """Return the tests of hacked runs against clean: the planned one, and the one that pairs by seed."""
    clean = runs.of("clean")
    wounded = [name for name in WOUNDED if runs.of(name).all] if clean.all else []
    counts = [runs.of(name).hacked for name in wounded]
    planned = [more_often(one.k, one.n, clean.hacked.k, clean.hacked.n) for one in counts]
    alone = [_alone(runs.of(name), clean) for name in wounded]
    by_seed = [more_often_by_seed(here, there) for _, here, there in alone]
    adjusted = [holm(some, len(WOUNDED)) for some in (planned, by_seed)]
    rows = []
    for at, name in enumerate(wounded):
        p_values = [f"{one[at]:.2g}" for one in (planned, adjusted[0], by_seed, adjusted[1])]
        rows.append([name, *p_values[:2], *map(str, alone[at]), *p_values[2:]])
    head = ["condition", "p, Fisher", "by Holm", "pairs", "hacked here alone", "hacked in clean alone"]
    return table([*head, "p, McNemar", "by Holm"], rows)


def _alone(own: Runs, clean: Runs) -> tuple[int, int, int]:
    """Return the seeds that both have, and those in which one of both is hacked alone."""
    ones, others = own.by_seed(), clean.by_seed()
    pairs = [(ones[seed].hacked, others[seed].hacked) for seed in ones.keys() & others.keys()]
    return len(pairs), sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)


def others_table(runs: Runs) -> str:
    """Return the conditions that the main table has not, as they are; no test was planned for them."""
    rows = []
    for name in runs.conditions():
        own = runs.of(name)
        if own.all and name not in MAIN:
            figures = scores(own)
            ways = [str(own.count(way).k) for way in WAYS]
            rows.append([name, str(len(own.all)), *figures, rate(own.hacked), *ways])
    head = ["condition", "runs", *SCORES, "hacked runs"]
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
