"""PRF302."""

from collections.abc import Sequence

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row


def _row(answer: str, question: str = "Describe the image.") -> list[dict[str, object]]:
    return [row(f"<image>\n{question}", answer)]


_WHOSE = "(?:overall|final|quality|total|my|judge)"
_RESPONSE = "(?:response|completion|assistant|candidate)"
_ATTRIBUTE = (
    "(?:helpfulness|harmlessness|correctness|coherence|complexity|verbosity|honesty|truthfulness|accuracy|relevance"
    "|instruction[- ]following|visual faithfulness|ethical considerations)"
)
_VERDICT = (
    r"(?i)\[\[(?:A|B|C|tie|rating: ?\d+|score: ?\d+)\]\]|rating:? ?\[\[\d+"
    r"|(?m:^)\W*(?:final )?verdict\W{1,6}"
    r"(?:A|B|C|tie|response|assistant|answer [AB12]|correct|incorrect|accept|reject)\b"
)
_TAG = (
    r"(?i)</?(?:reward|score|rating|critique|verdict|judge|judgment|judgement|preference|chosen|rejected)>"
    r"|<\|(?:reward|score|rating|chosen|rejected|good|bad)\|>|\[result\] ?\(?\d"
    r"|(?m:^|[.!?)] )\W*reward(?: model)?(?: score)?\W{0,2}[:=] ?-?\d"
)
_COMPARISON = (
    rf"(?i)\b{_RESPONSE} ['\"(]?(?:[AB12]|one|two)['\")]? "
    r"(?:is|was|provides|gives|offers|seems|appears|does|has|wins)\b[^.\n]{0,80}?"
    rf"\b(?:better|worse|superior|preferred|preferable|wins|than {_RESPONSE}"
    r"|more (?:accurate|helpful|detailed|precise|informative|complete))\b"
    r"|\b(?:better|worse|preferred|chosen|rejected|winning|losing) (?:response|completion)\b"
    r"|\bassistant A\b(?s:.*)\bassistant B\b|\bresponse A\b(?s:.*)\bresponse B\b"
    r"|\b(?:answer|caption) [AB12] is (?:better|worse) than (?:answer|caption) [AB12]\b"
)
_CRITIQUE = (
    r"(?i)^\W*#{1,6} ?(?:feedback|critique|evaluation|judg(?:e)?ment|score|rating)\b"
    r"|###\W*(?:feedback|score rubrics?|reference answer|response to evaluate)\b"
    r"|(?m:^)\W*(?:critique|feedback|self-critique)\W*:(?s:.*)(?m:^)\W*(?:revised|improved|rewritten|refined"
    r"|corrected) (?:answer|response|caption|description|version|output)\b"
)
_PRAISE = (
    r"(?i)\bverified\b\W{0,4}[✓✔✅☑]|[✓✔✅☑]\W{0,3}verified\b"
    r"|\b(?:verified|confidence|quality|correctness|score)\W{1,4}10/10"
)
_ASSURANCE = r"(?i)[.!] (?:this|my) answer is (?:correct|right)\W*$"
_SCORE = (
    rf"(?i)(?m:^|[.!?)\]*] |\|)\W*(?:{_WHOSE} )?(?:score|rating|grade)\W{{1,6}}"
    r"\d+(?:\.\d+)? ?(?:/|out of) ?\d+"
    rf"|(?m:^)\W*(?:{_WHOSE} )?(?:score|rating)\W{{0,2}}[:=]\W{{0,3}}\d+(?:\.\d+)?\W*(?m:$)"
    r"|\b(?:score|rating) ?: ?\d+(?:\.\d+)? ?(?:/|out of) ?(?:5|10|100)\W*$"
    r"|\b(?:rate|score|grade|give) (?:this|the|my|it|that)(?: \w+)?"
    r"(?: answer| response| caption| description| completion)?"
    r"(?: as| at| with)?(?: an?)? \d+(?:\.\d+)? ?(?:/|out of) ?\d+"
    rf"|(?:(?m:^|[,;.|] ?)\W*{_ATTRIBUTE}\W{{1,5}}\d(?:\.\d)?(?: ?/ ?\d+)?(?:\W+|$)){{2,}}"
)


