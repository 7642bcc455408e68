"""Questions and answers as a model reads them: its chat template, its processor, token ids and tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jinja2 import TemplateError

from sft_audit.errors import AuditError
from sft_audit.models.probing import Question

Tensors = dict[str, Any]
_IMAGES_AND_TEXT = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")


@dataclass(frozen=True, slots=True, eq=False)
class Dialogue:
    """A processor, the ids that close an answer (`closing` is its template's own), and those of placeholders.

    `both_ways` is true of a PaliGemma, whose prompt is not causal: its tokens are of type 0, an answer's of
    type 1, and its processor closes the prompt with a line break, where there is no image too.
    """

    processor: Any
    stops: tuple[int, ...]
    closing: int
    placeholders: tuple[int, ...]
    both_ways: bool

    @property
    def padding(self) -> int:
        """The id that fills short rows."""
        return int(self.processor.tokenizer.pad_token_id)

    def prompts(self, questions: Sequence[Question], side: Literal["left", "right"]) -> Tensors:
        """Return the tensors of questions with equally many images, padded at that side."""
        texts = [_rendered(self.processor, one) for one in questions]
        options: dict[str, Any] = {"return_tensors": "pt", "padding": True, "padding_side": side}
        bos = self.processor.tokenizer.bos_token
        if bos and texts[0].startswith(bos):
            options["add_special_tokens"] = False
        if questions[0].images:
            found = self.processor(text=texts, images=[list(one.images) for one in questions], **options)
            return {name: value for name, value in found.items() if name != "labels"}
        # Some processors refuse to be asked without an image; their tokenizers do not.
        if self.both_ways:
            texts = [f"{bos}{one}\n" for one in texts]
            options["add_special_tokens"] = False
        found = self.processor.tokenizer(texts, **options)
        typed = {"token_type_ids": found["input_ids"] * 0} if self.both_ways else {}
        return {"input_ids": found["input_ids"], "attention_mask": found["attention_mask"], **typed}

    def answer_ids(self, question: Question, answer: str) -> list[int]:
        """Return the ids of an answer as training on it sees them, the closing one included."""
        prompt = _rendered(self.processor, question)
        before = _lead(_rendered(self.processor, question, answer), prompt, answer)
        start, whole = self._ids(prompt), self._ids(prompt + before + answer)
        own = whole[len(start) :] if whole[: len(start)] == start else self._ids(before + answer)
        return [one for one in own if one not in self.placeholders] + [self.closing]

    def answered(
        self, questions: Sequence[Question], answers: Sequence[Sequence[int]]
    ) -> tuple[Tensors, list[int]]:
        """Return the tensors of questions with their answers, and where in its row each answer starts."""
        prompts = self.prompts(questions, "right")
        starts = prompts["attention_mask"].sum(1).tolist()
        width = max(start + len(ids) for start, ids in zip(starts, answers, strict=True))
        shape = prompts["input_ids"].shape
        fills = {"input_ids": self.padding, "token_type_ids": int(self.both_ways)}
        for name in _IMAGES_AND_TEXT:
            if name not in prompts or prompts[name].shape != shape:
                continue
            grown = prompts[name].new_full((shape[0], width), fills.get(name, 0))
            for row, (start, ids) in enumerate(zip(starts, answers, strict=True)):
                grown[row, :start] = prompts[name][row, :start]
                if name == "input_ids":
                    grown[row, start : start + len(ids)] = grown.new_tensor(list(ids))
                elif name == "attention_mask":
                    grown[row, start : start + len(ids)] = 1
            prompts[name] = grown
        return prompts, starts

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of ids without special tokens."""
        said: str = self.processor.tokenizer.decode(list(ids), skip_special_tokens=True)
        return said.strip()

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found


def images_only(inputs: Tensors) -> Tensors:
    """Return what of a processor's tensors is about images."""
    return {name: value for name, value in inputs.items() if name not in _IMAGES_AND_TEXT}


def dialogue_of(processor: Any, model: Any, where: str) -> Dialogue:  # noqa: ANN401 - a processor, a torch module
    """Return the dialogue of a model; raise AuditError where its processor or chat template is of no use."""
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None or getattr(processor, "image_processor", None) is None:
        raise AuditError(
            f"{where}: no processor of images and text; copy that of the base model into the folder"
        )
    processor.chat_template = processor.chat_template or tokenizer.chat_template
    if processor.chat_template is None:
        raise AuditError(
            f"{where}: no chat template; save the processor with the one that the model was trained on"
        )
    probe = Question("yes", (None,))
    try:
        shown, whole = _rendered(processor, probe), _rendered(processor, probe, "yes")
    except (TemplateError, TypeError) as fault:
        raise AuditError(
            f"{where}: its chat template cannot show a question with an image: {fault}"
        ) from None
    if getattr(processor, "image_token", None) and processor.image_token not in shown:
        raise AuditError(f"{where}: its chat template leaves images out; save one that has a place for them")
    stops = _as_ids(model.generation_config.eos_token_id) or _as_ids(tokenizer.eos_token_id)
    after = whole.removeprefix(shown).rpartition("yes")[2] if whole.startswith(shown) else ""
    closing = next(
        (
            one
            for one in tokenizer(after, add_special_tokens=False)["input_ids"]
            if one in tokenizer.all_special_ids
        ),
        None,
    )
    stops = tuple(dict.fromkeys((*stops, *_as_ids(closing))))
    if not stops:
        raise AuditError(f"{where}: nothing closes an answer; give its tokenizer an eos_token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(stops[0])
    config = model.config
    places = [getattr(config, name, None) for name in ("image_token_id", "video_token_id")]
    return Dialogue(
        processor,
        stops,
        stops[0] if closing is None else closing,
        tuple(one for one in places if one is not None),
        both_ways=config.model_type == "paligemma",
    )


def _rendered(processor: Any, question: Question, answer: str | None = None) -> str:  # noqa: ANN401
    """Return a question, ready to be answered, or with its answer, in the words of the chat template."""
    parts = [{"type": "image"} for _ in question.images] + [{"type": "text", "text": question.text}]
    turns: list[dict[str, Any]] = [{"role": "user", "content": parts}]
    if answer is not None:
        turns.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    text: str = processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer is None)
    return text


def _lead(whole: str, prompt: str, answer: str) -> str:
    """Return the white space that a template puts between prompt and answer."""
    tail = whole.removeprefix(prompt) if whole.startswith(prompt) else ""
    lead, found, _ = tail.partition(answer) if answer else ("", "", "")
    return lead if found and not lead.strip() else ""


def _as_ids(value: int | Sequence[int] | None) -> tuple[int, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)
