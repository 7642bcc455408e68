"""What the run's rewards reinforced beyond being right: found, and traced to the reward and the SFT rows."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from sft_audit.config import RunConfig
from sft_audit.contrast.feature import ASKED_FORMS, Feature, find_features
from sft_audit.contrast.hole import Hole, asked_hole, logged_holes
from sft_audit.contrast.observed import PAID, RIGHT, UNREAD, WRONG, Observed, read_observed
from sft_audit.contrast.search import Found, find_paid
from sft_audit.contrast.sighting import Trend, first_seen, trend
from sft_audit.contrast.stated_answer import FEWEST, Stated, find_stated
from sft_audit.contrast.taught import find_taught, traceable
from sft_audit.interval import Rate
from sft_audit.record import Recording, table_recorder
from sft_audit.rewards.process import Limits, RewardProcess
from sft_audit.store import Store
from sft_audit.tables import Table, table

REINFORCED = table(
    "reinforced",
    "one behaviour that completions of the run were paid for beyond others that should be paid alike",
    """
    behaviour INTEGER number of the behaviour, in the order of finding
    kind VARCHAR words, answer, cue, usual, form or length; leak: the answer is taken from the prompt's text
    feature VARCHAR the words, the answer, the cue or the form
    among VARCHAR the completions that were compared: wrong, right, or all where none can be read
    says VARCHAR what completions that show it do
    effect DOUBLE advantage of completions with it less that of others of their group and reading
    low DOUBLE lower end of its 95 % interval, clustered by prompt
    high DOUBLE upper end
    q DOUBLE false discovery rate at which it is confirmed, on prompts that did not choose it
    prompts BIGINT prompts that tell of the contrast
    share_first DOUBLE share of completions that show it over the first tenth of the steps
    share_last DOUBLE share over the last tenth
    change DOUBLE the difference
    change_low DOUBLE lower end of its 95 % interval
    change_high DOUBLE upper end
    seen BIGINT the first step after which it, or the monitor's alarm, could be seen; null where it could not
    steps_after BIGINT steps of the run after that
    gpu_hours DOUBLE GPU-hours spent after that; null where no time of steps is logged
    named BOOLEAN whether it is named as what went wrong
    why VARCHAR why it is not named; empty where it is
    hole VARCHAR what in the reward paid for it, in words
    sft_rows BIGINT SFT rows that show it; null where no audit of SFT data is given or no row can show it
    sft_looked BIGINT SFT rows that were looked at
    """,
)
HOLES = table(
    "reward_holes",
    "what one reward function pays completions with a behaviour beyond those without it",
    """
    behaviour INTEGER the behaviour
    told_by VARCHAR log: what was logged; asked: the function itself
    name VARCHAR the function
    value DOUBLE the difference: of what was logged, or of the shares paid
    low DOUBLE lower end of its 95 % interval
    high DOUBLE upper end
    paid_with BIGINT asked: wrong completions with it that were paid
    n_with BIGINT asked: of so many
    paid_without BIGINT asked: wrong completions without it that were paid
    n_without BIGINT asked: of so many
    """,
)
ROWS = table(
    "taught_rows",
    "one row of the SFT data that shows a behaviour",
    """
    behaviour INTEGER the behaviour
    file VARCHAR the file of the SFT data
    position BIGINT 1-based row of that file
    id VARCHAR the row's own id, if it has one
    answer VARCHAR its answer, cut
    """,
)
EXAMPLES = table(
    "reinforced_examples",
    "one completion that shows a behaviour and was paid for it",
    """
    behaviour INTEGER the behaviour
    step BIGINT its step
    prompt VARCHAR its prompt
    completion VARCHAR the completion
    reward DOUBLE what it was paid
    reading VARCHAR right, wrong or unread
    """,
)
_READINGS = {RIGHT: "right", WRONG: "wrong", UNREAD: "unread"}
_EXAMPLES = 3
_FEWEST_READ = 0.1  # share of completions that must be read, else nothing is adjusted
_STATED_P, _STATED_SHARE = 0.01, 0.05
_PARTS = """
    select rollout, name, value
    from reward_parts
    where abs(value) < 1e150
    order by name, rollout
"""
# A trainer that logs every so many steps logs the mean time of these.
_TIMES = """
    select step, arg_max(value, rowid)
    from steps
    where metric = 'step_time' and isfinite(value)
    group by step
"""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour before it is traced to SFT rows; `shown` says which completions show it."""

    feature: Feature
    leak: bool
    among: str
    says: str
    effect: tuple[float, float, float]
    q: float
    prompts: int
    trend: Trend
    seen: int | None
    why: str
    shown: Any
    hole: str = ""
    holes: tuple[Hole, ...] = ()


