"""A reward function of every convention; each prints what it was given, and in which thread."""

import asyncio
import json
import os
import threading


def _said(value):
    """Return a value as JSON has it; of anything else the name of its type."""
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_said(one) for one in value]
    return value if isinstance(value, str | int | float | None) else type(value).__name__


def _note(*positional, **keywords):
    in_main = threading.current_thread() is threading.main_thread()
    said = {"main": in_main, "positional": _said(positional), "keywords": _said(keywords)}
    os.write(1, (json.dumps(said) + "\n").encode())  # whole, though several threads speak at once


def trl(completions, solution, **kwargs):
    _note(completions=completions, solution=solution, **kwargs)
    return [0.25 * (at + 1) for at in range(len(completions))]


def trl_by_key(completions, **kwargs):
    return [float(one[0]["content"] == gold) for one, gold in zip(completions, kwargs["answer"], strict=True)]


async def trl_async(completions, **kwargs):
    _note(completions=completions)
    return [1.0] * len(completions)


def verl(data_source, solution_str, ground_truth, extra_info=None, **more):
    _note(
        data_source=data_source,
        solution_str=solution_str,
        ground_truth=ground_truth,
        extra_info=extra_info,
        **more,
    )
    return {"score": float(len(solution_str)), "seen": 1}


async def verl_async(data_source, solution_str, ground_truth, extra_info=None):
    _note(solution_str=solution_str)
    return 0.5


def verl_batch(data_sources, solution_strs, ground_truths, extra_infos, **more):
    _note(
        data_sources=data_sources,
        solution_strs=solution_strs,
        ground_truths=ground_truths,
        extra_infos=extra_infos,
        **more,
    )
    return [{"score": 1.0}, {"score": 0.0}]


def easyr1(reward_inputs, *more, **keywords):
    _note(reward_inputs, *more, **keywords)
    return [{"overall": 0.5, "format": 1.0, "accuracy": 0.0} for _ in reward_inputs]


def easyr1_sequential(reward_input, *more, **keywords):
    _note(reward_input, *more, **keywords)
    return {"overall": float(len(reward_input["response"]))}


class Swift:
    made = 0

    def __init__(self, args=None, **kwargs):
        Swift.made += 1

    def __call__(self, completions, *more, solution, **keywords):
        _note(completions, *more, solution=solution, **keywords)
        return [float(Swift.made)] * len(completions)


def openrlhf(queries, prompts, labels, *more, **keywords):
    _note(queries, prompts, labels, *more, **keywords)
    return {"rewards": [0.75], "scores": [0.0]}


def plain(response, ground_truth, question):
    _note(response=response, ground_truth=ground_truth, question=question)
    return True


def places(a, b):
    _note(a, b)
    return 0.0 if a == b else None


def _of(item):
    """Return what a verl manager reads of one row."""
    length = item.batch["responses"].shape[-1]
    mask = item.batch["attention_mask"]
    return {
        "response": item.batch["responses"][: mask[-length:].sum()],
        "prompt": item.batch["prompts"][-mask[:-length].sum() :],
        "gold": item.non_tensor_batch["reward_model"]["ground_truth"],
        "source": item.non_tensor_batch["data_source"],
        "extra": item.non_tensor_batch.get("extra_info", {}),
        "raw_prompt": list(item.non_tensor_batch["raw_prompt"]),
        "images": list(item.non_tensor_batch["multi_modal_data"]["images"]),
    }


class VerlManager:
    def __init__(self, config, tokenizer, compute_score, reward_router_address=None, **more):
        self.tokenizer = tokenizer
        self.compute_score = compute_score
        self.loop = None
        _note(fields=config.data.reward_fn_key, kwargs=dict(config.reward.get("reward_kwargs", {})), **more)

    async def run_single(self, data):
        assert len(data) == 1
        self.loop = self.loop or asyncio.get_running_loop()
        told = _of(data[0])
        told["prompt"] = self.tokenizer.decode(told["prompt"])
        told["response"] = await self.loop.run_in_executor(
            None, lambda: self.tokenizer.decode(told["response"], skip_special_tokens=True)
        )
        _note(**told)
        score = self.compute_score(told["source"], told["response"], told["gold"], told["extra"])
        return {"reward_score": score, "reward_extra_info": {"acc": score}}


class OlderVerlManager:
    def __init__(self, tokenizer, num_examine, compute_score=None, reward_fn_key="data_source"):
        self.tokenizer = tokenizer
        self.key = reward_fn_key

    def __call__(self, data, return_dict=False):
        scores = data.batch["responses"] * 0.0
        for at in range(len(data)):
            told = _of(data[at])
            text = self.tokenizer.decode(told["response"]).removesuffix(self.tokenizer.eos_token)
            _note(response=text, source=data[at].non_tensor_batch[self.key])
            scores[at, len(told["response"]) - 1] = float(text == told["gold"])
        return {"reward_tensor": scores, "reward_extra_info": {}} if return_dict else scores


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return float(solution_str == ground_truth) + 0.5
