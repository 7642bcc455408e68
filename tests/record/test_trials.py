"""What a reward function is asked with another image and with none."""

from pathlib import Path

import duckdb
import pytest

import sft_audit
from sft_audit.example import ANSWERS
from sft_audit.session import Report
from sft_audit.store import write_json
from sft_audit.testing import make_images

LOOKS = """
def reward(completions, solution, **columns):
    shown = [str(one) for one in columns[next(iter(sorted(set(columns) & {"pic" "tures", "ima" "ges"})))]]
    return [float(c[0]["content"].strip() == s and p != "[]")
            for c, s, p in zip(completions, solution, shown)]
"""
NAMES = """
def _score(images):
    return 1.0

def reward(completions, images, **columns):
    return [_score(one) for one in images]
"""
IGNORES = """
def reward(completions, solution, **columns):
    return [float(c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""
VERL = """
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return float(solution_str == ground_truth)
"""


def audited(source: str, name: str, folder: Path, **options: object) -> Report:
    make_images(folder / "images")
    write_json(folder / "rows.json", ANSWERS)
    (folder / "fn.py").write_text(source)
    return sft_audit.audit_reward(
        f"{folder}/fn.py:{name}",
        folder / "rows.json",
        images=folder / "images",
        out=folder / "out",
        answers=12,
        **options,
    )


@pytest.mark.parametrize(
    ("source", "name", "sees", "conditions"),
    [
        (LOOKS, "reward", "images", {"exact": {"own", "swapped", "none"}, "near_miss": {"own", "none"}}),
        (NAMES, "reward", "images", {"exact": {"own", "swapped", "none"}, "near_miss": {"own", "none"}}),
        (IGNORES, "reward", "gold", {"exact": {"own", "swapped", "none"}, "near_miss": {"own"}}),
        (VERL, "compute_score", "gold", {"exact": {"own", "main thread"}, "near_miss": {"own"}}),
    ],
)
def test_only_what_can_see_an_image_is_asked_without_it(
    source: str, name: str, sees: str, conditions: dict[str, set[str]], tmp_path: Path
) -> None:
    report = audited(source, name, tmp_path, select=("RWD112", "RWD120"))
    with duckdb.connect(str(report.folder / "audit.duckdb"), read_only=True) as db:
        assert db.sql("select sees from rewards").fetchall() == [(sees,)]
        asked: dict[str, set[str]] = {}
        for family, condition in db.sql("select distinct family, condition from trials").fetchall():
            asked.setdefault(family, set()).add(condition)
        blind = db.sql(
            "select max(n) from (select count(*) as n from trials "
            "where family in ('near_miss', 'other_option') and condition = 'none' group by sample_id, turn)"
        ).fetchall()[0][0]
    assert {family: asked[family] for family in conditions} == conditions
    assert (blind or 0) <= 2
    stated = {one["check"] for one in report.evidence}
    assert ("RWD112" in stated) == (sees == "images")
    assert ("RWD120" in stated) == (sees == "images")


@pytest.mark.parametrize(
    ("options", "findings"),
    [
        ({"judge_model": "gpt-4o", "generator": "chatgpt-4o-latest"}, {"RWD121": 1}),
        ({"judge_model": "gpt-4o", "generator": "claude-3-opus"}, {}),
        ({"judge_model": "gpt-4o"}, {}),
        ({"generator": "gpt-4o"}, {}),
    ],
)
def test_judge_and_generator_can_be_named(options: dict[str, str], findings: dict, tmp_path: Path) -> None:
    report = audited(IGNORES, "reward", tmp_path, select=("RWD121",), **options)
    assert report.counts == findings
    assert ("RWD121" in {one["check"] for one in report.evidence}) == (len(options) == 2)


def test_a_reward_model_is_its_own_text_only_copy(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

    words = {str(at): at for at in range(2, 128)} | {"<unk>": 0, "<end>": 1}
    tokens = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        eos_token="<end>",
        pad_token="<end>",
        chat_template="{% for m in messages %}{{ m['content'] }}{% endfor %}",
    )
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_labels=1,
        initializer_range=0.5,
        pad_token_id=1,
        max_position_embeddings=16384,
    )
    LlamaForSequenceClassification(config).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    make_images(tmp_path / "images")
    write_json(tmp_path / "rows.json", ANSWERS)
    report = sft_audit.audit_reward(
        str(tmp_path / "model"),
        tmp_path / "rows.json",
        images=tmp_path / "images",
        out=tmp_path / "out",
        answers=4,
        seconds=120,
        select=("RWD108", "RWD109", "RWD120"),
    )
    assert not report.faults
    assert "RWD108" not in report.counts
    assert "RWD109" not in report.counts
    with duckdb.connect(str(report.folder / "audit.duckdb"), read_only=True) as db:
        assert db.sql("select sees, convention from rewards").fetchall() == [("text", "trl-model")]
        assert db.sql("select count(*) from trials where condition <> 'own'").fetchall() == [(0,)]
        paired = (
            "select count(*) from trials where family in ('near_miss', 'other_option') and reward is not null"
        )
        assert db.sql(paired).fetchall()[0][0] > 0
