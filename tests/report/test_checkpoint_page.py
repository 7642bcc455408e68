"""The page of a checkpoint: hostile answers are text, lost probes name the rows that may have taught them."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from mugs import COLOURS, draw, turns
from rich.console import Console

from sft_audit import audit_data
from sft_audit.record.measures import all_measures
from sft_audit.report.terminal import summary
from sft_audit.session import Report, audit_checkpoint

from .markup import Markup, parse

HOSTILE = "<script>alert('said')</script> \u202eneerg\u202c <img src=x onerror=alert(1)> {{ 7 * 7 }}"
COUNT, COLOUR = "How many mugs are there?", "What colour are the mugs?"
SCENES = 8


def scene(at: int) -> tuple[int, str]:
    return at % 4 + 1, COLOURS[at % 4]


def write_probes(folder: Path) -> Path:
    rows = []
    for at in range(SCENES):
        number, colour = scene(at)
        draw(folder / f"{at}.png", number, colour, at)
        for asked, answer in ((COUNT, str(number)), (COLOUR, colour)):
            said = turns(f"<image>\n{asked}", answer)
            rows.append({"id": f"{len(rows)}", "image": f"{at}.png", "conversations": said})
    (folder / "probes.json").write_text(json.dumps(rows))
    return folder / "probes.json"


def write_logs(folder: Path, probes: Path) -> list[str]:
    """Write what is said: all right of the base model; of the checkpoint of colours the last only."""
    specs = []
    for model in ("base", "sft"):
        for condition in ("own", "swapped", "none", "blank"):
            path = folder / f"{model}-{condition}.jsonl"
            rows, probed = [], json.loads(probes.read_text())
            for row in probed:
                asked, known = (turn["value"] for turn in row["conversations"])
                said = HOSTILE if model == "sft" and COLOUR in asked and row != probed[-1] else known
                rows.append({"id": row["id"], "prompt": asked, "completion": said})
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            specs.append(f"{model}:{condition}={path}")
    return specs


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A checkpoint's audit from logs, beside an audit of data.

    The first training row asks of scene 2 as the probes do, the second shows scene 0 and asks other.
    """
    folder = tmp_path_factory.mktemp("page")
    probes = write_probes(folder)
    trained = [
        {"image": "2.png", "conversations": turns(f"<image>\n{COLOUR}", "mauve")},
        {"image": "0.png", "conversations": turns("<image>\nIs there a <b>fork</b>?", "no")},
        *({"conversations": turns(f"What is {at} plus 1?", str(at + 1))} for at in range(6)),
    ]
    (folder / "rows.json").write_text(json.dumps(trained))
    data = audit_data(folder / "rows.json", images=folder, out=folder / "data", workers=1).folder
    return audit_checkpoint(
        None,
        None,
        probes,
        samples=write_logs(folder, probes),
        sft_audit=data,
        select=("CKP121", "CKP130"),
        out=folder / "audit",
        workers=1,
    )


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return (report.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def markup(page: str) -> Markup:
    return parse(page)


def test_every_element_is_closed_and_ids_are_unique(markup: Markup) -> None:
    assert markup.unbalanced == []
    assert markup.open == []


def test_hostile_answers_are_shown_as_text(page: str, markup: Markup) -> None:
    lost = [" ".join(one.text.split()) for one in markup.all("article")]
    assert len(lost) == SCENES - 1
    for text in lost:
        assert COLOUR in text
        assert "checkpoint: <script>alert('said')</script> ⟨U+202E⟩neerg⟨U+202C⟩ <img src=x" in text
        assert "{{ 7 * 7 }}" in text
    assert not markup.all("script")
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)


def test_an_answer_that_cannot_be_read_is_named(report: Report) -> None:
    (told,) = (one["message"] for one in report.findings.to_pylist() if one["check"] == "CKP130")
    assert f', for example it says "{HOSTILE[:20]}' in told


def test_nothing_is_fetched_and_nothing_runs(markup: Markup) -> None:
    assert not markup.all("iframe") + markup.all("link") + markup.all("form") + markup.all("a")
    assert len(markup.all("img")) == SCENES - 1
    for element in markup.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element
            if name in ("src", "href", "xlink:href"):
                assert value.startswith(("data:image/", "#")), value
    policy = next(e for e in markup.all("meta") if e.attributes.get("http-equiv"))
    assert policy.attributes["content"].startswith("default-src 'none'; img-src data:")


def test_lost_probes_name_the_nearest_training_rows(report: Report, markup: Markup) -> None:
    sheet = json.loads((report.folder / "verdict.json").read_text())["checkpoint"]
    lost = {Path(one["places"][0]).stem: one["taught_by"] for one in sheet["lost"]}
    traced = {name: near for name, near in lost.items() if near}
    assert len(lost) == SCENES - 1
    assert len(traced) == 6
    for words, *_ in traced.values():
        assert (words["by"], words["position"], words["answer"]) == ("words", 1, "mauve")
    images = {
        (name, one["position"]): one["likeness"]
        for name, near in traced.items()
        for one in near
        if one["by"] == "image"
    }
    assert images["2", 1] == images["0", 2] == 1.0
    told = " ".join(" ".join(one.text.split()) for one in markup.all("article"))
    assert f"nearest training row by words ({words['likeness']:.2f}): rows.json:1 {COLOUR} mauve" in told
    assert "nearest training row by image (1.00): rows.json:2 Is there a <b>fork</b>? no" in told


def test_without_a_data_audit_no_row_is_named(report: Report, tmp_path: Path) -> None:
    folder = report.folder.parent
    logs = write_logs(tmp_path, folder / "probes.json")
    given = {"samples": logs, "select": ("CKP121",), "out": tmp_path / "audit", "workers": 1}
    alone = audit_checkpoint(None, None, folder / "probes.json", images=folder, **given)
    page = (alone.folder / "report.html").read_text(encoding="utf-8")
    assert "Right before, not right now" in page
    assert "nearest training row" not in page


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_names_every_measure_in_full(report: Report, width: int) -> None:
    console = Console(width=width, file=StringIO(), color_system=None)
    console.print(summary(report))
    lines = console.file.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    sheet = json.loads((report.folder / "verdict.json").read_text())["checkpoint"]
    measured = {one["measure"] for one in sheet["changes"]}
    assert {"accuracy_above_chance", "paired_accuracy", "readable"} <= measured
    assert measured <= {one.name for one in all_measures(())}
    for name in measured:
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert re.search(r" to [+-]\d+\.\d{3} +\d+$", line.rstrip()), line


def test_numbers_without_an_interval_are_numbers(tmp_path: Path) -> None:
    """Of one probe nothing has an interval; the JSON holds no infinity and the page says what there is."""
    probes = write_probes(tmp_path)
    probes.write_text(json.dumps(json.loads(probes.read_text())[:1]))
    for model, said in (("base", "1"), ("sft", "2")):
        (tmp_path / f"{model}.json").write_text(json.dumps([{"id": "0", "completion": said}]))
    logs = [f"{model}={tmp_path / model}.json" for model in ("base", "sft")]
    given = {"samples": logs, "select": ("CKP121",), "out": tmp_path / "audit", "workers": 1}
    report = audit_checkpoint(None, None, probes, **given)
    text = (report.folder / "verdict.json").read_text()
    assert not {"Infinity", "NaN"} & set(re.findall(r"\w+", text))
    assert "inf" not in " ".join(
        parse((report.folder / "report.html").read_text()).all("main")[0].text.split()
    )
