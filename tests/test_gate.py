"""Which evidence gets which verdict."""

import json
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from audits import SOUND, piece, sound, write_audit
from rows import row, write

from sft_audit import audit_data
from sft_audit.errors import AuditError
from sft_audit.finding import AXES
from sft_audit.gate import Gate, judge_audits, read_audit
from sft_audit.policy import Policy, Rule, load_policy
from sft_audit.testing import make_images

TODAY = date(2026, 6, 1)
WAIVER = {"check": "DUP", "reason": "frames of one clip", "who": "mira", "until": "2026-05-31"}
REWARD = [
    piece("RWD101", n=16_384, of=None),
    piece("RWD103", n=400, of=None),
    piece("RWD104", n=400, of=None),
]
NONE: dict[str, object] = {}
PAID = piece(
    "RWD101", 0, 2000, None, findings=1, score=0.4, score_high=0.44, foremost="40 % of pleas are paid"
)
HELD = {"ignored": {"DUP602": 7}, "ignore": [WAIVER]}
LIVE = {**HELD, "ignore": [{**WAIVER, "until": "2026-06-01"}]}

# What stands in the folders (evidence, other fields), what the policy adds, and the verdict: overall, and the
# first letter of that of blindness, exploit, readiness, integrity.
SITUATIONS = {
    "no folder": ([], NONE, "UNKNOWN", "UU-U"),
    "a folder without evidence": ([([], NONE)], NONE, "UNKNOWN", "UU-U"),
    "all within the limits": ([(sound(), NONE)], NONE, "PASS", "PP-P"),
    "data and reward within the limits": ([(sound(), NONE), (REWARD, NONE)], NONE, "PASS", "PPPP"),
    "a structural fault in 2 % of rows": (
        [(sound(INT102=piece("INT102", 20)), NONE), (REWARD, NONE)],
        NONE,
        "BLOCK",
        "PPPB",
    ),
    "sound data, a reward that pays pleas": ([(sound(), NONE), ([PAID], NONE)], NONE, "REVIEW", "PR-P"),
    "sound data, a reward that never pays": (
        [(sound(), NONE), ([*REWARD[:2], piece("RWD104", 0, 400, None, findings=1)], NONE)],
        NONE,
        "BLOCK",
        "PPBP",
    ),
    "only the reward was looked at": ([(REWARD, NONE)], NONE, "UNKNOWN", "UPPU"),
    "a required check asked nowhere": ([(sound(), NONE)], {"required": ["GRD203"]}, "UNKNOWN", "UP-P"),
    "a required check asked in another folder": (
        [(sound(), NONE), ([piece("GRD203")], NONE)],
        {"required": ["GRD203"]},
        "PASS",
        "PP-P",
    ),
    "a check crashed": (
        [(sound(PRF301=piece("PRF301", n=0, state="crashed")), NONE)],
        NONE,
        "UNKNOWN",
        "PU-P",
    ),
    "a block beside a crash": (
        [(sound(PRF301=piece("PRF301", n=0, state="crashed"), INT102=piece("INT102", 20)), NONE)],
        NONE,
        "BLOCK",
        "PU-B",
    ),
    "gathered, but of nothing": (
        [([piece(code, n=0) for code in SOUND], NONE)],
        NONE,
        "UNKNOWN",
        "UU-U",
    ),
    "no sample could be read": ([(sound(), {"malformed": 1000})], NONE, "UNKNOWN", "PP-U"),
    "a waiver that is over hides findings": ([(sound(), HELD)], NONE, "UNKNOWN", "PP-U"),
    "a waiver on its last day hides findings": ([(sound(), LIVE)], NONE, "PASS", "PP-P"),
    "16,384 clean of 2 million planned": (
        [(sound(), NONE), ([piece("RWD101", 0, 16_384, 2_000_000)], NONE)],
        {"rules": [{"check": "RWD101", "measure": "share", "block_above": 1e-6}]},
        "REVIEW",
        "PR-P",
    ),
    "a preview check beyond a limit that blocks": (
        [(sound(DUP602=piece("DUP602", 900)), NONE)],
        {"rules": [{"check": "DUP602", "block_above": 0.5}]},
        "REVIEW",
        "PP-R",
    ),
    "evidence of which no threshold speaks": (
        [([piece("INT101"), piece("PRF301"), piece("RWD112", 0, 90, None, findings=1)], NONE)],
        {"rules": [], "alone": True},
        "UNKNOWN",
        "UU-U",
    ),
    "a policy that requires nothing, and no evidence": ([], {"required_axes": []}, "UNKNOWN", "---U"),
}


def gate(tmp_path: Path, folders: list, extra: dict) -> Gate:
    written = [
        write_audit(tmp_path / f"audit{n}", evidence, **fields)
        for n, (evidence, fields) in enumerate(folders)
    ]
    own = tmp_path / "policy.yaml"
    own.write_text(json.dumps({key: value for key, value in extra.items() if key != "alone"}))
    policy = load_policy(own)
    return judge_audits(written, Policy() if "alone" in extra else policy, TODAY)


