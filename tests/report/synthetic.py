"""A small audit made up by hand: every table filled, so that a report can be drawn without an audit."""

import json
from pathlib import Path
from random import Random

import pyarrow as pa

from sft_audit.audit import Outcome
from sft_audit.config import AuditConfig
from sft_audit.interval import Rate
from sft_audit.policy import Evidence, Policy, Rule, judge
from sft_audit.report.page import write_report
from sft_audit.report.weights import weigh_rows
from sft_audit.report.wounds import read_wounds
from sft_audit.store import Store
from sft_audit.tables import TABLES

# source, rows, rows that are text only, share of blind-solvable answers
SOURCES = (
    ("coco_captions", 900, 0, 0.04),
    ("vqa_templates", 600, 0, 0.38),
    ("sharegpt", 400, 400, 0.0),
    ("receipts_ocr", 90, 0, 0.01),
    ("<script>alert('source')</script>", 10, 2, 0.1),
)
HOSTILE = (
    '"><img src=x onerror="document.title=1"> <script>document.body.textContent=1</script> '
    "{{ 7 * 7 }} \u202emoc.live\u202c \x00\x1b[31m $x^2$ =cmd|'/c calc'!A1 "
)
CHECKS = (  # code, name, axis, severity, remedy, of, flagged
    ("GRD202", "blind-solvable", "blindness", "warning", "review", 1598, 257),
    ("GRD203", "leaking-field", "blindness", "error", "rewrite", 1598, 1),
    ("PRF302", "reward-markers", "exploit", "warning", "rewrite", 2000, 46),
    ("PRF303", "rejected-as-target", "exploit", "error", "drop", 2000, 31),
    ("MOD501", "text-dominance", "blindness", "warning", "none", 2000, 1),
    ("CON401", "conflicting-answers", "integrity", "error", "review", 1500, 12),
    ("INT101", "malformed-row", "integrity", "error", "drop", 2000, 2),
    ("INT102", "missing-image", "integrity", "error", "drop", 1598, 9),
    ("DUP602", "near-duplicate-image", "integrity", "warning", "review", 1598, 16),
)
POLICY = Policy(
    rules=(
        Rule(check="INT101", measure="any", block_above=0, basis="code", source="json.load refuses the file"),
        Rule(check="PRF303", block_above=0.01, basis="published", source="A Paper 2025, table 2"),
        Rule(check="PRF302", review_above=0.01, basis="default", source="a default of ours, uncalibrated"),
        Rule(
            check="GRD203", measure="score", block_above=0.1, basis="published", source="A Paper 2020, sec. 3"
        ),
        Rule(check="GRD202", review_above=0.1, basis="toy-calibrated", source="measured on a toy world"),
        Rule(
            check="MOD501",
            measure="score",
            review_above=0.2,
            basis="toy-calibrated",
            source="measured on a toy world",
        ),
        Rule(check="CON401", review_above=0.02, basis="default", source="a default of ours, uncalibrated"),
    )
)


def fill(store: Store, *, repeat: int = 1, text: str = HOSTILE) -> None:
    """Fill every table that the report reads; `repeat` multiplies the findings."""
    _samples(store, text)
    _blind(store)
    for code, _, _, severity, remedy, _, flagged in CHECKS:
        about_whole = code in ("GRD203", "MOD501")
        store.execute(
            """
            insert into findings by name
            with picked as (
                select
                    sample_id,
                    row_number() over (order by md5(sample_id || $code)) as rank
                from samples
                where ($code != 'INT101' or malformed) and ($code = 'INT101' or not malformed)
            )
            select
                md5($code || rank || '-' || copy) as finding_id,
                $code as "check",
                $severity as severity,
                'data' as subject,
                if($whole, null, sample_id) as sample_id,
                if($whole, null, 1) as turn,
                1.0 / rank as score,
                0.9 as confidence,
                'measured ' || rank || ' where 0 was expected; ' || left($text, 400) as message,
                json_object('key', 'file_name', 'high', 0.35, 'others', ['data.json:5']) as evidence,
                $remedy as remedy,
                case when rank = 3 then 'ignored' when rank = 4 then 'known' else 'open' end as status
            from picked, range($repeat) as copies(copy)
            where rank <= $flagged
            """,
            {
                "code": code, "severity": severity, "remedy": remedy, "flagged": flagged,
                "whole": about_whole, "text": text, "repeat": repeat,
            },
        )  # fmt: skip


def outcome(store: Store) -> Outcome:
    """Return what an audit with these findings would have come to; one check crashed, two were not asked."""
    counted = {
        code: (flagged, findings)
        for code, flagged, findings in store.rows(
            """
            select "check", count(distinct sample_id), count(*)
            from findings where status = 'open' group by all
            """
        )
    }
    evidence = [
        Evidence(
            code,
            name,
            axis,
            "gathered",
            code == "DUP602",
            Rate(counted[code][0], of, of),
            counted[code][1],
            0.28,
            0.35,
        )
        for code, name, axis, _, _, of, _ in CHECKS
        if code in counted
    ]
    evidence += [
        Evidence("CON402", "crashing-check", "integrity", "crashed", False, Rate(0, 0, 0), 0),
        Evidence("INT108", "blank-image", "integrity", "incomplete", False, Rate(0, 0, 0), 0),
        Evidence("LEK701", "benchmark-leak", "readiness", "not asked", False, Rate(0, 0, 0), 0),
        Evidence("GRD204", "language-prior", "blindness", "not asked", False, Rate(0, 0, 0), 0),
    ]
    trace = 'Traceback (most recent call last):\n  File "check.py", line 3\nValueError: <b>' + HOSTILE
    return Outcome(
        tuple(evidence), judge(POLICY, evidence, 1998), {"CON402": trace, "images": trace}, {"probe": 1.5}
    )


