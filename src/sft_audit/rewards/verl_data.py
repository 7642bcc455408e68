"""Stand-ins for what verl hands to a reward manager: no code of verl's, the attributes that managers read.

From reading: verl itself is not needed, and a manager that asks for more gets an AttributeError or KeyError.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sft_audit.models.matrix import matrix
from sft_audit.rewards import Rollout
from sft_audit.rewards.trl import asked, opened

_END = 0


class CharacterTokenizer:
    """A tokenizer whose ids are the characters' code points, for want of the model's own; 0 ends a text."""

    eos_token, pad_token = "\0", "\0"
    eos_token_id = pad_token_id = _END

    def encode(self, text: str, **options: object) -> list[int]:  # noqa: ARG002 - transformers' keywords
        """Return the ids of a text."""
        return [ord(letter) for letter in text]

    def decode(self, ids: Any, skip_special_tokens: bool = False, **options: object) -> str:  # noqa: ANN401, ARG002 - as managers call it
        """Return the text of a row of ids."""
        text = "".join(chr(int(one)) for one in ids)
        return text.replace(self.eos_token, "") if skip_special_tokens else text

    def batch_decode(self, rows: Any, **options: Any) -> list[str]:  # noqa: ANN401
        """Return the texts of rows of ids."""
        return [self.decode(ids, **options) for ids in rows]


class Settings(dict[str, Any]):
    """Settings by key or by attribute, None where there is none, as OmegaConf has it."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Return a setting."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)


def settings() -> Settings:
    """Return what a manager reads of verl's configuration: nothing is set but the column of the source."""
    function = Settings(path=None, name="compute_score", reward_kwargs=Settings())
    manager = Settings(source="register", name="naive", module=Settings(path=None, name=None))
    reward = Settings(num_workers=1, custom_reward_function=function, reward_manager=manager)
    reward |= {"reward_kwargs": Settings(), "reward_model": Settings(enable=False)}
    return Settings(
        data=Settings(reward_fn_key="data_source", return_raw_chat=True),
        reward=reward,
        custom_reward_function=function,
        reward_model=Settings(enable=False, reward_kwargs=Settings()),
    )


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a batch: its tensors and its other fields, by name."""

    batch: Mapping[str, Any]
    non_tensor_batch: Mapping[str, Any]
    meta_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as a manager gets them: `batch` of (n, length) tensors, `non_tensor_batch` of n objects a field.

    `prompts` are padded on the left, `responses` on the right; `attention_mask` spans both.
    """

    batch: dict[str, Any]
    non_tensor_batch: dict[str, Any]
    meta_info: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.batch["responses"].shape[0])

    def __getitem__(self, at: int | slice) -> Item | Self:
        """Return one row, or some as a batch."""
        tensors = {name: values[at] for name, values in self.batch.items()}
        others = {name: values[at] for name, values in self.non_tensor_batch.items()}
        if isinstance(at, slice):
            return type(self)(tensors, others, self.meta_info)
        return Item(tensors, others, self.meta_info)

    def __iter__(self) -> Iterator[Item | Self]:
        """Yield the rows."""
        return (self[at] for at in range(len(self)))


def batch_of(rollouts: Sequence[Rollout]) -> Batch:
    """Return rollouts as a batch; the images stand in the prompt and in `multi_modal_data`."""
    import numpy as np

    tokenizer = CharacterTokenizer()
    prompts = matrix([tokenizer.encode(one.prompt) for one in rollouts], left=True)
    responses = matrix([[*tokenizer.encode(one.completion), _END] for one in rollouts], left=False)
    names = {name for one in rollouts for name in one.columns}
    fields: dict[str, list[Any]] = {name: [one.columns.get(name) for one in rollouts] for name in names}
    shown = [opened(one.images) for one in rollouts]
    fields |= {
        "raw_prompt": [asked(one, images) for one, images in zip(rollouts, shown, strict=True)],
        "multi_modal_data": [{"image": images, "images": images} for images in shown],
        "reward_model": [{"style": "rule", "ground_truth": one.gold} for one in rollouts],
        "data_source": [str(one.columns.get("data_source", "unknown")) for one in rollouts],
        "extra_info": [_mapping(one.columns.get("extra_info")) for one in rollouts],
        "uid": [str(at) for at in range(len(rollouts))],
        "__num_turns__": [2] * len(rollouts),
    }
    others = {name: np.fromiter(values, object, len(values)) for name, values in fields.items()}
    return Batch(
        {
            "prompts": prompts.ids,
            "responses": responses.ids,
            "input_ids": prompts.beside(responses).ids,
            "attention_mask": prompts.beside(responses).mask,
            "response_mask": responses.mask,
        },
        others,
    )


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