@pytest.mark.parametrize(("folders", "extra", "outcome", "axes"), SITUATIONS.values(), ids=SITUATIONS.keys())
def test_each_situation_gets_its_verdict(tmp_path, folders, extra, outcome, axes) -> None:
    seen = gate(tmp_path, folders, extra)
    assert (seen.outcome, "".join((seen.axes[axis] or "-")[0] for axis in AXES)) == (outcome, axes)
    assert seen.exit_code() == {"PASS": 0, "REVIEW": 0, "BLOCK": 1, "UNKNOWN": 3}[outcome]
    assert bool(seen.reasons) == (outcome != "PASS")


@pytest.mark.parametrize("code", SOUND)
@pytest.mark.parametrize("state", ["crashed", "incomplete"])
def test_no_check_that_could_not_look_passes(tmp_path: Path, code: str, state: str) -> None:
    evidence = sound(**{code: piece(code, n=0, state=state)})
    assert gate(tmp_path, [(evidence, NONE)], NONE).outcome == "UNKNOWN"


@pytest.mark.parametrize("axis", ["blindness", "exploit", "integrity"])
def test_no_axis_without_evidence_passes(tmp_path: Path, axis: str) -> None:
    evidence = [one for one in sound() if one["axis"] != axis]
    seen = gate(tmp_path, [(evidence, NONE)], NONE)
    assert (seen.outcome, seen.axes[axis]) == ("UNKNOWN", "UNKNOWN")
    assert f"no audit holds evidence on {axis}" in seen.reasons[0].sentence


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three audits that were really run: of a sound set, of a broken one, of some questions only."""
    folder = tmp_path_factory.mktemp("real")
    make_images(folder / "images")
    sane = write(folder / "sane.json", [row(), row("<image>\nWhere?", "Indoors, in a kitchen.")])
    (folder / "broken.json").write_text('[{"conversations": [}]')
    for name, data, options in (
        ("sane", sane, {}),
        ("broken", folder / "broken.json", {}),
        ("part", sane, {"select": ("DUP",)}),
    ):
        audit_data(data, images=folder / "images", out=folder / name, workers=1, **options)
    return folder


@pytest.mark.parametrize(
    ("names", "outcome"),
    [
        (["sane"], "PASS"),
        (["part"], "UNKNOWN"),
        (["sane", "part"], "PASS"),
        (["broken"], "BLOCK"),
        (["sane", "broken"], "BLOCK"),
    ],
)
def test_audits_that_were_really_run(real: Path, names: list[str], outcome: str) -> None:
    seen = judge_audits([real / name for name in names], load_policy(None), TODAY)
    assert seen.outcome == outcome
    assert {one.folder for one in seen.reasons} <= {real / name for name in names} | {None}


def test_what_is_read_back_is_what_the_audit_judged(real: Path) -> None:
    verdict = json.loads((real / "sane" / "verdict.json").read_text())
    again = judge_audits([real / "sane"], load_policy(None), TODAY)
    judged = [one.ruling for one in again.rulings]
    assert {(r.check, r.reason) for r in judged} == {(r["check"], r["reason"]) for r in verdict["rulings"]}
    assert set(verdict["not_asked"]) <= set(again.not_asked)


def test_a_reason_carries_folder_number_interval_n_threshold_and_source(tmp_path: Path) -> None:
    drawn = sound(PRF302=piece("PRF302", 3, 1000, 50_000))
    seen = gate(tmp_path, [(drawn, NONE), ([PAID], NONE)], NONE)
    share, score = sorted(one.sentence for one in seen.reasons)
    assert share.startswith(f"{tmp_path / 'audit0'}: PRF302 reward-markers: 3 of 1,000 samples (0.30%, ")
    assert "95 % interval 0.10% to 0.87%" in share
    assert "the limit is 0.00% (toy-calibrated: 1 % of polluted rows" in share
    assert score.startswith(f"{tmp_path / 'audit1'}: RWD101")
    assert "40 % of pleas are paid; the limit is 0.05 (default: ours" in score
    assert score.endswith("; measured 0.4, upper 95 % bound 0.44, n = 2,000")


def test_the_worst_stands_first(tmp_path: Path) -> None:
    evidence = sound(
        GRD202=piece("GRD202", 500), PRF301=piece("PRF301", n=0, state="crashed"), INT102=piece("INT102", 20)
    )
    seen = gate(tmp_path, [(evidence, NONE)], NONE)
    assert [one.ruling.outcome for one in seen.reasons] == ["BLOCK", "UNKNOWN", "REVIEW"]


def test_a_folder_named_twice_is_judged_once(tmp_path: Path) -> None:
    folder = write_audit(tmp_path / "audit", sound())
    policy = load_policy(None)
    twice = judge_audits([folder, tmp_path / "." / "audit" / ".." / "audit"], policy, TODAY)
    assert len(twice.audits) == 1
    assert len(twice.rulings) == len(judge_audits([folder], policy, TODAY).rulings)


def test_waivers_are_told_with_author_reason_and_expiry(tmp_path: Path) -> None:
    seen = gate(tmp_path, [(sound(), HELD)], NONE)
    assert seen.waived[0].sentence == (
        f"{tmp_path / 'audit0'}: DUP waived by mira until 2026-05-31 (expired): frames of one clip"
    )
    assert "7 of its findings are left out by a waiver of mira that expired" in seen.reasons[0].sentence
    assert "until 2026-06-01: frames" in gate(tmp_path, [(sound(), LIVE)], NONE).waived[0].sentence


def test_a_waiver_that_is_over_does_no_harm_where_nothing_is_hidden_or_another_covers_it(
    tmp_path: Path,
) -> None:
    nothing = {"ignore": [WAIVER]}
    renewed = {**HELD, "ignore": [WAIVER, {**WAIVER, "until": "2027-01-01"}]}
    narrower = {**HELD, "ignore": [WAIVER, {**WAIVER, "until": "2027-01-01", "source": "frames"}]}
    found = [gate(tmp_path, [(sound(), fields)], NONE).outcome for fields in (nothing, renewed, narrower)]
    assert found == ["PASS", "PASS", "UNKNOWN"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("manifest.json", "", "not an audit folder"),
        ("manifest.json", '{"schema_version": 1}', "schema version 1"),
        ("verdict.json", "{", "verdict.json cannot be read"),
        ("verdict.json", "{}", "subject: field required"),
        ("verdict.json", "[]", "run the audit again"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    folder = write_audit(tmp_path / "audit", sound())
    (folder / name).write_text(text)
    with pytest.raises(AuditError, match=message) as fault:
        read_audit(folder)
    assert "\n" not in str(fault.value)


def test_a_policy_may_require_other_axes(tmp_path: Path) -> None:
    own = {"required_axes": ["readiness"]}
    assert gate(tmp_path, [([piece("INT101")], NONE)], own).axes["readiness"] == "UNKNOWN"
    assert gate(tmp_path, [(REWARD, NONE)], own).outcome == "PASS"
    assert Policy().required_axes == load_policy(None).required_axes == ("blindness", "exploit", "integrity")


def test_every_rule_for_a_check_is_applied(tmp_path: Path) -> None:
    rules = [
        {"check": "INT101", "review_above": 0.1},
        {"check": "INT101", "measure": "any", "block_above": 5},
    ]
    seen = gate(tmp_path, [(sound(INT101=piece("INT101", 200)), NONE)], {"rules": rules})
    assert [one.ruling.outcome for one in seen.reasons] == ["BLOCK", "REVIEW"]
    assert Rule(**rules[0]) in {one.ruling.rule for one in seen.rulings}


def test_a_rule_without_a_measure_takes_that_of_ours(tmp_path: Path) -> None:
    found = piece("RWD101", findings=1, score=0.9, score_high=0.95)
    seen = gate(tmp_path, [(sound(RWD101=found), NONE)], {"rules": [{"check": "RWD101", "block_above": 0.2}]})
    assert seen.axes["exploit"] == "BLOCK"


def test_a_share_of_what_is_about_the_whole_is_unknown(tmp_path: Path) -> None:
    found = piece("RWD119", findings=2, score=0.9)
    seen = gate(tmp_path, [(sound(RWD119=found), NONE)], {"rules": [{"check": "RWD119", "block_above": 0.2}]})
    assert seen.axes["exploit"] == "UNKNOWN"
    assert "`measure: score` or `any`" in next(one.ruling.reason for one in seen.reasons)


def test_checkpoints_are_held_to_the_frozen_pack(tmp_path: Path) -> None:
    data = write_audit(tmp_path / "data", sound())
    checkpoint = write_audit(tmp_path / "checkpoint", [piece("CKP121", of=None)], subject="checkpoint")
    pack = tmp_path / "pack"
    (pack / "images").mkdir(parents=True)
    (pack / "probes.jsonl").write_text("{}\n")
    frozen = sha256(b"{}\n").hexdigest()
    (pack / "pack.json").write_text(json.dumps({"pack_version": 1, "probes": frozen, "images": {}}))

    def outcome(*folders: Path) -> tuple[str, list[str]]:
        gate = judge_audits(folders, load_policy(None), TODAY, pack)
        return gate.outcome, [one.ruling.reason for one in gate.reasons]

    assert outcome(data) == ("UNKNOWN", [f"no checkpoint was audited on the probes of {pack}"])
    assert outcome(data, checkpoint)[0] == "UNKNOWN"
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    manifest["inputs"] = [{"content_hash": frozen[:32]}]
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    assert outcome(data, checkpoint) == ("PASS", [])
    (pack / "probes.jsonl").write_text("{} \n")
    with pytest.raises(AuditError, match="not what was frozen"):
        outcome(data, checkpoint)
