"""Of many sources none is said to have a prior by chance, and the one that has it is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sft_audit.check import Tables, find_check
from sft_audit.record.rates import fill_rates
from sft_audit.store import Store

SOURCES, EACH = 200, 200


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, "1GB", 1)
    yield opened
    opened.close()


def reported(store: Store, right: str) -> list[str]:
    """Return what GRD204 says of answers by the toss of a coin, `right` of which the probe gets right."""
    draws = (
        "create temp table draws as select i, i // $each as part, hash(i) % 2 as class, "
        f"{right} as right_question from range($n) r(i)"
    )
    store.execute(draws, {"each": EACH, "n": SOURCES * EACH})
    for statement in (
        "create temp table blind_spaces as select 0 as space, 'yes_no' as answer_kind",
        """
        create temp table blind_rows as
        select 0 as space, i % 5 as fold, i as draw, class, i as cluster, 'part ' || part as source from draws
        """,
        """
        create temp table blind_answered as
        select 0 as space, i % 5 as fold, i as draw, right_question, right_question as right_all,
            class = 0 as right_prior
        from draws
        """,
        "insert into samples by name select i::varchar as sample_id, 'part ' || part as source from draws",
        """
        insert into answers by name
        select i::varchar as sample_id, 1 as turn, 'yes_no' as answer_kind, i::varchar as image_id from draws
        """,
    ):
        store.execute(statement)
    fill_rates(store)
    asked = find_check("GRD204").ask(Tables())
    found = store.rows(f"select message from ({asked.sql}) order by message", asked.values)
    return [message for (message,) in found]


def test_no_source_has_a_prior_by_chance(store: Store) -> None:
    assert reported(store, "hash(i, 1) % 2 = 0") == []


def test_the_one_source_that_has_a_prior_is_found(store: Store) -> None:
    (message,) = reported(store, "hash(i, 1) % 100 < if(part = 42, 80, 50)")
    assert message.startswith("source part 42: the question alone gives 75 %")
    assert "at 95 % for all 200 sources together" in message


def test_the_whole_has_its_own_interval(store: Store) -> None:
    whole = next(said for said in reported(store, "hash(i, 1) % 100 < 60") if said.startswith("all sources"))
    assert "an excess of 0.18 (95 % interval 0.17 to 0.20)" in whole
