"""What three ordinary reward functions pay for on four real data sets, and their trials to be read by eye.

python bench/reward_cards.py [--data ../shared/data] [--answers 60] [-o FILE]; prints Markdown.
python bench/reward_cards.py --show 10 reads the audits that the first command left and prints that many
trials of each family, drawn from all sets, with what each function paid. What none of the functions was
asked, because none wants a form, is written in the form of tags.
"""

import argparse
import json
import shutil
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

import duckdb

from sft_audit import audit_reward
from sft_audit.rewards.trial import FORMS, all_families, known_answer, trials_for

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
WORK = Path(__file__).parent / "scratch" / "reward_cards"
REWARDS = '''
"""Three ordinary reward functions, as people write them for TRL."""

import re

from math_verify import parse, verify


def exact_match(completions, solution, **columns):
    texts = [completion[0]["content"] for completion in completions]
    return [float(text.strip().lower() == gold.strip().lower()) for text, gold in zip(texts, solution)]


def lenient_substring(completions, solution, **columns):
    texts = [completion[0]["content"] for completion in completions]
    return [float(gold.lower() in text.lower()) for text, gold in zip(texts, solution)]


def math_verify(completions, solution, **columns):
    rewards = []
    for completion, gold in zip(completions, solution):
        text = completion[0]["content"]
        tagged = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
        answer = tagged[1].strip() if tagged else text
        rewards.append(float(verify(parse(gold), parse(answer))))
    return rewards
'''
NAMES = ("exact_match", "math_verify", "lenient_substring")
HEAD = """# Three ordinary reward functions on four real sets

`python bench/reward_cards.py`: the share paid of each family, with its 95 % interval (Wilson).

"""
UNASKED = dict.fromkeys(NAMES, "not asked")
TAGS = next(form for form in FORMS if form.name == "tags")
FORMED = ("format_only", "empty_think", "several_blocks")


@dataclass(frozen=True)
class RealSet:
    """A real data set: its rows, and the folder that image paths start from (None: that of the rows)."""

    name: str
    rows: Path
    images: Path | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--answers", type=int, default=60)
    parser.add_argument("--show", type=int)
    parser.add_argument("-o", type=Path)
    arguments = parser.parse_args()
    sets = real_sets(arguments.data)
    if arguments.show:
        text = shown(sets, arguments.show)
    else:
        shutil.rmtree(WORK / "audits", ignore_errors=True)
        (WORK / "ordinary.py").write_text(REWARDS, encoding="utf-8")
        text = HEAD + "\n".join(cards(one, arguments.answers) for one in sets)
    if arguments.o:
        arguments.o.write_text(text, encoding="utf-8")
    print(text)


def real_sets(data: Path) -> list[RealSet]:
    """Return the four sets; the questions of COCO that count are written to the scratch folder."""
    WORK.mkdir(parents=True, exist_ok=True)
    rows = json.loads((data / "coco" / "llava.json").read_text(encoding="utf-8"))
    counts = WORK / "coco_counts.json"
    counts.write_text(json.dumps([row for row in rows if row["source"] == "counts"]), encoding="utf-8")
    return [
        RealSet("NLVR", data / "nlvr" / "messages.jsonl"),
        RealSet("receipts", data / "receipts" / "llamafactory.json"),
        RealSet("MATH-Vision", data / "mathv" / "train.parquet"),
        RealSet("COCO counts", counts, data / "coco" / "images"),
    ]


def folder(one: RealSet, name: str) -> Path:
    """Return the folder of the audit of a function on a set."""
    return WORK / "audits" / f"{one.name.replace(' ', '-').lower()}-{name}"


def cards(one: RealSet, answers: int) -> str:
    """Audit the three functions on a set; return its heads, its families and its findings as Markdown."""
    found = {}
    for name in NAMES:
        options = {"images": one.images} if one.images else {}
        target = f"{WORK / 'ordinary.py'}:{name}"
        audit_reward(target, one.rows, out=folder(one, name), answers=answers, **options)
        verdict = json.loads((folder(one, name) / "verdict.json").read_text(encoding="utf-8"))
        manifest = json.loads((folder(one, name) / "manifest.json").read_text(encoding="utf-8"))
        found[name] = verdict | {"seconds": manifest["seconds"], "stages": manifest["stages"]}
    return "\n".join((f"## {one.name}\n", *heads(found), "", *families(found), "", *reasons(found), ""))