@table_recorder(
    fills=(REINFORCED, HOLES, ROWS, EXAMPLES),
    needs=("episodes", "rollouts", "reward_parts", "answers", "steps", "alarms"),
    cost="model",
    requires="explain",
)
def reinforced(recording: Recording) -> None:
    """Search the run for what was paid beyond being right, and trace it."""
    config, store = recording.config, recording.store
    if not isinstance(config, RunConfig):
        raise TypeError("a run is explained under a RunConfig")
    if not store.value(f"select count(*) from episodes where {PAID}"):
        return
    observed = read_observed(store)
    found = _found(observed)
    found = [_with_alarm(store, one) for one in _with_holes(recording, config, observed, found)]
    _store(store, config, observed, found)


def _with_alarm(store: Store, one: Behaviour) -> Behaviour:
    """Return a named behaviour as seen at the monitor's first alarm, where that came before."""
    alarm = store.value("select min(step) from alarms where grade = 'alarm'")
    if one.why or alarm is None:
        return one
    return replace(one, seen=alarm if one.seen is None else min(one.seen, alarm))


def _found(observed: Observed) -> list[Behaviour]:
    """Return what was paid for: the leak, then what wrong completions were, then what right ones were."""
    features = find_features(observed)
    found = list[Behaviour]()
    stated = find_stated(observed)
    if stated is not None:
        found.append(_leak(stated))
    read = observed.reading != UNREAD
    if read.mean() < _FEWEST_READ:
        among = {"all": ~read}
    else:
        among = {"wrong": observed.reading == WRONG, "right": observed.reading == RIGHT}
    for name, kept in among.items():
        of_kept = observed.only(kept)
        for one in find_paid(observed, features, kept):
            seen = first_seen(of_kept, one.shown[kept], one.strata, one.tried)
            found.append(_paid(one, name, trend(observed, one.shown), seen))
    return found


def _paid(one: Found, among: str, gone: Trend, seen: int | None) -> Behaviour:
    why = ""
    if among == "right":
        why = "wrong answers are not paid for it: it may be a form that the reward asks for"
    elif among == "all":
        why = "no answer can be read, so that it may be what right answers have in common"
    elif one.feature.kind == "form" and one.feature.text in ASKED_FORMS:
        why = "a form that reward functions ask for"
    elif gone.fades:
        why = "it became rarer in the run"
    told = one.contrast
    effect = (told.value, told.low, told.high)
    says = one.feature.plainly
    return Behaviour(
        one.feature, False, among, says, effect, one.q, told.clusters, gone, seen, why, one.shown
    )


def _leak(stated: Stated) -> Behaviour:
    """Return the answers that are taken from the prompts' text, and whether that is what is paid."""
    why, gap = "", stated.gap
    if stated.p >= _STATED_P or stated.stating < max(FEWEST, _STATED_SHARE * stated.prompts):
        why = "known answers stand in prompts no more than chance has it"
    elif Rate(stated.stating, stated.told).low <= 1 / 2:
        why = "what follows the cue is as often another answer"
    elif stated.paid.low <= 0 or stated.paid.p >= _STATED_P:
        why = "completions that repeat it are not paid more"
    elif gap is not None and gap[1] <= 0:
        why = "answers with it are right no more often than without it"
    elif stated.trend.fades:
        why = "it became rarer in the run"
    feature = Feature("cue", stated.cue)
    hole = (
        f"the known answers of {stated.stating:,} of {stated.prompts:,} prompts stand in their text after "
        f"{stated.cue!r}; {stated.by_chance:.0f} would by chance (permutation p = {stated.p:.2g})"
    )
    if gap is not None:
        hole += f"; with it {gap[0]:+.0%} are right (95 % interval {gap[1]:+.0%} to {gap[2]:+.0%})"
    told = stated.paid
    effect = (told.value, told.low, told.high)
    says = feature.plainly
    return Behaviour(
        feature,
        True,
        "all",
        says,
        effect,
        told.p,
        told.clusters,
        stated.trend,
        stated.seen,
        why,
        stated.repeated,
        hole,
    )


def _with_holes(
    recording: Recording, config: RunConfig, observed: Observed, found: Sequence[Behaviour]
) -> list[Behaviour]:
    """Return the behaviours with what paid for them; the reward function is started where it is asked."""
    import numpy as np

    parts = _parts(recording.store, observed)
    strata = observed.group * 3 + observed.reading + 1
    traced = []
    with ExitStack() as stack:
        process = None
        if config.reward and any(not one.why and not one.leak for one in found):
            limits = Limits(seconds=config.seconds)
            log = recording.store.folder / "reward.log"
            process = stack.enter_context(RewardProcess(config.reward, config.trainer, limits, log))
        for one in found:
            if one.leak:
                traced.append(one)
                continue
            reading = {"wrong": WRONG, "right": RIGHT, "all": UNREAD}[one.among]
            kept = observed.reading == reading
            values = {name: column[kept] for name, column in parts.items()}
            holes = logged_holes(observed.only(kept), one.shown[kept], strata[kept], values)
            if process is not None and config.reward and not one.why:
                name = config.reward.rpartition(":")[2]
                asked = asked_hole(process, name, observed, one.feature, np.asarray(one.shown))
                holes += [asked] if asked else []
            said = "; ".join(hole.plainly for hole in holes)
            traced.append(replace(one, holes=tuple(holes), hole=said, why=one.why or _disproved(holes)))
    return traced


