"""The gate's verdict as it is told: to people, to machines, to build servers, on one sheet."""

import io
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from audits import piece, sound, write_audit
from rich.console import Console

from sft_audit.gate import judge_audits
from sft_audit.policy import load_policy
from sft_audit.report.gate import Sheet, Stake, as_json, junit, markdown, one_page, refusal, summary

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCHEMA = Path(__file__).parents[1] / "junit.xsd"
NASTY = "<script>alert(1)</script> a|b `c` \x00\x1b[31m \ufffe \u202e] & *d* ](http://x)"
WAIVER = {"check": "DUP", "reason": f"frames {NASTY}", "who": "mira <m@x>", "until": "2026-01-31"}
POLICY = "ask: {integrity: 'Ines <i@x>', exploit: Ezra, blindness: Bo}"


@pytest.fixture
def judged(tmp_path: Path):
    """Return the verdict on a nasty folder: one ruling of each kind, an expired waiver."""
    nasty = write_audit(
        tmp_path / "a <b>|\x01",
        sound(
            INT102=piece("INT102", 20),
            GRD201=piece("GRD201", n=0, state="crashed"),
            PRF302=piece("PRF302", 3, 1000, 50_000),
            RWD101=piece("RWD101", 0, 2000, None, findings=1, score=0.4, score_high=0.44, foremost=NASTY),
        ),
        ignore=[WAIVER],
    )
    (tmp_path / "policy.yaml").write_text(POLICY)
    return judge_audits([nasty], load_policy(tmp_path / "policy.yaml"), date(2026, 6, 1))


@pytest.fixture
def passed(tmp_path: Path):
    folder = write_audit(tmp_path / "sound", sound())
    return judge_audits([folder], load_policy(None), date(2026, 6, 1))


def shown(sheet: Sheet) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(summary(sheet))
    return console.file.getvalue()


def test_the_terminal_says_verdict_axes_reasons_waivers_and_what_was_not_asked(judged) -> None:
    text = shown(Sheet(judged, stake=Stake(4096, 2.5)))
    for said in (
        "BLOCK   1 audit\n",
        "readiness not asked",
        "INT102",
        "at stake: 10,240 (4,096 GPU-hours at 2.5)",
    ):
        assert said in text
    assert "waived by mira <m@x> until 2026-01-31 (expired): frames" in text
    assert re.search(r"not asked, so not clean: .*RWD103", text, re.DOTALL)
    assert not re.search("[\x00-\x08\x1b\u202e]", text)
    assert "shadow" not in text
    assert "shadow mode: this verdict stops nothing" in shown(Sheet(judged, shadow=True))


def test_json_carries_the_parts_of_every_ruling(judged) -> None:
    told = as_json(Sheet(judged))
    assert (told["verdict"], told["exit_code"], told["shadow"]) == ("BLOCK", 1, False)
    assert told["reasons"][0].startswith("BLOCK integrity: ")
    first = told["rulings"][0]
    assert (first["check"], first["flagged"], first["n"], first["share"]) == ("INT102", 20, 1000, 0.02)
    assert first["rule"]["block_above"] == 0.005
    assert first["rule"]["source"].startswith("LLaVA-NeXT")
    assert told["waivers"][0]["expired"] is True
    assert as_json(Sheet(judged, shadow=True))["exit_code"] == 0


def cases(sheet: Sheet) -> dict[str, list[tuple[str, str]]]:
    """Return the cases of each suite: name and kind."""
    found = {}
    for suite in ET.fromstring(junit(sheet)).iter("testsuite"):
        kinds = [(case.get("name"), case[0].tag if len(case) else "passed") for case in suite]
        for count, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(count)) == sum(k == kind for _, k in kinds)
        assert int(suite.get("tests")) == len(kinds) > 0
        found[suite.get("name")] = kinds
    return found


def test_junit_has_a_suite_an_axis_and_a_case_a_ruling(judged, passed) -> None:
    seen = cases(Sheet(judged))
    assert list(seen) == ["blindness", "exploit", "readiness", "integrity"]
    assert seen["readiness"] == [("readiness", "skipped")]
    assert ("INT102 missing-image", "failure") in seen["integrity"]
    assert ("GRD201 answer-in-prompt", "error") in seen["blindness"]
    assert ("PRF302 reward-markers", "skipped") in seen["exploit"]
    assert ("INT101 malformed-row", "passed") in seen["integrity"]
    assert sum(map(len, seen.values())) == len(judged.rulings) + 1
    assert ("PRF302 reward-markers", "failure") in cases(Sheet(judged, fail_on="review"))["exploit"]
    for quiet in (Sheet(judged, shadow=True), Sheet(passed)):
        assert {kind for kinds in cases(quiet).values() for _, kind in kinds} == {"passed", "skipped"}


def test_junit_is_what_its_schema_says(judged, passed) -> None:
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    for sheet in (Sheet(judged), Sheet(judged, shadow=True), Sheet(judged, fail_on="review"), Sheet(passed)):
        schema.assertValid(etree.fromstring(junit(sheet).encode()))


def test_junit_names_no_element_or_attribute_that_build_servers_do_not_know(judged) -> None:
    schema = SCHEMA.read_text(encoding="utf-8")
    root = ET.fromstring(junit(Sheet(judged)))
    assert {one.tag for one in root.iter()} == {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "skipped",
    }
    known = set(re.findall(r'(?:element|attribute) name="(\w+)"', schema))
    assert {name for one in root.iter() for name in (one.tag, *one.attrib)} <= known
    required = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name", "classname"}}
    assert all(required.get(one.tag, set()) <= set(one.attrib) for one in root.iter())