def heads(found: dict[str, dict]) -> list[str]:
    """Return a line a function: rates, verdict, findings, time."""
    names = (
        "reward",
        "form",
        "answers",
        "trials",
        "wrong, paid (FPR)",
        "right, not paid (FNR)",
        "Youden's J",
    )
    names += ("paid in no spelling", "verdict", "findings", "seconds", "of these asking")
    lines = [f"| {' | '.join(names)} |", "|---|---|---:|---:|---|---|---|---|---|---|---:|---:|"]
    for name, verdict in found.items():
        card = verdict["card"]
        counts = ", ".join(f"{code} {n}" for code, n in verdict["findings"].items())
        unread = ", ".join(f"{k['kind']} {k['unread']}/{k['answers']}" for k in card["kinds"] if k["unread"])
        j = card["youden"]
        lines.append(
            f"| {name} | {card['form']} | {card['answers']} | {card['trials']:,} "
            f"| {_percent(card['false_positive'])} | {_percent(card['false_negative'])} "
            f"| {j['value']:.2f} ({j['low']:.2f} to {j['high']:.2f}) | {unread or 'none'} "
            f"| {verdict['verdict']} | {counts or 'none'} | {verdict['seconds']:.0f} "
            f"| {verdict['stages']['recording trials']:.0f} |"
        )
    return lines


def families(found: dict[str, dict]) -> list[str]:
    """Return a line a family, wrong ones last: how many were put, and what share each function pays."""
    cards = {name: verdict["card"]["families"] for name, verdict in found.items()}
    rows = {name: {one["family"]: one for one in card} for name, card in cards.items()}
    lines = [
        f"| family | must be | n | {' | '.join(NAMES)} |",
        f"|---|---|---:|{'---|' * len(NAMES)}",
    ]
    every = {family: one for paid in rows.values() for family, one in paid.items()}
    for family, one in sorted(every.items(), key=lambda item: (item[1]["expected"], item[0])):
        asked = [rows[name].get(family) for name in NAMES]
        n = "/".join(dict.fromkeys(str(paid["n"]) for paid in asked if paid))
        expected = "paid" if one["expected"] == "right" else "not paid"
        lines.append(f"| {family} | {expected} | {n} | {' | '.join(_share(paid) for paid in asked)} |")
    return lines


def _percent(rate: dict) -> str:
    return f"{rate['value']:.0%} ({rate['low']:.0%} to {rate['high']:.0%})"


def _share(paid: dict | None) -> str:
    if paid is None:
        return "-"
    return f"{paid['paid'] / paid['n']:.0%} ({paid['low']:.0%} to {paid['high']:.0%})"


def reasons(found: dict[str, dict]) -> list[str]:
    """Return what the verdict says, a line a reason."""
    return [
        f"- {name}: {reason.partition('; the limit is')[0]}"
        for name, verdict in found.items()
        for reason in verdict["reasons"]
    ]


def shown(sets: list[RealSet], most: int) -> str:
    """Return trials of each family, as evenly from the sets as they have any, always the same ones."""
    drawn: dict[str, list[tuple[str, str, dict]]] = {}
    for one in sets:
        for trial in asked(one):
            lot = md5(f"{one.name}|{trial['sample_id']}|{trial['trial']}".encode()).hexdigest()
            drawn.setdefault(trial["family"], []).append((lot, one.name, trial))
            if trial["family"] == "exact":
                for made in _in_tags(trial):
                    drawn.setdefault(made["family"], []).append((lot, one.name, made))
    return "\n".join(_family_shown(name, drawn.get(name, []), most) for name in all_families())


def _in_tags(trial: dict) -> list[dict]:
    known = known_answer(trial["question"], trial["gold"])
    return [
        trial | {"family": one.family, "expected": one.expected, "completion": one.completion} | UNASKED
        for one in trials_for(known, TAGS)
        if one.family in FORMED
    ]


def _family_shown(family: str, drawn: list[tuple[str, str, dict]], most: int) -> str:
    ranked, seen = [], dict.fromkeys((name for _, name, _ in drawn), 0)
    for _, name, trial in sorted(drawn, key=lambda one: one[:2]):
        seen[name] += 1
        ranked.append((seen[name], name, trial))
    lines = [f"## {family}: {all_families()[family].title}\n"]
    for _, name, trial in sorted(ranked, key=lambda one: one[:2])[:most]:
        paid = ", ".join(f"{reward} {trial[reward]}" for reward in NAMES)
        question = _cut(trial["question"] or "a question of its own")
        lines.append(
            f"- {name}: {question!r}, known {trial['gold']!r}\n"
            f"  {trial['expected']}: {_cut(trial['completion'])!r} ({paid})"
        )
    return "\n".join((*lines, ""))


def _cut(text: str, most: int = 420) -> str:
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} [...] {text[-half:]}"


def asked(one: RealSet) -> list[dict]:
    """Return the trials of the audits of a set, with the question and what each function paid."""
    rows: dict[tuple, dict] = {}
    for name in NAMES:
        with duckdb.connect(str(folder(one, name) / "audit.duckdb"), read_only=True) as audit:
            found = audit.sql(
                """
                select trial, sample_id, turn, family, expected, completion, gold, question, reward
                from trials
                left join answers using (sample_id, turn)
                where condition = 'own' and repeat = 0
                """
            )
            for row in found.fetchall():
                trial = dict(zip(found.columns, row, strict=True))
                key = tuple(trial[part] for part in ("sample_id", "turn", "family", "completion", "gold"))
                rows.setdefault(key, trial)[name] = trial["reward"]
    return list(rows.values())


if __name__ == "__main__":
    main()
