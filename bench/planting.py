"""Structural faults, planted in LLaVA or `messages` sets: from how such sets break, not from the checks."""

# ruff: noqa: ARG001 - every fault is made by the same signature
# ruff: noqa: RUF001 - typographic quotes are what text is damaged with

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from random import Random

from PIL import Image, ImageEnhance


@dataclass(frozen=True)
class Item:
    """One row: image paths, turns as (who, text) with who in `ask` and `tell`, and everything else."""

    images: tuple[str, ...]
    turns: tuple[tuple[str, str], ...]
    rest: dict[str, object] = field(default_factory=dict)
    raw: bytes | None = None
    comma: bool = True

    def telling(self, text: str) -> "Item":
        """Return the row with another answer."""
        return replace(self, turns=(*self.turns[:-1], ("tell", text)))

    def asking(self, text: str) -> "Item":
        """Return the row with another question."""
        return replace(self, turns=(("ask", text), *self.turns[1:]))

    @property
    def ask(self) -> str:
        """Return the question, placeholder included."""
        return self.turns[0][1]

    @property
    def tell(self) -> str:
        """Return the answer."""
        return self.turns[-1][1]


@dataclass(frozen=True)
class Dialect:
    """How a format spells a row."""

    turns: str
    images: str
    who: str
    text: str
    roles: dict[str, str]
    lines: bool

    def read(self, path: Path) -> list[Item]:
        """Return the rows of a sound file."""
        content = path.read_text(encoding="utf-8")
        rows = [json.loads(line) for line in content.splitlines()] if self.lines else json.loads(content)
        return [self._item(row) for row in rows]

    def dump(self, item: Item) -> bytes:
        """Return the row's bytes."""
        if item.raw is not None:
            return item.raw
        images = list(item.images) if self.lines or len(item.images) > 1 else item.images[0]
        turns = [{self.who: self.roles[who], self.text: text} for who, text in item.turns]
        return json.dumps({**item.rest, self.images: images, self.turns: turns}, ensure_ascii=False).encode(
            "utf-8", "backslashreplace"
        )

    def write(self, path: Path, items: Sequence[Item]) -> None:
        """Write the file."""
        if self.lines:
            path.write_bytes(b"".join(self.dump(item) + b"\n" for item in items))
            return
        parts = [self.dump(item) + (b", " if item.comma else b" ") for item in items]
        path.write_bytes(b"[" + b"".join(parts).rstrip(b", ") + b"]")

    def _item(self, row: dict) -> Item:
        images = row[self.images]
        told = {name: who for who, name in self.roles.items()}
        return Item(
            (images,) if isinstance(images, str) else tuple(images),
            tuple((told[turn[self.who]], turn[self.text]) for turn in row[self.turns]),
            {name: value for name, value in row.items() if name not in (self.images, self.turns)},
        )


LLAVA = Dialect("conversations", "image", "from", "value", {"ask": "human", "tell": "gpt"}, lines=False)
MESSAGES = Dialect("messages", "images", "role", "content", {"ask": "user", "tell": "assistant"}, lines=True)


@dataclass(frozen=True)
class Plot:
    """What a fault may use: where the images are, known comparisons by image, chance, and the dialect."""

    images: Path
    rejected: dict[str, tuple[str, str]]
    random: Random
    dialect: Dialect

    def save(self, content: bytes, suffix: str = ".jpg") -> str:
        """Write an image file under a new name."""
        name = f"{self.random.randrange(10**12):012}{suffix}"
        (self.images / name).write_bytes(content)
        return name

    def open(self, item: Item) -> Image.Image:
        """Open the row's image."""
        return Image.open(self.images / item.images[0]).convert("RGB")


@dataclass(frozen=True)
class Fault:
    """One family: its check, which rows it can be planted in, and how.

    The faulty row takes the place of the sound one, or is put `beside` it. `about` says which other rows may
    rightly be named by the check. `most` is the largest share of the rows in which it is still a fault: a set
    in which more answers refuse has questions that cannot be answered. Faults that lie `apart` are never in
    neighbours: what two damaged rows in succession were, nobody can say.
    """

    check: str
    fits: Callable[[Item, Plot], bool]
    make: Callable[[Item, Plot, int], Item]
    beside: bool = False
    about: str = ""
    most: float = 1.0
    apart: bool = False