def test_markdown_shows_every_character_as_itself(judged) -> None:
    text = markdown(Sheet(judged, stake=Stake(10)))
    assert text.startswith("# BLOCK: may RL start?\n")
    assert "<script>" not in text
    assert "a\\|b \\`c\\`" in text
    assert r"\](http://x)" in text
    rows = [line for line in text.splitlines() if line.startswith(("| BLOCK", "| UNKNOWN", "| REVIEW"))]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in rows] == [4] * len(judged.reasons)
    assert "**At stake:** 10 GPU-hours" in text
    assert "Ines &lt;i\\@x&gt; (integrity)" in text


def test_the_page_escapes_everything_and_names_whom_to_ask(judged) -> None:
    page = one_page(Sheet(judged, stake=Stake(4096, 2.5)))
    assert "<script" not in page
    assert page.count('<li>\n<div><span class="tag') == 3
    assert "And 2 more." not in page
    assert f"And {len(judged.reasons) - 3} more." in page
    for said in (
        "Ines &lt;i@x&gt; (integrity)",
        "Ezra (exploit)",
        "Bo (blindness)",
        "mira &lt;m@x&gt; (waiver of DUP)",
        "10,240 (4,096 GPU-hours at 2.5)",
        "Mend INT102 missing-image",
        "2.0 % (20 of 1,000)",
        "blocks above 0.50 %",
    ):
        assert said in page


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; `apt-get install chromium`")
def test_the_page_prints_on_one_sheet(tmp_path: Path, judged) -> None:
    folders = [
        write_audit(tmp_path / f"{'long name ' * 12}{n}", sound(), ignore=[WAIVER] * 2) for n in range(9)
    ]
    full = [judged.audits[0].folder, *folders]
    for gate in (judged, judge_audits(full, load_policy(tmp_path / "policy.yaml"), date(2026, 6, 1))):
        (tmp_path / "gate.html").write_text(one_page(Sheet(gate, stake=Stake(4096, 2.5))), encoding="utf-8")
        flags = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
            "--disable-dev-shm-usage",
        )
        subprocess.run(
            [
                CHROMIUM,
                *flags,
                f"--user-data-dir={tmp_path / 'profile'}",
                f"--print-to-pdf={tmp_path / 'gate.pdf'}",
                (tmp_path / "gate.html").as_uri(),
            ],
            capture_output=True,
            timeout=120,
            check=True,
        )
        assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "gate.pdf").read_bytes())) == 1


def test_the_next_action_follows_the_verdict(tmp_path: Path, judged, passed) -> None:
    policy, today = load_policy(None), date(2026, 6, 1)
    review = judge_audits([write_audit(tmp_path / "r", sound(GRD202=piece("GRD202", 500)))], policy, today)
    assert Sheet(judged).next_action.startswith("Mend INT102 missing-image (read ")
    assert Sheet(passed).next_action.startswith("Start the run")
    assert "Look at GRD202 blind-solvable (read " in Sheet(review).next_action
    missing = Sheet(judge_audits([], policy, today)).next_action
    assert missing.startswith("Gather the evidence that is missing on blindness, exploit, integrity")


def test_a_refusal_says_why_and_that_nothing_was_started(judged, passed) -> None:
    said = refusal(Sheet(judged), ["trl", "grpo"])
    assert said.startswith("BLOCK integrity: ")
    assert said.endswith("sft-audit: BLOCK; trl not started")
    assert refusal(Sheet(judged, shadow=True), ["trl"]).endswith(
        "sft-audit: BLOCK; shadow mode: this verdict stops nothing; starting trl"
    )
    assert refusal(Sheet(passed), ["trl"]) == "sft-audit: PASS; starting trl"


def test_a_run_among_the_audits_has_begun(tmp_path: Path) -> None:
    """All four subjects on one page: what is said is said of a run that goes on."""
    amplified = piece(
        "RUN131", 0, 10, None, findings=1, score=0.96, score_high=0.97, foremost="claims_verified: 21 times"
    )
    paid = piece("RUN102", 0, 60, None, findings=1, score=0.12, score_high=0.72, foremost="step 6: paid")
    folders = [
        write_audit(tmp_path / "data", sound()),
        write_audit(tmp_path / "checkpoint", [piece("CKP103", n=200, of=None)], subject="checkpoint"),
        write_audit(tmp_path / "reward", [piece("RWD101", n=2000, of=None)], subject="reward"),
        write_audit(tmp_path / "run", [paid, amplified], subject="run", samples=7680),
    ]
    gate = judge_audits(folders, load_policy(None), date(2026, 6, 1))
    assert (gate.outcome, gate.axes["exploit"]) == ("BLOCK", "BLOCK")
    assert [one.ruling.check for one in gate.reasons] == ["RUN102", "RUN131"]
    sheet = Sheet(gate)
    assert sheet.headline == "Stop RL: it optimises what is broken here."
    assert sheet.next_action.startswith(
        "Stop the run and keep its newest saved model. Mend RUN102 exploit-paid"
    )
    page = one_page(sheet)
    assert "may RL go on?" in page
    assert "7,680 completions" in page
    assert "step 6: paid" in page
    assert all(f"{name}</span>" in page for name in ("data", "checkpoint", "reward", "run"))
    before = Sheet(judge_audits(folders[:3], load_policy(None), date(2026, 6, 1)))
    assert before.question == "may RL start?"
    assert before.headline.startswith("RL may start")
