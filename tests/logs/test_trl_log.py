"""The log that TRL's own GRPOTrainer writes under `log_completions`, of a tiny model."""

import json
from pathlib import Path

import pytest

from sft_audit import audit_prompts
from sft_audit.store import Store

trl = pytest.importorskip("trl")
transformers = pytest.importorskip("transformers")
datasets = pytest.importorskip("datasets")

WORDS = [
    "<pad>",
    "<bos>",
    "<eos>",
    "<unk>",
    "user:",
    "assistant:",
    "what",
    "color",
    "is",
    "the",
    "car",
    "cup",
    "red",
]
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
ROWS = [
    {"prompt": [{"role": "user", "content": f"what color is the {thing}"}], "solution": "red", "id": thing}
    for thing in ("car", "cup")
]


def right(completions: list, solution: list, **_: object) -> list[float]:
    """Pay a completion that holds the known answer."""
    return [float(gold in one[0]["content"]) for one, gold in zip(completions, solution, strict=True)]


def watch(completions: list, log_extra: object = None, **columns: list) -> list[None]:
    """Pay nothing, and log the rows' ids."""
    if callable(log_extra):
        log_extra("id", columns["id"])
    return [None] * len(completions)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of GRPO on two prompts; return the folder of the run."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({w: at for at, w in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, padding_side="left", chat_template=TEMPLATE, **special
    )
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(WORDS),
            max_position_embeddings=64,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            **shape,
        )
    )
    out = tmp_path_factory.mktemp("grpo")
    arguments = trl.GRPOConfig(
        output_dir=str(out),
        num_generations=4,
        per_device_train_batch_size=8,
        max_completion_length=4,
        max_steps=2,
        logging_steps=1,
        log_completions=True,
        report_to="none",
        use_cpu=True,
        bf16=False,
        save_strategy="no",
    )
    trl.GRPOTrainer(
        model=model,
        reward_funcs=[right, watch],
        args=arguments,
        train_dataset=datasets.Dataset.from_list(ROWS * 8),
        processing_class=tokenizer,
    ).train()
    return out


@pytest.mark.filterwarnings("ignore")
def test_a_log_of_trl_is_read_and_joined(run: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts.json").write_text(json.dumps(ROWS))
    report = audit_prompts(
        tmp_path / "prompts.json",
        samples=run / "completions",
        generations=4,
        out=tmp_path / "audit",
        workers=1,
    )
    store = Store(report.folder, "1GB", 1, read_only=True)
    assert store.rows(
        "select step, count(*), count(reward), count(sample_id) from rollouts group by 1 order by 1"
    ) == [
        (1, 8, 8, 8),
        (2, 8, 8, 8),
    ]
    assert store.value("select bool_and(reward = contains(completion, 'red')::integer) from rollouts")
    assert not store.rows("select * from rollout_faults")
    assert store.rows("select count(*), sum(n) from prompts") == [(2, 16)]
    store.close()
