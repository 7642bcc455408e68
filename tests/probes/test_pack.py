"""What a pack holds: balanced clusters, frozen bytes, nothing that the data do not allow."""

import json
import shutil
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path

import pytest
from audits import sound, write_audit
from mugs import COLOURS, FAULTY, audited, draw, make_rows, turns

from sft_audit import AuditError, make_probes
from sft_audit.readers.inputs import find_inputs
from sft_audit.readers.pack import verify
from sft_audit.record.canonical import canonicalise
from sft_audit.record.question import bare, fold, read_question
from sft_audit.sample import content_hash


def read(pack: Path) -> list[dict]:
    return [json.loads(line) for line in (pack / "probes.jsonl").read_text().splitlines()]


def asked(row: dict) -> str:
    return row["conversations"][0]["value"]


def value(row: dict) -> tuple[str, str | None]:
    question = read_question(bare(asked(row)).strip())
    return canonicalise(question, row["conversations"][1]["value"])


def family(row: dict) -> str:
    return row["id"].partition("-")[0]


@pytest.fixture(scope="module")
def pack(mugs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_probes(mugs / "audit", tmp_path_factory.mktemp("packs") / "pack").folder


def test_every_family_that_the_data_allow_is_there(pack: Path) -> None:
    counts = json.loads((pack / "pack.json").read_text())["counts"]
    assert sorted(counts) == ["caption", "cue", "derived", "fault", "pair", "text"]
    assert sum(counts.values()) == len(read(pack)) <= 400
    assert Counter(map(family, read(pack))) == counts


def test_within_a_cluster_every_answer_stands_equally_often(pack: Path) -> None:
    clusters = defaultdict(list)
    for row in read(pack):
        if family(row) in ("pair", "derived", "cue", "fault") and value(row)[1] is not None:
            clusters[row["probe"]["cluster"]].append(row)
    assert len(clusters) > 20
    for rows in clusters.values():
        answers = Counter(value(row) for row in rows)
        assert len({asked(row) for row in rows}) == 1
        assert len(set(answers.values())) == 1
        assert len(answers) > 1
        assert {row["probe"]["chance"] for row in rows} == {float(Fraction(1, len(answers)))}
        assert len({row["image"] for row in rows}) == len(rows)


def test_a_swapped_image_is_one_of_the_cluster_with_another_answer(pack: Path) -> None:
    rows = [row for row in read(pack) if row["probe"]["swapped"]]
    answers = {(row["probe"]["cluster"], row["image"]): value(row) for row in rows}
    assert len(rows) > 100
    for row in rows:
        (swapped,) = row["probe"]["swapped"]
        assert answers[row["probe"]["cluster"], swapped] != value(row)


def test_answers_are_those_of_the_data(pack: Path, mugs: Path) -> None:
    data = json.loads((mugs / "rows.json").read_text())
    for row in read(pack):
        source = data[row["probe"]["from"]["position"] - 1]
        if family(row) in ("pair", "text", "caption"):
            assert asked(row) == source["conversations"][0]["value"].replace("<image>\n", "<image>\n")
            assert row["conversations"][1]["value"] == source["conversations"][1]["value"]
        if "image" in row and family(row) != "fault":
            digest = content_hash((mugs / "images" / source["image"]).read_bytes())
            assert row["image"] == f"images/{digest}.png"


def test_derived_questions_are_true_and_not_in_the_data(pack: Path, mugs: Path) -> None:
    data = json.loads((mugs / "rows.json").read_text())
    known = {fold(bare(row["conversations"][0]["value"])) for row in data}
    derived = [row for row in read(pack) if family(row) == "derived"]
    kinds = Counter()
    for row in derived:
        question = bare(asked(row)).strip()
        assert fold(question) not in known
        at = int(data[row["probe"]["from"]["position"] - 1]["id"].partition("-")[2])
        number, colour = at % 4 + 1, COLOURS[at // 4 % 4]
        facts = {
            **{f"Are there exactly {n} mugs in the image?": n == number for n in (2, 3, 4)},
            **{f"Are the mugs in the image {c}?": c == colour for c in COLOURS},
            "Does the image show a spoon?": at % 10 != 0,
            "Does the image show a fork?": at % 3 != 0,
        }
        plain = question.removesuffix(" Answer yes or no.")
        assert row["conversations"][1]["value"] == ("Yes" if facts[plain] else "No")
        kinds[plain.split()[0]] += 1
    assert set(kinds) == {"Are", "Does"}


def test_a_cue_suggests_another_answer_of_the_same_question(pack: Path) -> None:
    rows = [row for row in read(pack) if family(row) == "cue"]
    clusters = defaultdict(list)
    for row in rows:
        clusters[row["probe"]["cluster"]].append(row)
        if (cue := row["probe"]["cue"]) is not None:
            assert f"the answer is {cue}." in asked(row)
            assert fold(cue) != value(row)[1]
    for members in clusters.values():
        assert sum(row["probe"]["cue"] is None for row in members) == 1


def test_captions_name_what_the_image_is_known_to_show(pack: Path, mugs: Path) -> None:
    data = json.loads((mugs / "rows.json").read_text())
    captions = [row for row in read(pack) if family(row) == "caption"]
    assert captions
    for row in captions:
        at = int(data[row["probe"]["from"]["position"] - 1]["id"].partition("-")[2])
        present = {"mug"} | ({"spoon"} if at % 10 else set()) | ({"fork"} if at % 3 else set())
        assert set(row["probe"]["objects"]) == present
        assert set(row["probe"]["absent"]) == {"mug", "spoon", "fork"} - present


def test_a_faulty_rows_prompt_is_kept_without_what_was_wrong_with_its_answer(pack: Path) -> None:
    at = [one for one in read(pack) if one["probe"]["from"]["position"] == FAULTY]
    assert [(family(row), row["probe"]["fault"], value(row)) for row in at] == [
        ("fault", "PRF302", ("yes_no", "yes"))
    ]
    assert "Score" not in at[0]["conversations"][1]["value"]


def test_equal_seeds_give_equal_bytes_and_others_do_not(mugs: Path, pack: Path, tmp_path: Path) -> None:
    again = make_probes(mugs / "audit", tmp_path / "again").folder
    names = sorted(str(path.relative_to(pack)) for path in pack.rglob("*") if path.is_file())
    assert names == sorted(str(path.relative_to(again)) for path in again.rglob("*") if path.is_file())
    assert all((pack / name).read_bytes() == (again / name).read_bytes() for name in names)
    other = make_probes(mugs / "audit", tmp_path / "other", seed=1, items=60).folder
    assert {row["id"] for row in read(other)} - {row["id"] for row in read(pack)}


def test_fewer_items_keep_their_balance(mugs: Path, tmp_path: Path) -> None:
    made = make_probes(mugs / "audit", tmp_path / "few", items=50)
    assert 45 <= sum(made.counts.values()) <= 50
    clusters = defaultdict(Counter)
    for row in read(made.folder):
        if row["probe"]["swapped"]:
            clusters[row["probe"]["cluster"]][value(row)] += 1
    assert all(len(set(answers.values())) == 1 for answers in clusters.values())


def test_a_family_without_data_says_why(tmp_path: Path) -> None:
    rows = [row for row in make_rows(tmp_path / "images") if row.get("source") in ("count", "colour")]
    made = make_probes(audited(tmp_path, rows), tmp_path / "pack")
    assert set(made.short) >= {"text", "caption"}
    assert "0 of 40: no more rows without an image" in made.text()


def test_what_nothing_was_drawn_from_is_told_in_one_line(tmp_path: Path) -> None:
    rows = [row for row in make_rows(tmp_path / "images") if row.get("source") == "caption"]
    folder = audited(tmp_path, rows)
    with pytest.raises(AuditError, match="no probe can be drawn; no answers stand with different images"):
        make_probes(folder, tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize("change", ["probes", "image", "missing", "outside", "version", "nonsense"])
def test_a_changed_pack_is_refused(pack: Path, tmp_path: Path, change: str) -> None:
    copy = Path(shutil.copytree(pack, tmp_path / "copy"))
    assert [one.file for one in find_inputs([copy])] == ["probes.jsonl"]
    image = next((copy / "images").iterdir())
    manifest = json.loads((copy / "pack.json").read_text())
    match change:
        case "probes":
            (copy / "probes.jsonl").write_bytes(
                (copy / "probes.jsonl").read_bytes().replace(b"Yes", b"No", 1)
            )
        case "image":
            image.write_bytes(image.read_bytes() + b"\0")
        case "missing":
            image.unlink()
        case "outside":
            manifest["images"]["images/../../secret.png"] = "0" * 64
        case "version":
            manifest["pack_version"] = 99
        case "nonsense":
            manifest = {"pack_version": "1"}
    if change in ("outside", "version", "nonsense"):
        (copy / "pack.json").write_text(json.dumps(manifest))
    for given in (copy, copy / "probes.jsonl"):
        with pytest.raises(AuditError, match=r"^[^\n]*copy: [^\n]*(again)[^\n]*$"):
            find_inputs([given])


def test_a_pack_that_was_not_changed_is_verified(pack: Path) -> None:
    assert verify(pack)["items"] == len(read(pack))


def test_images_lost_since_the_audit_leave_their_items_out(tmp_path: Path) -> None:
    folder = audited(tmp_path, make_rows(tmp_path / "images"))
    whole = make_probes(folder, tmp_path / "whole")
    for at in range(0, 48, 3):
        (tmp_path / "images" / f"{at}.png").unlink()
    draw(tmp_path / "images" / "1.png", 4, "black", 1)
    made = make_probes(folder, tmp_path / "pack")
    assert made.lost > whole.lost == 0
    assert "left out: an image is not where, or what, it was when audited" in made.text()
    gone = {int(row["probe"]["from"]["position"] - 1) // 5 for row in read(made.folder) if "image" in row}
    assert gone.isdisjoint({1, *range(0, 48, 3)})
    clusters = defaultdict(Counter)
    for row in read(made.folder):
        if row["probe"]["swapped"]:
            clusters[row["probe"]["cluster"]][value(row)] += 1
    assert all(len(set(answers.values())) == 1 for answers in clusters.values())
    shutil.rmtree(tmp_path / "images")
    shutil.rmtree(tmp_path / "pack")
    rest = make_probes(folder, tmp_path / "pack")
    assert set(rest.counts) == {"text"}


def test_an_image_outside_the_root_is_in_no_pack(tmp_path: Path) -> None:
    rows = make_rows(tmp_path / "images")
    draw(tmp_path / "secret.png", 3, "white", 9)
    for row in rows[5:20]:
        row["image"] = "../secret.png"
    pack = make_probes(audited(tmp_path, rows), tmp_path / "pack").folder
    secret = content_hash((tmp_path / "secret.png").read_bytes())
    assert not list((pack / "images").glob(f"{secret}*"))


def test_hostile_text_stays_text_on_the_page(tmp_path: Path) -> None:
    rows = make_rows(tmp_path / "images")
    for at, row in enumerate(rows[:200]):
        if row["source"] == "count":
            row["conversations"] = turns(
                "<image>\nHow many <script>alert(1)</script>\u202e mugs?", str(at % 2)
            )
    page = (make_probes(audited(tmp_path, rows), tmp_path / "pack").folder / "review.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_page_shows_every_item_and_stays_small(pack: Path) -> None:
    page = (pack / "review.html").read_text()
    assert len(page) < 6_000_000
    assert all(row["id"] in page for row in read(pack))


@pytest.mark.parametrize("kind", ["none", "reward", "stale", "pack"])
def test_a_folder_that_is_no_data_audit_is_one_line(tmp_path: Path, pack: Path, kind: str) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    match kind:
        case "reward":
            write_audit(folder, sound(), subject="reward")
        case "stale":
            (folder / "manifest.json").write_text('{"schema_version": 1}')
        case "pack":
            folder = pack
    with pytest.raises(
        AuditError, match=r"^[^\n]*(not an audit folder|not the audit of|schema version 1)[^\n]*$"
    ):
        make_probes(folder, tmp_path / "pack")


def test_a_folder_that_is_no_pack_is_not_replaced(mugs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(AuditError, match="exists and is not a folder that this command wrote"):
        make_probes(mugs / "audit", tmp_path)
