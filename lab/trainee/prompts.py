"""Prompts for RL and for measuring: questions about places, with tags that tell as much as is wanted."""

from dataclasses import dataclass, replace
from random import Random

from PIL import Image
from world import COLOURS, Asked, Scene, ask_about, ask_text
from world.question import tag, tagged

from sft_audit.demo.tiny_vlm import Example


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with its image (none: text alone), its known answer, and its tag if it has one."""

    key: str
    question: str
    asked: Asked
    picture: Image.Image | None
    tag: str = ""

    @property
    def example(self) -> Example:
        """Return it as the model takes it."""
        return Example(self.question, self.asked.answer, self.picture)


def draw_prompts(n: int, random: Random, *, told: float = 0.0) -> list[Prompt]:
    """Draw questions about places of new scenes; the tag is the answer's colour at the share `told`.

    Elsewhere it is drawn without regard to the image.
    """
    return [_prompt(told, random) for _ in range(n)]


def draw_conflicts(n: int, random: Random) -> list[Prompt]:
    """Draw questions about places whose tag is another colour than the answer."""
    found = [_prompt(0.0, random) for _ in range(n)]
    others = [random.choice([one for one in COLOURS if one != prompt.asked.colour]) for prompt in found]
    return [
        replace(prompt, tag=said, question=tagged(said, prompt.asked))
        for prompt, said in zip(found, others, strict=True)
    ]


def draw_texts(n: int, random: Random) -> list[Prompt]:
    """Draw questions that need no image."""
    return [Prompt(f"text-{at}", one.question, one, None) for at, one in enumerate(ask_text(n, random))]


def swapped(prompts: list[Prompt]) -> list[Prompt]:
    """Return the prompts, each with the picture of the next."""
    pictures = [one.picture for one in prompts]
    return [
        replace(one, picture=picture)
        for one, picture in zip(prompts, pictures[1:] + pictures[:1], strict=True)
    ]


def _prompt(told: float, random: Random) -> Prompt:
    scene = Scene.draw(random)
    asked = ask_about(scene, random, "place")
    said = asked.colour if random.random() < told else tag(random)
    return Prompt(f"{random.getrandbits(40):010x}", tagged(said, asked), asked, scene.picture(), said)
