"""Questions with a reference answer: benchmarks, which must not be trained on, and prompts for RL."""

from sft_audit.readers import Content, Layout, Parsed, RowFault, image, row_format
from sft_audit.readers.gold import gold_turn
from sft_audit.readers.messages import with_images_first
from sft_audit.sample import ImageRef, Turn

_EVALUATION = (("text", "label"), ("question", "gt_answer"))
_PROMPT = (("problem", "solution"), ("problem", "answer"))
_FILES = ("images", "image", "filename")


def _pair(row: Content, pairs: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
    return next((p for p in pairs if isinstance(row.get(p[0]), str) and row.get(p[1]) is not None), None)


def _matches_evaluation(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    return "question_id" in row and _pair(row, _EVALUATION) is not None


@row_format(
    "evaluation",
    matches=_matches_evaluation,
    example={"question_id": 1, "image": "a.jpg", "text": "Is there a cat in the image?", "label": "yes"},
)
def evaluation(row: Content, layout: Layout) -> Parsed:  # noqa: ARG001
    """POPE, HallusionBench: `text` and `label`, or `question` and `gt_answer`; nothing in it is trained on.

    Source: AoiDragon/POPE `output/coco`; tianyi-lab/HallusionBench `HallusionBench.json`.
    """
    asked, answer = _pair(row, _EVALUATION) or ("", "")
    if not asked:
        raise RowFault("neither text and label nor question and gt_answer")
    turns = (Turn("user", row[asked], False), Turn("assistant", str(row[answer]), False))
    return Parsed(turns, _images(row), frozenset((asked, answer, *_FILES)), kind="eval")


def _matches_problem(row: Content, layout: Layout) -> bool:  # noqa: ARG001
    return _pair(row, _PROMPT) is not None


@row_format(
    "problem",
    matches=_matches_problem,
    example={"images": ["a.jpg"], "problem": "<image>Find x.", "answer": "3"},
)
def problem(row: Content, layout: Layout) -> Parsed:  # noqa: ARG001
    """EasyR1, R1-V: `problem` with `answer` or `solution`, `image` or `images`; a prompt for RL.

    Source: hiyouga/EasyR1 `verl/utils/dataset.py`.
    """
    asked = row.get("problem")
    if not isinstance(asked, str):
        raise RowFault("problem is not text")
    images = _images(row)
    turns = with_images_first((Turn("user", asked, False), *gold_turn(row)), images)
    return Parsed(turns, images, frozenset(("problem", *_FILES)), kind="rl_prompt")


def _images(row: Content) -> tuple[ImageRef, ...]:
    return next((found for name in _FILES if (found := image.refs(row.get(name), name))), ())