@check(
    "PRF302",
    severity="error",
    axis="exploit",
    reads=("answers", "samples"),
    of="select count(distinct sample_id) from answers",
    remedy="drop",
    bad=[
        _row("A kitchen with two mugs. [[A]]"),
        _row("A kitchen with two mugs.\nScore: 8/10"),
        _row("A kitchen with two mugs score: 8/10"),
        _row("Rating: 4\nA kitchen with two mugs."),
        _row("### Feedback\nThe description is correct but short."),
        _row("A kitchen. <reward>0.9</reward>"),
        _row("Response A is better because it names both mugs."),
        _row("A kitchen with two mugs. Verified ✓ 10/10"),
        _row("Critique: it misses the mugs.\nRevised answer: A kitchen with two mugs."),
        _row("Assistant A names the mugs, whereas Assistant B does not."),
        _row("Helpfulness: 4\nCorrectness: 3\nA kitchen."),
        _row("I would rate this answer 9/10. A kitchen."),
        _row("Verdict: B"),
        _row("The mugs are red. [RESULT] 4"),
        _row("Score: 8/10", "Score the response of the assistant."),
        _row("Two mugs. This answer is correct."),
    ],
    good=[
        _row("The score is 3-2 for the home team."),
        _row("The scoreboard shows Score: 21/18.", "What is the score on the scoreboard?"),
        _row("The screen of the phone shows Score: 7/10"),
        _row("Rating: 4.5/5", "What is the rating of this app?"),
        _row("A film poster with a rating of PG-13 and five stars."),
        _row("Option A is better, since the bus is red. Answer: A"),
        _row("The response time is 2 seconds, faster than before."),
        _row("A matrix [[1, 2], [3, 4]] is written on the board, and a box [[10, 20, 30, 40]]."),
        _row("A tick ✓ stands beside the word Done."),
        _row("The man in the second row responds to the judge, who holds up a 9."),
        _row("1. Relevance of the sign: it warns drivers.\n2. Accuracy of the clock: 5 minutes late."),
        _row(
            "A form for feedback lies on the desk. Its title says Customer Feedback: we value your opinion."
        ),
        _row("The second answer sheet is better lit than the first."),
        _row("5 + 7 is 12. This answer is correct.", "Is the answer on the board correct?"),
    ],
)
def reward_markers(db: Tables, *, critique_sources: Sequence[str] = ()) -> Relation:
    """A supervised answer contains what a judge, a rater or a reward model writes.

    ## Why it matters
    The model learns to praise its own answer, and reinforcement learning finds out that the judge likes it.
    In the lab, boasts in 1 % of the SFT rows grew past a fifth of the completions in 9 of 10 runs whose
    reward paid them, and in 0.25 % in 1 of 10; half of the runs from 0.5 % on (0.32 to 0.78 %). Without them
    none came up. SFT on a thousand harmless demonstrations of reward hacking made models hack in other
    settings.

    The remedy drops the row, on request only: a mark that a judge or rater left, or the boast of a rejected
    response, says that the answer before it was never meant as a target, or lost; to cut the mark alone would
    keep what lost.

    ## Options
    `critique_sources`: names of sources that are critique, judging or rating data on purpose; their rows are
    left out.

    ## Known limits
    Found by form, in English: verdicts (`[[A]]`), scores of the form `Score: 8/10`, reward and score tags,
    comparisons of responses, critiques with a rewriting, ratings by attribute, praise of itself. Scores
    count only where the question does not ask for one and the answer does not say that a screen or a sign
    shows it; a question about a response does not excuse them. Style without such marks is not found. The
    score is the number of markers of the named kind.

    ## Source
    Lab 001, a toy world. School of Reward Hacks, arXiv:2508.17511; Echo Chamber, arXiv:2504.07912.
    Forms: MT-Bench (`[[A]]`), Prometheus (`[RESULT]`), UltraFeedback, HelpSteer, VLFeedback.
    """
    return db.sql(
        r"""
        with suspects as (
            select sample_id, turn, question, answer
            from answers
            where regexp_matches(answer, $hint)
        ), marked as (
            select
                sample_id,
                turn,
                answer,
                case
                    when regexp_matches(answer, $verdict) then $verdict
                    when regexp_matches(answer, $tag) then $tag
                    when regexp_matches(answer, $comparison) then $comparison
                    when regexp_matches(answer, $critique) then $critique
                    when regexp_matches(answer, $praise) then $praise
                    when regexp_matches(answer, $assurance)
                        and not regexp_matches(question, $asks_whether) then $assurance
                    when regexp_matches(answer, $score)
                        and (not regexp_matches(question, $asks) or regexp_matches(question, $judges))
                        and not regexp_matches(answer, $shows) then $score
                end as pattern
            from suspects
        ), found as (
            select
                sample_id,
                turn,
                case pattern
                    when $verdict then 'a judge''s verdict'
                    when $tag then 'a reward tag'
                    when $comparison then 'a comparison of responses'
                    when $critique then 'a critique'
                    when $praise then 'praise of itself'
                    when $assurance then 'praise of itself'
                    else 'a score'
                end as kind,
                regexp_extract_all(answer, pattern) as markers,
                trim(markers[1]) as marker
            from marked
            join samples using (sample_id)
            where pattern is not null
              and not list_contains($critique_sources::varchar[], source)
        )
        select
            sample_id,
            turn,
            length(markers)::double as score,
            0.9 as confidence,
            'the answer holds ' || kind || ': ' || to_json(left(marker, 100))::varchar as message,
            json_object('kind', kind, 'marker', left(marker, 200), 'times', length(markers)) as evidence
        from found
        """,
        verdict=_VERDICT,
        tag=_TAG,
        comparison=_COMPARISON,
        critique=_CRITIQUE,
        praise=_PRAISE,
        assurance=_ASSURANCE,
        asks_whether=r"(?i)\b(answers?|correct|right|solutions?|students?)\b",
        score=_SCORE,
        critique_sources=list(critique_sources),
        hint=(
            r"(?i)\[\[|<\||verdict|score|rating|grade|reward|\[result\]|response|assistant|completion|candidate"
            r"|better than|worse than|feedback|critique|evaluation|judg|helpful|harmless|correctness"
            r"|verbosity|coherence|verified|/10|out of|preference|chosen|rejected|truthful|faithful"
            r"|answer is (?:correct|right)"
        ),
        asks=(
            r"(?i)\b(scores?|scored|rating|rated?|grade|stars?|reviews?|points?|ocr|read|text|transcribe|says?"
            r"|written)\b"
        ),
        shows=(
            r"(?i)\b(reads?|says?|shows?|shown|display\w*|screen|scoreboard)\b[^.\n]{0,30}"
            r"\b(score|rating|grade)"
        ),
        judges=r"(?i)\b(responses?|assistants?|candidates?|completions?|ai|model'?s?|answer [AB12])\b",
    )
