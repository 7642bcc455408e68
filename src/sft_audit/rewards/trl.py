"""TRL, and what follows its keywords: R1-V, VLM-R1, open-r1."""

import asyncio
import inspect
import sys
import threading
from collections.abc import Coroutine, Sequence
from importlib import import_module
from typing import Any

from sft_audit.rewards import Rollout, Target, as_floats, convention, golds_for

_GIVEN = ("prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric")


def _matches(target: Target) -> bool:
    return "completions" in target.parameters and not inspect.isclass(target.value)


def _import(target: Target) -> None:
    import_module("PIL.Image")
    _state(target)


@convention(
    "trl",
    matches=_matches,
    priority=1,
    prepare=_import,
    gives="images",
    source="huggingface/trl trl/trainer/grpo_trainer.py; proved against 1.16 in tests/trainers/test_trl.py",
)
def trl(target: Target, rollouts: Sequence[Rollout]) -> list[float | None]:
    """`f(completions, **columns)`, a batch in the main thread; an async one on the thread of a loop."""
    keywords = arguments(target, rollouts)
    if inspect.iscoroutinefunction(target.value):
        return as_floats(on_a_loop(target.value(**keywords)), len(rollouts))
    return as_floats(target.value(**keywords), len(rollouts))


def arguments(target: Target, rollouts: Sequence[Rollout]) -> dict[str, Any]:
    """Return the keywords of a batch of conversational rollouts.

    Completion ids are the bytes of the text, for want of a tokenizer. Without any image there is no column of
    them and a message is a text, as in a data set of texts.
    """
    names = sorted({name for one in rollouts for name in one.columns} - {*_GIVEN, "prompt", "completion"})
    columns = {name: [one.columns.get(name) for one in rollouts] for name in names}
    pictures = [opened(one.images) for one in rollouts]
    return {
        "prompts": [asked(one, shown) for one, shown in zip(rollouts, pictures, strict=True)]
        if any(pictures)
        else [[{"role": "user", "content": one.prompt}] for one in rollouts],
        "completions": [[{"role": "assistant", "content": one.completion}] for one in rollouts],
        "completion_ids": [list(one.completion.encode("utf-8", "replace")) for one in rollouts],
        **(_pictured(target, pictures) if any(pictures) or _asks_for_images(target) else {}),
        **columns,
        **golds_for(target, rollouts),
        "trainer_state": _state(target),
        "log_extra": lambda column, values: None,  # noqa: ARG005 - TRL's two loggers
        "log_metric": lambda name, value: None,  # noqa: ARG005
    }


def opened(paths: Sequence[str]) -> list[Any]:
    """Return the images, opened, as a trainer's data set has them; they decode when they are looked at."""
    from PIL import Image

    return [Image.open(path) for path in paths]


def on_a_loop(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - what the function returns
    """Run a coroutine as TRL does: on an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        return asyncio.run_coroutine_threadsafe(work, loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def asked(one: Rollout, shown: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the prompt as a conversation, the opened images before its text."""
    images = [{"type": "image", "image": image} for image in shown]
    return [{"role": "user", "content": [*images, {"type": "text", "text": one.prompt}]}]


def _asks_for_images(target: Target) -> bool:
    """Return whether the function names the column, which is then there though no image of this batch is."""
    return not target.names.isdisjoint(("image", "images"))


def _pictured(target: Target, pictures: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the column of images, under the one of TRL's two names that the function asks for."""
    if "image" in target.names and "images" not in target.names:
        return {"image": [shown[0] if shown else None for shown in pictures]}
    return {"images": list(pictures)}


def _state(target: Target) -> Any:  # noqa: ANN401 - transformers' TrainerState, where it is installed
    """Return a TrainerState where the function asks for it by name, or its module has transformers anyway.

    Elsewhere nobody looks at it, and the import takes seconds.
    """
    if "trainer_state" not in target.names and "transformers" not in sys.modules:
        return None
    try:
        from transformers import TrainerState
    except ImportError:
        return None
    return TrainerState()
