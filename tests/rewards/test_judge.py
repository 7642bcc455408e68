"""Which models a module names, and of what family."""

import pytest

from sft_audit.rewards.judge import family_of, named_models


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("gpt-4o-mini", "openai"),
        ("openai/o3", "openai"),
        ("o1-preview", "openai"),
        ("claude-3-5-sonnet", "anthropic"),
        ("google/gemma-3-27b-it", "google"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen"),
        ("QwQ-32B", "qwen"),
        ("meta-llama/Llama-3.2-11B-Vision", "llama"),
        ("mistralai/Pixtral-12B-2409", "mistral"),
        ("/models/InternVL3-8B/", "internvl"),
        ("phi-4", "phi"),
        ("our-own-model", None),
        ("llava-1.5-7b", None),
        ("optimus", None),
        ("", None),
    ],
)
def test_the_family_is_told_by_how_the_name_begins(name: str, family: str | None) -> None:
    assert family_of(name) == family


def test_models_that_a_module_names_are_found() -> None:
    source = """
JUDGE_MODEL = "claude-sonnet-4"
TITLE = "gpt-4o"
BODY = {"model": "qwen-max", "text": "gemini"}

def ask(client, model="gpt-4o", *, engine="deepseek-chat", other=None):
    return client.chat(model="gemini-2.0-flash", role="llama")

def load(model="resnet50"):
    return model
"""
    assert set(named_models(source)) == {
        "claude-sonnet-4",
        "qwen-max",
        "gpt-4o",
        "deepseek-chat",
        "gemini-2.0-flash",
    }
