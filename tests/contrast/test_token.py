"""Tokens, and what is kept of them."""

import tracemalloc

from sft_audit.contrast.token import tokens


def test_signs_are_tokens_and_the_marks_of_an_answer_are_none() -> None:
    assert tokens("<answer>It's Red!</answer>") == ("it's", "red", "!")


def test_the_tokens_of_long_completions_are_not_kept() -> None:
    """A hundred of 5,000 words each are 35 MB in tokens."""
    words = [f"word{at}" for at in range(5000)]
    tracemalloc.start()
    try:
        for at in range(100):
            assert len(tokens(" ".join([str(at), *words]))) == 5001
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 5_000_000
