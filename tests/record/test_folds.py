"""Which images must stay in one fold, and how evenly answers are dealt out."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sft_audit.record.folds import FOLDS, clear, lay_out
from sft_audit.store import Store
from sft_audit.tables import TABLES


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, "1GB", 1)
    yield opened
    opened.close()


def fill(store: Store, rows: list[tuple[str, str | None, str, str]]) -> None:
    """Add questions from image, id, address and answer; of several images each is its own address."""
    samples, uses, answers = [], [], []
    for n, (image, own_id, uri, answer) in enumerate(rows):
        place = {"sample_id": f"rows.json:{n}", "turn": 1, "slot": 0}
        samples.append(
            {**place, "row_hash": f"{n}", "occurrence": 1, "id": own_id, "source": "s", "extra": "{}"}
        )
        uris = image.split() if image and " " in image else [uri]
        uses += [{**place, "slot": slot, "uri": one} for slot, one in enumerate(uris)]
        asked = {"question": "Is it?", "template": "Is it?", "answer": answer, "canonical": answer}
        answers.append({**place, **asked, "answer_kind": "yes_no", "image_id": image})
    for name, table in (("samples", samples), ("image_uses", uses), ("answers", answers)):
        store.insert(name, pa.Table.from_pylist(table, schema=TABLES[name].arrow_schema()))


def folds_of(store: Store) -> list[int]:
    lay_out(store)
    rows = store.rows("select sample_id, fold from blind_rows")
    return [fold for _, fold in sorted(rows, key=lambda row: int(row[0].rpartition(":")[2]))]


def test_one_image_is_in_one_fold(store: Store) -> None:
    fill(store, [(f"{n // 6}", None, f"{n // 6}.jpg", ("yes", "no")[n % 2]) for n in range(300)])
    folds = folds_of(store)
    assert all(len(set(folds[n : n + 6])) == 1 for n in range(0, 300, 6))
    assert set(folds) == set(range(FOLDS))


def test_a_row_under_two_addresses_is_in_one_fold(store: Store) -> None:
    rows = [(f"{n}", f"id {n}", f"{n}.jpg", ("yes", "no")[n % 2]) for n in range(200)]
    copies = [(f"copy-{n}", f"id {n}", f"elsewhere/{n}.jpg", ("yes", "no")[n % 2]) for n in range(200)]
    fill(store, rows + copies)
    folds = folds_of(store)
    assert folds[:200] == folds[200:]


def test_sets_that_share_an_image_are_in_one_fold(store: Store) -> None:
    sets = ("a{0} b{0}", "b{0} a{0}", "c{0} a{0}", "c{0} d{0} e{0}", "d{0}")
    rows = [
        (one.format(n), None, f"d{n}", ("yes", "no")[k % 2]) for n in range(60) for k, one in enumerate(sets)
    ]
    fill(store, rows)
    folds = folds_of(store)
    assert all(len(set(folds[n : n + 5])) == 1 for n in range(0, 300, 5))
    assert store.value("select count(distinct cluster) from blind_rows") == 60


def test_an_image_that_very_many_sets_share_links_none(store: Store) -> None:
    fill(store, [(f"logo {n}", None, "", ("yes", "no")[n % 2]) for n in range(300)])
    assert all(folds_of(store).count(fold) == 60 for fold in range(FOLDS))


def test_rows_that_only_look_alike_are_apart(store: Store) -> None:
    fill(store, [(f"{n}", None, f"{n}/image.png", ("yes", "no")[n % 2]) for n in range(300)])
    assert all(folds_of(store).count(fold) == 60 for fold in range(FOLDS))


@pytest.mark.parametrize("per_image", [1, 4])
def test_every_fold_has_the_same_share_of_each_answer(store: Store, per_image: int) -> None:
    said = [("yes", "no")[(n * 7919 % 101) < 30] for n in range(600)]
    fill(
        store, [(f"{n // per_image}", None, f"{n // per_image}.jpg", answer) for n, answer in enumerate(said)]
    )
    folds = folds_of(store)
    yes = [sum(a == "yes" for a, f in zip(said, folds, strict=True) if f == fold) for fold in range(FOLDS)]
    assert max(yes) - min(yes) <= 2 * per_image


def test_priors_leave_the_held_out_fold_aside(store: Store) -> None:
    fill(store, [(f"{n}", None, f"{n}.jpg", "yes" if n % 4 else "no") for n in range(400)])
    (space,) = lay_out(store)
    assert space.classes == ("yes", "no")
    for fold, line in enumerate(space.log_priors):
        rows = dict(
            store.rows(
                "select class, count(*) from blind_rows where fold <> $fold group by 1", {"fold": fold}
            )
        )
        assert 2.718281828**line == pytest.approx([(rows[c] + 1) / (sum(rows.values()) + 2) for c in (0, 1)])


def test_nothing_is_left_behind(store: Store) -> None:
    lay_out(store)
    clear(store)
    left = {name for (name,) in store.rows("select table_name from information_schema.tables")}
    assert left == set(TABLES)
