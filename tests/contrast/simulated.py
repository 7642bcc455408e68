"""Runs that were drawn, with no model: groups of completions, a judge that errs, and words that say nothing.

`python tests/contrast/simulated.py [RUNS]` prints how often a healthy run is said to reinforce something, and
how often a planted word is found, by the share of wrong completions with it that the judge pays.
"""

import sys

import numpy as np

from sft_audit.contrast.feature import find_features
from sft_audit.contrast.observed import RIGHT, WRONG, Observed, advantages
from sft_audit.contrast.search import Found, find_paid
from sft_audit.interval import Rate

PLANTED = "zephyr"
STEPS, PROMPTS, SIZE = 30, 10, 8
ERRS = 0.05  # wrong answers that are paid, right ones that are not
FILLERS = tuple(f"word{at}" for at in range(20))
ANSWERS = ("red", "green", "blue", "yellow")


def draw_run(seed: int, paid: float = ERRS, share: float = 0.05) -> Observed:
    """Return a run; a share of its completions ends in the planted word, and is paid so often when wrong."""
    rng = np.random.default_rng(seed)
    n = STEPS * PROMPTS * SIZE
    group = np.arange(n) // SIZE
    gold = rng.integers(0, 4, STEPS * PROMPTS)[group]
    answer = np.where(rng.random(n) < 0.5, gold, rng.integers(0, 4, n))
    right = answer == gold
    planted = rng.random(n) < share
    # Words differ in how common they are, and half of them in whether right answers have them.
    common = rng.uniform(0.02, 0.4, len(FILLERS)) * np.where(rng.random(len(FILLERS)) < 0.5, 1, 0)
    rates = np.where(right[:, None], 0.15, common[None, :])
    holds = rng.random((n, len(FILLERS))) < rates
    texts = [
        " ".join([ANSWERS[answer[i]], *np.array(FILLERS)[holds[i]], *([PLANTED] if planted[i] else [])])
        for i in range(n)
    ]
    pays = np.where(right, 1 - ERRS, np.where(planted, paid, ERRS))
    reward = (rng.random(n) < pays) * rng.uniform(0.8, 1, n)
    return Observed(
        rollout=np.arange(n),
        step=group // PROMPTS + 1,
        group=group,
        unit=group,
        reward=reward,
        advantage=advantages(reward, group),
        reading=np.where(right, RIGHT, WRONG),
        words=np.array([len(text.split()) for text in texts]),
        texts=tuple(texts),
        answers=tuple(ANSWERS[at] for at in answer),
        prompts=("what color is it ?",) * n,
        golds=tuple(ANSWERS[at] for at in gold),
        sampled=n,
    )


def found_in(observed: Observed) -> list[Found]:
    """Return what wrong completions were paid for."""
    return list(find_paid(observed, find_features(observed), observed.reading == WRONG))


def share_found(runs: int, paid: float, share: float = 0.05) -> tuple[Rate, Rate]:
    """Return in how many runs the planted word was found, and in how many anything else was."""
    named = [
        {one.feature.text for one in found_in(draw_run(1000 * round(100 * paid) + seed, paid, share))}
        for seed in range(runs)
    ]
    planted = sum(any(PLANTED in text.split() for text in some) for some in named)
    other = sum(any(PLANTED not in text.split() for text in some) for some in named)
    return Rate(planted, runs), Rate(other, runs)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(
        "| wrong answers paid, with the word and without | runs that name it | 95 % | name another | 95 % |"
    )
    print("|---|---:|---|---:|---|")
    for paid in (ERRS, 0.15, 0.25, 0.4, 0.7):
        word, other = share_found(runs if paid == ERRS else runs // 4, paid)
        cells = [f"{one.k} of {one.n} | {one.low:.1%} to {one.high:.1%}" for one in (word, other)]
        print(f"| {paid:.0%}, {ERRS:.0%} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