def _disproved(holes: Sequence[Hole]) -> str:
    """Return why what the function pays when it is asked speaks against a behaviour; empty where it does not.

    A function that pays neither with it nor without it is not the one that paid in the run.
    """
    asked = next((one for one in holes if one.told_by == "asked"), None)
    if asked is None or asked.low > 0 or not asked.paid_without:
        return ""
    return "asked, the reward function pays as much without it"


def _parts(store: Store, observed: Observed) -> Mapping[str, Any]:
    """Return what each reward function paid each completion; the whole reward where no parts are logged."""
    import numpy as np

    place = {int(rollout): at for at, rollout in enumerate(observed.rollout)}
    parts: dict[str, Any] = {}
    for batch in store.batches(_PARTS, 65_536):
        columns = (batch[name].to_pylist() for name in ("rollout", "name", "value"))
        for rollout, name, value in zip(*columns, strict=True):
            if rollout in place:
                column = parts.setdefault(name, np.full(len(observed), np.nan))
                column[place[rollout]] = value
    return parts or {"the reward": observed.reward}


def _store(store: Store, config: RunConfig, observed: Observed, found: Sequence[Behaviour]) -> None:
    import pyarrow as pa

    seconds = dict(store.rows(_TIMES))
    last = max([store.value("select max(step) from episodes"), *seconds])
    taught = None
    if config.sft_audit is not None:
        sought = [(number, one.feature) for number, one in enumerate(found, 1) if not one.why]
        taught = find_taught(config.sft_audit, sought)

    def insert(into: Table, rows: list[dict[str, Any]]) -> None:
        store.insert(into.name, pa.Table.from_pylist(rows, schema=into.arrow_schema()))

    rows = []
    for number, one in enumerate(found, 1):
        row = _row(number, one, last)
        if one.seen is not None and seconds:
            row["gpu_hours"] = seconds_after(seconds, one.seen) * config.gpus / 3600
        if taught is not None and not one.why and traceable(one.feature):
            row["sft_rows"] = sum(each.behaviour == number for each in taught.rows)
            row["sft_looked"] = taught.looked
        rows.append(row)
        insert(HOLES, [{"behaviour": number, **asdict(hole)} for hole in one.holes])
        insert(EXAMPLES, _examples(number, one, observed))
    insert(REINFORCED, rows)
    if taught is not None:
        insert(ROWS, [asdict(one) for one in taught.rows])


def seconds_after(seconds: Mapping[int, float], seen: int) -> float:
    """Return the seconds of the steps after one, each of the mean time that was logged next."""
    after, before = 0.0, seen
    for step in sorted(one for one in seconds if one > seen):
        after += seconds[step] * (step - before)
        before = step
    return after


def _row(number: int, one: Behaviour, last: int) -> dict[str, Any]:
    return {
        "behaviour": number,
        "kind": "leak" if one.leak else one.feature.kind,
        "feature": one.feature.text,
        "among": one.among,
        "says": one.says,
        "effect": one.effect[0],
        "low": one.effect[1],
        "high": one.effect[2],
        "q": one.q,
        "prompts": one.prompts,
        "share_first": one.trend.first,
        "share_last": one.trend.last,
        "change": one.trend.change,
        "change_low": one.trend.low,
        "change_high": one.trend.high,
        "seen": one.seen,
        "steps_after": None if one.seen is None else last - one.seen,
        "named": not one.why,
        "why": one.why,
        "hole": one.hole,
    }


def _examples(number: int, one: Behaviour, observed: Observed) -> list[dict[str, Any]]:
    """Return completions that show it and were paid above their group, wrong ones first, different ones."""
    import numpy as np

    at = np.flatnonzero(one.shown & (observed.advantage > 0))
    if one.among == "wrong":
        at = at[observed.reading[at] == WRONG]
    chosen: dict[str, int] = {}
    for i in at:
        chosen.setdefault(observed.texts[i], int(i))
        if len(chosen) == _EXAMPLES:
            break
    return [
        {
            "behaviour": number,
            "step": int(observed.step[i]),
            "prompt": observed.prompts[i],
            "completion": text,
            "reward": float(observed.reward[i]),
            "reading": _READINGS[int(observed.reading[i])],
        }
        for text, i in chosen.items()
    ]