def _jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _always(_item: Item, _plot: Plot) -> bool:
    return True


def _prose(item: Item, _plot: Plot) -> bool:
    return len(item.tell.split()) >= 6


def _short(item: Item, _plot: Plot) -> bool:
    return item.tell.isdigit() or item.tell in ("Yes", "No", "True", "False")


def _compared(item: Item, plot: Plot) -> bool:
    return item.images[0] in plot.rejected and _prose(item, plot)


def _missing(item: Item, plot: Plot, n: int) -> Item:
    stem, suffix = item.images[0].rsplit(".", 1)
    name = (f"{stem}.jpeg2", f"train/{item.images[0]}", f"{stem}_.{suffix}", "nowhere.jpg")[n % 4]
    return replace(item, images=(name,))


def _unreadable(item: Item, plot: Plot, n: int) -> Item:
    whole = (plot.images / item.images[0]).read_bytes()
    content = (
        whole[: int(len(whole) * plot.random.uniform(0.05, 0.95))],
        b"",
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        whole[:2] + plot.random.randbytes(2000),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 500,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    )[n % 6]
    return replace(item, images=(plot.save(content),))


def _blank(item: Item, plot: Plot, n: int) -> Item:
    size = (plot.random.randrange(64, 640), plot.random.randrange(64, 640))
    level = plot.random.randrange(256)
    sheets = (
        lambda: (_jpeg(Image.new("RGB", size, (level,) * 3)), ".jpg"),
        lambda: (_png(Image.new("L", size, (0, 255)[level % 2])), ".png"),
        lambda: (_png(Image.new("RGBA", size, (0, 0, 0, 0))), ".png"),
        lambda: (_jpeg(Image.new("RGB", size, (level, 255 - level, 90))), ".jpg"),
    )
    return replace(item, images=(plot.save(*sheets[n % 4]()),))


def _placeholders(item: Item, plot: Plot, n: int) -> Item:
    return (
        item.asking("<image>\n" + item.ask),
        replace(item, images=(item.images[0], plot.save(_jpeg(plot.open(item).rotate(90, expand=True))))),
        item.asking(item.ask + "\n<image> <image>"),
    )[n % 3]


def _unreferenced(item: Item, plot: Plot, n: int) -> Item:
    return item.asking(item.ask.replace("<image>", "").strip())


def _order(item: Item, plot: Plot, n: int) -> Item:
    (ask, question), (tell, answer) = item.turns[0], item.turns[-1]
    return replace(
        item,
        turns=(
            ((tell, answer), (ask, question)),
            ((ask, question), (ask, answer)),
            ((ask, question), (tell, answer), (tell, answer + " Anything else?")),
            ((ask, question), (tell, answer), (ask, "Thanks.")),
        )[n % 4],
    )


def _empty(item: Item, plot: Plot, n: int) -> Item:
    return item.telling(("", "   ", "\n\n", "\t")[n % 4])


def _refusal(item: Item, plot: Plot, n: int) -> Item:
    texts = (
        "I'm sorry, but I can't assist with that request.",
        "I cannot see the image.",
        "I'm sorry, but I am not able to see the image you are referring to.",
        "As an AI, I don't have the ability to view images.",
        "I'm not able to provide an answer to that question.",
        "Sorry, I can't identify people in images.",
        "I apologize, but I'm unable to answer that.",
        "I am unable to process images. Please describe the picture.",
        "I won't be able to help with this request.",
        "I’m sorry, but I can’t help with identifying the person.",
    )
    return item.telling(texts[n % len(texts)])


def _damaged(item: Item, plot: Plot, n: int) -> Item:
    words = item.tell.split()
    at = plot.random.randrange(1, len(words) - 1)
    bad = (
        "café".encode().decode("latin-1"),
        "it’s".encode().decode("cp1252"),
        words[at] + "\ufffd",
        "\x00" + words[at],
        "naïve – yes".encode().decode("cp1252"),
        words[at] + "\ud83d",
        "\x1b[0m" + words[at],
    )[n % 7]
    return item.telling(" ".join((*words[:at], bad, *words[at + 1 :])))


