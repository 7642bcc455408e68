"""INT110."""

# ruff: noqa: RUF001 - the characters that look like others are the matter

from sft_audit.check import READABLE_ROWS, Relation, Tables, check
from sft_audit.example import row

# Spelled alike for RE2 and for Python.
CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x84\x86-\x9F]"
EATEN = (
    r"\x0Crac\b|\x08(?:eta|egin|inom|oxed|ar)\b|\x0B(?:ec|arphi)\b|\x07(?:lpha|ngle|pprox)\b"
    r"|\t(?:imes|heta)\b|\t(?:extbf|extit|ext)\{|\r(?:ight|ho)\b[\\)\]}|^_]"
)


def _row(answer: str) -> list[dict[str, object]]:
    return [row("<image>\nWhat is this?", answer)]


@check(
    "INT110",
    preview=True,
    severity="warning",
    axis="integrity",
    reads=("turns", "problems", "samples"),
    of=READABLE_ROWS,
    remedy="rewrite",
    bad=[
        _row("A cafÃ© with two tables."),
        _row("The womanâ€™s bag."),
        _row("A kitchen\x00 with two mugs."),
        _row("A kitch\ufffdn."),
        _row("It is 25Â°C in the room."),
        _row("ÐŸÑ€Ð¸Ð²ÐµÑ‚"),
        _row("ä½\xa0å¥½ä¸–ç•Œ"),
        _row("A smile ðŸ˜€ on the wall."),
        _row("The ratio is \x0crac{1}{2}."),
        _row("The angle is 3 \times 20 degrees, \theta."),
    ],
    good=[
        _row("A café with two tables; the woman’s bag — 25 °C, “quoted”, naïve, Übergröße, ½."),
        _row("NÃO É VERDADE: AÇÃO, IRMÃ, MAÇÃ… «ALEMÃ» e “AMANHÔ."),
        _row("RÂTELIER, PÂTE À TARTE ; ÊTRE, ÂGE : « DÉJÀ VU » — Â, Ã."),
        _row("Đây là một căn bếp. KHÔNG PHẢI LÀ ĐÃ, TRÃI; mắt Ã; 25 °C."),
        _row("Привет, мир! Ñandú, ÐÐ. Það er ðs Ýmir."),
        _row("你好，世界。こんにちは"),
        _row("A table:\n\tx\ty\n\ttext\tright\r\nA smile 😀 on the wall, \\frac{1}{2} \\times 3."),
        _row("Price: £20, ©2020, 5 µm, ä, é»quoted«."),
    ],
)
def damaged_text(db: Tables) -> Relation:
    r"""Characters in a turn are broken: wrongly decoded, replaced, or never meant to be text.

    ## Why it matters
    The model learns to write `Ã©` for `é`. Text decoded wrongly once is tokenized into rare pieces, and
    control characters that nobody sees are tokens all the same. `\frac` written with one backslash in JSON
    is a form feed and `rac`: the formula is gone.

    The remedy takes NUL and other control characters out of the turn, on request, and leaves the rest to a
    person; a text in which a LaTeX command lost its backslash is not touched.

    ## Options
    None.

    ## Known limits
    Found are: U+FFFD; control characters; UTF-8 read as Latin-1 or Windows-1252 where the result cannot be a
    word of a language (single accents, typographic quotes, emoji, Cyrillic, Chinese and Japanese); LaTeX
    commands whose backslash and first letter became a control character; and NaN, duplicate keys and halves
    of surrogate pairs in the row's JSON. Other double encodings are not found. A row that shows mojibake on
    purpose is found too: 7 of 8 rows flagged among documentation were damaged, hence preview.

    ## Source
    Unicode 16, section 3.9 (U+FFFD) and 23.1 (control codes); RFC 8259, sections 4, 6 and 8.
    """
    tail = r"[\x{80}-\x{BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
    return db.sql(
        r"""
        with candidates as (
            select sample_id, turn, text
            from turns
            where regexp_matches(
                text, '[\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{7F}-\x{9F}\x{FFFD}\t\r]|[ÃÂâïðÐÑä-é]'
            )
        ), sorted as (
            select
                sample_id,
                turn,
                text,
                case
                    when contains(text, chr(65533)) then '\x{FFFD}'
                    when regexp_matches(text, $eaten) then $eaten
                    when regexp_matches(text, $control) then $control
                    when regexp_matches(text, $mojibake) then $mojibake
                end as pattern
            from candidates
        ), shown as (
            select
                sample_id,
                turn,
                case pattern
                    when $eaten then 'a LaTeX command that lost its backslash to a control character'
                    when $control then 'a control character'
                    when $mojibake then 'UTF-8 decoded as another encoding'
                    else 'the replacement character U+FFFD'
                end as what,
                length(regexp_extract_all(text, pattern)) as times,
                regexp_extract(text, '(?s).{0,20}(?:' || pattern || ').{0,20}') as excerpt
            from sorted
            where pattern is not null
        )
        select
            sample_id,
            turn,
            times::double as score,
            1.0 as confidence,
            'the turn holds ' || what || if(times = 1, '', ', ' || times || ' times') || ': '
                || to_json(excerpt)::varchar as message,
            json_object('what', what, 'times', times, 'excerpt', excerpt) as evidence
        from shown
        union all
        select
            sample_id,
            null::integer,
            1.0,
            1.0,
            detail,
            json_object('what', problems.kind)
        from problems
        join samples using (sample_id)
        where problems.kind in ('nan', 'duplicate_key', 'lone_surrogate') and not malformed
        """,
        control=CONTROL,
        eaten=EATEN,
        mojibake=(
            r"\p{Ll}Ã[\x{A1}-\x{BF}]|Ã[\x{A1}-\x{AA}\x{AC}-\x{BA}\x{BC}-\x{BF}]\p{Ll}"
            r"|[\p{Ll}\d ]Â[°£©®±²³·§¿½¼¾]|â€|â„¢|ï¿½|ï»¿|ðŸ"
            rf"|(?:[ÐÑ]{tail}){{3,}}|(?:[ä-é]{tail}{{2}}){{2,}}"
        ),
    )
