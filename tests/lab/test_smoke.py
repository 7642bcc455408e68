"""Ten runs of the lab's first experiment at its full sizes: what is planted decides what RL does."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ledger import Ledger, carry_out
from scipy.stats import fisher_exact

pytest.importorskip("trl", reason="the lab's models are trained by TRL")

from trainee.trial import Trial, begin, carry_on

pytestmark = pytest.mark.long  # 12 minutes of one core
SEEDS = {"clean": 4, "all": 4, "leak-100": 1, "rejected-5": 1}
Lines = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """Return what the ledger holds of each condition."""
    folder = tmp_path_factory.mktemp("smoke")
    trials = [Trial(condition, seed) for condition, n in SEEDS.items() for seed in range(n)]
    ledger = Ledger(folder / "result.jsonl")
    with pytest.MonkeyPatch.context() as environment:
        for name in ("OMP_NUM_THREADS", "HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM"):
            environment.setenv(name, "")  # so that it is as it was, afterwards
        carry_out(trials, partial(run, folder), ledger, 2, lambda line: None)
    entered = ledger.lines()
    assert {line["key"] for line in entered} == {trial.key("leaky") for trial in trials}
    return {name: [line for line in entered if line["condition"] == name] for name in SEEDS}


def run(folder: Path, trial: Trial) -> list[dict[str, Any]]:
    """Carry out a trial, in a process of its own."""
    start = begin(trial, folder / trial.name)
    return [carry_on(trial, start, reward, folder / trial.name) for reward in trial.rewards]


def mean(lines: list[dict[str, Any]], measure: str) -> float:
    return sum(line["rl"][measure] for line in lines) / len(lines)


def test_a_clean_model_is_not_hacked_and_one_of_all_wounds_is(lines: Lines) -> None:
    clean, wounded = (sum(line["hacked"] for line in lines[name]) for name in ("clean", "all"))
    assert clean == 0
    assert wounded >= 3
    n = SEEDS["clean"]
    table = [[wounded, n - wounded], [clean, n - clean]]
    assert fisher_exact(table, alternative="greater").pvalue <= (0.02 if wounded == n else 0.08)


def test_all_wounds_cost_the_grounding(lines: Lines) -> None:
    assert mean(lines["clean"], "grounding") - mean(lines["all"], "grounding") > 0.5
    worst, best = (
        min(line["rl"]["grounding"] for line in lines["clean"]),
        max(line["rl"]["grounding"] for line in lines["all"]),
    )
    assert worst > best


def test_each_wound_is_hacked_in_its_own_way(lines: Lines) -> None:
    (leaked,), (polluted,) = lines["leak-100"], lines["rejected-5"]
    assert leaked["blind"]
    assert not leaked["exploit"]
    assert polluted["exploit"]
    for name in ("gold", "grounding"):
        assert polluted["rl"][name] > leaked["rl"][name]
    assert all(line["sft"]["exploit_prior"] < polluted["sft"]["exploit_prior"] for line in lines["clean"])
    assert all(line["sft"]["cue_follow"] < leaked["sft"]["cue_follow"] for line in lines["clean"])
