"""The completions of a run in columns: what was paid, what was said, and which were sampled together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sft_audit.contrast.token import places, tokens
from sft_audit.rewards.signatures import NEVER_RIGHT
from sft_audit.rewards.trial import known_answer
from sft_audit.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

MOST = 20_000  # completions looked at; of longer runs whole groups are drawn evenly
RIGHT, WRONG, UNREAD = 1, 0, -1
_KINDS = 4
# Of a reward beyond it neither sums nor squares are numbers; it is none.
PAID = "abs(episodes.reward) < 1e150"
_DIGIT = re.compile(r"\d")
_asked = lru_cache(maxsize=4096)(known_answer)
# A prompt is the data set's sample. Where none is known it is its text and known answer, unless these stand
# in several groups of one step: then texts do not tell prompts apart, and every group is one. A trainer that
# takes several updates from one generation may log it at each: groups of different steps that say and are
# paid the same, in the same order, are one. Groups of few different completions are alike by chance.
_ROWS = f"""
    with paid as (
        select
            episodes.rollout,
            episodes.step,
            episodes.group_no,
            episodes.reward,
            episodes.reading,
            episodes.exploits,
            episodes.answer,
            episodes.words,
            episodes.completion,
            rollouts.prompt,
            rollouts.sample_id,
            coalesce(answers.answer, rollouts.gold) as gold
        from episodes
        join rollouts using (rollout)
        left join answers using (sample_id, turn)
        where {PAID}
    ), asked as (
        select prompt, gold, max(n) as n
        from (
            select prompt, gold, step, count(distinct group_no) as n
            from paid
            group by prompt, gold, step
        )
        group by prompt, gold
    ), said as (
        select
            group_no,
            min(step) as begun,
            count(distinct concat_ws(chr(0), completion, reward)) as kinds,
            string_agg(concat_ws(chr(0), prompt, gold, completion, reward), chr(1) order by rollout) as said
        from paid
        group by group_no
    ), once as (
        select
            group_no,
            if(
                kinds < {_KINDS},
                group_no::varchar,
                md5(said) || ' ' || row_number() over (partition by begun, said order by group_no)
            ) as content
        from said
    ), numbered as (
        select *, dense_rank() over (order by group_no) - 1 as place
        from paid
        join (select count(distinct group_no) as groups, count(*) as completions from paid) on true
    )
    select
        numbered.* exclude (place, groups, completions),
        case
            when sample_id is not null then 's' || sample_id
            when asked.n > 1 then 'g' || once.content
            else 'p' || numbered.prompt || chr(0) || coalesce(numbered.gold, '')
        end as unit
    from numbered
    join once using (group_no)
    left join asked
        on asked.prompt is not distinct from numbered.prompt and asked.gold is not distinct from numbered.gold
    where completions <= $most
        or floor((place + 1) * ($most / completions)) > floor(place * ($most / completions))
    order by rollout
"""


@dataclass(frozen=True, slots=True)
class Observed:
    """Completions in columns, each of shape (n,); `group` and `unit` (the prompt) count from 0.

    `reading` is 1 where a completion is right, 0 where wrong, -1 where that cannot be told. `sampled` is
    how many completions of the run were paid, of which these may be a draw.
    """

    rollout: "Ints"
    step: "Ints"
    group: "Ints"
    unit: "Ints"
    reward: "Floats"
    advantage: "Floats"
    reading: "Ints"
    words: "Ints"
    texts: tuple[str, ...]
    answers: tuple[str, ...]
    prompts: tuple[str, ...]
    golds: tuple[str | None, ...]
    sampled: int

    def __len__(self) -> int:
        return len(self.texts)

    def only(self, kept: "Array") -> "Observed":
        """Return those of a mask, groups and prompts numbered as before."""
        import numpy as np

        at = np.flatnonzero(kept)
        columns = ("rollout", "step", "group", "unit", "reward", "advantage", "reading", "words")
        texts = ("texts", "answers", "prompts", "golds")
        chosen: dict[str, Any] = {name: getattr(self, name)[at] for name in columns}
        chosen |= {name: tuple(getattr(self, name)[i] for i in at) for name in texts}
        return replace(self, **chosen)


def read_observed(store: Store, most: int = MOST) -> Observed:
    """Return the run's paid completions, from the tables `episodes` and `rollouts`; of many, a draw."""
    import numpy as np

    rows = store.arrow(_ROWS, {"most": most}).to_pydict()
    known = _known_answers(rows["gold"])
    codes = {"right": RIGHT, "wrong": WRONG}
    told = zip(*(rows[name] for name in ("reading", "exploits", "completion", "prompt", "gold")), strict=True)
    reading = [
        codes[one] if one in codes else _leniently(text, prompt, gold, exploits.split(), known)
        for one, exploits, text, prompt, gold in told
    ]
    reward, group = np.array(rows["reward"], dtype=np.float64), _numbered(rows["group_no"])
    return Observed(
        rollout=np.array(rows["rollout"], dtype=np.int64),
        step=np.array(rows["step"], dtype=np.int64),
        group=group,
        unit=_numbered(rows["unit"]),
        reward=reward,
        advantage=advantages(reward, group),
        reading=np.array(reading, dtype=np.int64),
        words=np.array(rows["words"], dtype=np.int64),
        texts=tuple(rows["completion"]),
        answers=tuple(rows["answer"]),
        prompts=tuple(rows["prompt"]),
        golds=tuple(rows["gold"]),
        sampled=store.value(f"select count(*) from episodes where {PAID}"),
    )


def advantages(reward: "Floats", group: "Ints") -> "Floats":
    """Return the rewards less their group's mean, over the group's standard deviation; 0 where that is 0."""
    import numpy as np

    n = np.maximum(np.bincount(group), 1)
    centred = reward - (np.bincount(group, reward) / n)[group]
    spread = np.sqrt(np.bincount(group, centred**2) / n)
    # Rewards that differ by rounding alone are equal.
    told = spread > 1e-9 * (1 + np.abs(reward).max(initial=0))
    return np.where(told[group], centred / np.where(told, spread, 1)[group], 0.0)


def _numbered(names: list[Any]) -> "Ints":
    import numpy as np

    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


_MOST_KNOWN = 200  # different known answers beyond which a text is not searched for all of them
_PLAIN = frozenset({"colour", "count", "number"})  # kinds whose answers are always said in words of their own


def _known_answers(golds: list[str | None]) -> tuple[tuple[str, ...], ...]:
    """Return the run's known answers in tokens, where they are few and none is a letter; else none."""
    found = {tokens(gold) for gold in golds if gold}
    letters = any(len(one) == 1 and len(one[0]) == 1 and one[0].isalpha() for one in found)
    return tuple(sorted(found)) if 1 < len(found) <= _MOST_KNOWN and not letters else ()


def _leniently(
    text: str,
    prompt: str,
    gold: str | None,
    exploits: Sequence[str],
    known: tuple[tuple[str, ...], ...],
) -> int:
    """Return the reading of a text that no strict reading reads: of the one known answer that stands in it.

    One that holds no answer at all is wrong.
    """
    if not gold:
        return UNREAD
    words = tokens(text)
    said = {one for one in known if places(words, one)}
    if len(said) == 1:
        return RIGHT if tokens(gold) in said else WRONG
    if said or not known:
        return WRONG if NEVER_RIGHT.intersection(exploits) else UNREAD
    answerless = not _DIGIT.search(text) and _asked(prompt, gold).kind in _PLAIN
    return WRONG if answerless or NEVER_RIGHT.intersection(exploits) else UNREAD