def config(**fields: object) -> AuditConfig:
    """Return a configuration with a waiver in force and one that ran out."""
    known = {"check": "CON401", "reason": "known since the last release", "who": "ana@example.org"}
    over = {"check": "DUP", "reason": HOSTILE, "who": "bo@example.org", "source": "sharegpt"}
    waivers = [known | {"until": "2999-01-01"}, over | {"until": "2001-01-01"}]
    return AuditConfig.model_validate({"data": ("data.json",), "ignore": waivers, **fields})


def _samples(store: Store, text: str) -> None:
    random, position = Random(0), 0
    samples, turns, uses, answers = [], [], [], []
    for source, rows, text_only, _ in SOURCES:
        for row in range(rows):
            position += 1
            name, alone = f"data.json:{position}", row < text_only
            samples.append(
                (name, f"h{position}", source, position, int(not alone), alone, position in (7, 77))
            )
            answer = random.choice(("yes", "no", "A red bus waits at the corner of the street."))
            question = f"{'' if alone else '<image>'} What is shown in picture {position}? {text}"
            turns.append((name, 0, "user", question, False, 24))
            turns.append((name, 1, "assistant", f"{answer} {text}", True, 60 if alone else 18))
            if not alone:
                uses.append((name, 0, f"img/{position % 300}.jpg", f"{position % 300:032x}", None))
                answers.append((name, 1, f"{position % 300:032x}", question, answer, "yes_no", answer))
    put(store, "samples", "sample_id row_hash source position n_images text_only malformed", samples)
    store.execute("update samples set occurrence = 1, file = 'data.json', line = position + 1, extra = '{}'")
    put(store, "turns", "sample_id turn role text supervised n_tokens", turns)
    put(store, "image_uses", "sample_id slot uri image_id problem", uses)
    put(store, "answers", "sample_id turn image_id question answer answer_kind canonical", answers)
    grey = [bytes((i + x) % 256 for x in range(1024)) for i in range(300)]
    images = [(f"{i:032x}", f"img/{i}.jpg", 640, 480, grey[i], 576) for i in range(300)]
    put(store, "images", "image_id uri width height thumbnail n_tokens", images)
    store.execute(
        """
        insert into files by name
        select 'data.json' as file, 'data.json' as path, 'llava' as format, 123456 as n_bytes,
            'c0ffee' as content_hash,
            2000 as rows, 2 as malformed, 2000 as audited
        """
    )


def _blind(store: Store) -> None:
    store.execute(
        """
        insert into blind by name
        select
            sample_id, turn, answer_kind, 0.5 as p_prior,
            0.05 as bits_template, 0.11 as bits_question, 0.15 as bits_fields
        from answers
        """
    )
    rates = [(None, None, 1480, 118, 0.66, 0.61, 0.5, 0.32, 0.28, 0.36, 0.22, 0.18, 0.26)]
    for source, rows, text_only, excess in SOURCES:
        if rows > text_only and source != "receipts_ocr":
            half = 0.9 / (rows - text_only) ** 0.5
            low, high = excess - half, excess + half
            size, accuracy = (source, None, rows - text_only, 5), (0.5 + excess / 2, 0.5 + excess / 3, 0.5)
            rates.append((*size, *accuracy, excess, low, high, excess * 2 / 3, low, high))
    rates.append((None, "yes_no", 1480, 0, 0.66, 0.61, 0.5, 0.32, 0.28, 0.36, 0.22, 0.18, 0.26))
    columns = (
        "source answer_kind n n_not_scored accuracy accuracy_question chance excess low high excess_question"
    )
    put(store, "blind_rates", columns + " low_question high_question", rates)
    put(
        store,
        "blind_fields",
        "field answer_kind n bits_added low_added high_added q_added "
        "bits_removed low_removed high_removed q_removed example",
        [
            (
                "file name",
                "yes_no",
                1480,
                0.28,
                0.21,
                0.35,
                0.001,
                0.26,
                0.2,
                0.33,
                0.001,
                f"yes_17.jpg → yes {HOSTILE}",
            ),
            ("id", "yes_no", 1480, 0.004, -0.002, 0.01, 0.4, 0.0, -0.01, 0.01, 0.9, None),
        ],
    )


def put(store: Store, table: str, columns: str, rows: list[tuple]) -> None:
    schema = TABLES[table].arrow_schema()
    fields = [schema.field(name) for name in columns.split()]
    arrays = [
        pa.array(values, field.type) for field, values in zip(fields, zip(*rows, strict=True), strict=True)
    ]
    store.insert(table, pa.table(arrays, schema=pa.schema(fields)))


def make(folder: Path, **filling: object) -> Store:
    """Return a filled store in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder, "1GB", 1)
    fill(store, **filling)
    (folder / "verdict.json").write_text(json.dumps({}), encoding="utf-8")
    return store


def report(folder: Path, store: Store, outcome: Outcome, config: AuditConfig) -> str:
    """Write the report as an audit does, and return the page."""
    weigh_rows(store)
    write_report(folder, store, outcome, config, read_wounds(store, outcome))
    return (folder / "report.html").read_text(encoding="utf-8")