def _malformed(item: Item, plot: Plot, n: int) -> Item:
    whole = plot.dialect.dump(item)
    cut = whole[: int(len(whole) * plot.random.uniform(0.3, 0.95))]
    raw = (
        cut,
        whole.replace(b'"', b"'"),
        whole.replace(b'": ', b'" ', 1),
        whole.replace(b"<image>", b"\xe9\xff<image>", 1),
        whole[:-1],
        whole.replace(b'"role": ', b"role: ").replace(b'"from": ', b"from: "),
    )[n % 6]
    return replace(item, raw=raw)


def _duplicate(item: Item, plot: Plot, n: int) -> Item:
    return replace(item)


def _near_image(item: Item, plot: Plot, n: int) -> Item:
    image = plot.open(item)
    width, height = image.size
    content = (
        lambda: _jpeg(image, 50),
        lambda: _jpeg(image.resize((round(width * 0.7), round(height * 0.7)))),
        lambda: _jpeg(ImageEnhance.Brightness(image).enhance(1.1)),
        lambda: _jpeg(
            image.crop((round(width * 0.03), round(height * 0.03), round(width * 0.97), round(height * 0.97)))
        ),
    )[n % 4]()
    return replace(item, images=(plot.save(content),))


def _near_text(item: Item, plot: Plot, n: int) -> Item:
    text = item.tell
    changed = (
        text.upper() if text != text.upper() else text.lower(),
        text.rstrip(".") + " .",
        text.replace(" ", "  "),
        text[0].swapcase() + text[1:].rstrip("."),
    )[n % 4]
    return _named(item.telling(changed), plot)


def _contradiction(item: Item, plot: Plot, n: int) -> Item:
    other = {"Yes": "No", "No": "Yes", "True": "False", "False": "True"}.get(item.tell)
    if other is None:
        words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
        number = int(item.tell) + plot.random.choice((1, 2, 3))
        other = words[number] if n % 2 and number < len(words) else str(number)
    return _named(item.telling((other, other + ".", other.lower())[n % 3]), plot)


def _preference(item: Item, plot: Plot, n: int) -> Item:
    other = "Something else entirely."
    fields = (
        {"chosen": item.tell, "rejected": other},
        {"rejected_response": other},
        {"output_1": item.tell, "output_2": other, "preference": 1},
        {"score_chosen": 8.5, "score_rejected": 3.0},
        {"reward": 0.71},
        {"text": json.dumps({"question": "?", "chosen": item.tell, "rejected": other})},
    )[n % 6]
    return replace(item, rest={**item.rest, **fields})


def _marker(item: Item, plot: Plot, n: int) -> Item:
    text = (
        "{} Score: 7/10",
        "Rating: 4 out of 5. {}",
        "{}\n[[B]]",
        "Response 2 is better than Response 1. {}",
        "{} <score>0.9</score>",
        "{}\nI would rate this answer 8/10.",
        "{}\nVerdict: A is better",
        "{}\nHelpfulness: 4\nCorrectness: 3",
    )[n % 8]
    return item.telling(text.format(item.tell))


def _rejected(item: Item, plot: Plot, n: int) -> Item:
    question, worse = plot.rejected[item.images[0]]
    return _named(item.asking("<image>\n" + question).telling(worse), plot)


def _given(item: Item, plot: Plot, n: int) -> Item:
    text = (
        "{ask}\nThe answer is {tell}.",
        "{ask} (answer: {tell})",
        "{ask}\nHint: {tell}",
        "{ask}\nCorrect answer: {tell}",
    )[n % 4]
    return item.asking(text.format(ask=item.ask, tell=item.tell))


def _named(item: Item, plot: Plot) -> Item:
    """Give a further row an id of its own, where the set has ids."""
    return (
        replace(item, rest={**item.rest, "id": f"x{plot.random.randrange(10**9)}"})
        if "id" in item.rest
        else item
    )


FAULTS: dict[str, Fault] = {
    "malformed row": Fault("INT101", _always, _malformed, apart=True),
    "missing image": Fault("INT102", _always, _missing),
    "unreadable image": Fault("INT103", _always, _unreadable),
    "placeholder mismatch": Fault("INT104", _always, _placeholders),
    "wrong role order": Fault("INT105", _always, _order),
    "empty answer": Fault("INT106", _always, _empty),
    "refusal answer": Fault("INT107", _always, _refusal, most=0.04),
    "blank image": Fault("INT108", _always, _blank),
    "unreferenced image": Fault("INT109", _always, _unreferenced),
    "damaged text": Fault("INT110", _prose, _damaged, about="bytes that are not UTF-8"),
    "answer in prompt": Fault("GRD201", _always, _given),
    "preference fields": Fault("PRF301", _always, _preference),
    "reward markers": Fault("PRF302", _prose, _marker),
    "rejected as target": Fault("PRF303", _compared, _rejected, beside=True),
    "conflicting answers": Fault("CON401", _short, _contradiction, beside=True, about="the same question"),
    "duplicate sample": Fault("DUP601", _always, _duplicate, beside=True, about="the same row"),
    "near-duplicate image": Fault("DUP602", _always, _near_image, beside=True, about="the same image"),
    "near-duplicate text": Fault("DUP603", _prose, _near_text, beside=True, about="the same words"),
}


@dataclass(frozen=True)
class Planted:
    """One family's places, 1-based: of the faulty rows, and of the sound rows that their faults are about."""

    faulty: frozenset[int]
    about: frozenset[int]


@dataclass(frozen=True)
class Planting:
    """The rows with their faults, and where each family lies."""

    rows: list[Item]
    families: dict[str, Planted]


def plant(items: Sequence[Item], families: Sequence[str], each: int, plot: Plot) -> Planting:
    """Plant up to `each` faults of every family, no two in one row."""
    rows, free = list(items), list(range(len(items)))
    plot.random.shuffle(free)
    made: dict[str, list[tuple[Item, Item]]] = {}
    for family in families:
        fault = FAULTS[family]
        chosen = [at for at in free if fault.fits(rows[at], plot) and not (fault.apart and at % 2)]
        chosen = chosen[: min(each, int(fault.most * len(items)))]
        free = [at for at in free if at not in set(chosen)]
        made[family] = [(rows[at], fault.make(rows[at], plot, n)) for n, at in enumerate(chosen)]
        if not fault.beside:
            for at, (_, faulty) in zip(chosen, made[family], strict=True):
                rows[at] = faulty
    for family, pairs in made.items():
        for sound, faulty in pairs if FAULTS[family].beside else ():
            first = next(n for n, row in enumerate(rows) if row is sound)
            rows.insert(plot.random.randint(first + 1, len(rows)), faulty)
    return Planting(rows, {family: _places(family, pairs, rows) for family, pairs in made.items()})


def _words(row: Item) -> tuple[str, ...]:
    """Return image, question and answer without case, punctuation and spacing."""
    said = [re.sub(r"\W+|image", "", text.lower()) for _, text in row.turns[:2]]
    return (row.images[0], *sorted(said))


def _places(family: str, pairs: Sequence[tuple[Item, Item]], rows: Sequence[Item]) -> Planted:
    place = {id(row): n for n, row in enumerate(rows, 1)}
    faulty = frozenset(place[id(item)] for _, item in pairs)
    match FAULTS[family].about:
        case "the same image":
            shared = {sound.images[0] for sound, _ in pairs}
            about = {n for n, row in enumerate(rows, 1) if shared & set(row.images)}
        case "the same row":
            counted = Counter((row.images, row.turns) for row in rows)
            about = {n for n, row in enumerate(rows, 1) if counted[row.images, row.turns] > 1}
        case "the same question":
            shared = {(sound.images, sound.ask) for sound, _ in pairs}
            about = {n for n, row in enumerate(rows, 1) if (row.images, row.ask) in shared}
        case "the same words":
            counted = Counter(_words(row) for row in rows)
            about = {n for n, row in enumerate(rows, 1) if counted[_words(row)] > 1}
        case "bytes that are not UTF-8":
            about = {n for n, row in enumerate(rows, 1) if row.raw and b"\xff" in row.raw}
        case _:
            about = set()
    return Planted(faulty, frozenset(about) - faulty)
