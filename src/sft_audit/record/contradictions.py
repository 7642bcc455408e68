"""Which answers to one question about one image cannot both hold: SQL that a check's own query follows."""

from sft_audit.record.canonical import NEAR_COLOURS

# Colours that no two people tell apart alike, both ways round: the parameter `near` of CLASHES.
NEAR_PAIRS = tuple(pair for a, b in NEAR_COLOURS for pair in (f"{a}|{b}", f"{b}|{a}"))

# What may be compared: a closed answer, to a question that stands on its own. A follow-up that points back
# (`what colour is it?`) means whatever its own conversation was about. A text-only question has nothing but
# its words, so nothing may have been said before it. What a video or audio shows is not known.
COMPARED = r"""
    with openings as (
        select sample_id, min(turn) as opening
        from answers
        group by sample_id
    ), compared as (
        select
            sample_id,
            turn,
            coalesce(image_id, '') as image,
            trim(
                regexp_replace(
                    lower(question),
                    '[\s.?!]*(?:please )?\b(?:answer|respond|reply)(?: the question| briefly)?'
                        || '(?: with| using| in| by| yes| true)\b[^?]*$',
                    ''
                ),
                ' .?!:'
            ) as asked,
            answer,
            answer_kind as kind,
            canonical
        from answers
        join openings using (sample_id)
        where answer_kind in ('yes_no', 'colour', 'count', 'number', 'option')
          and canonical is not null
          and asked <> ''
          and sample_id not in (select sample_id from samples where n_images = 0 and not text_only)
          and if(
              image_id is null,
              turn = 1,
              turn = opening or not regexp_matches(
                  lower(question),
                  '\b(?:it|its|they|them|their|he|him|his|she|her|that|those|these|ones?|others?|another|else|'
                      || 'same|what about)\b'
              )
          )
    ), grouped as (
        select image, asked, kind, count(*) as answers, min(canonical) <> max(canonical) as differ
        from compared
        group by image, asked, kind
        having answers >= 2
    )
"""

# How many samples have an answer that can be compared.
COMPARED_SAMPLES = (
    COMPARED
    + """
    select count(distinct sample_id)
    from compared
    join grouped using (image, asked, kind)
    """
)
# For each answer of a group in which answers differ: how many of its others contradict it, and which.
# Follows COMPARED; the 50 most frequent answers of a group are compared.
CLASHES = """
    , spelled as (
        select image, asked, kind, canonical, count(*) as n
        from compared
        join grouped using (image, asked, kind)
        where differ
        group by image, asked, kind, canonical
        qualify row_number() over (partition by image, asked, kind order by n desc, canonical) <= 50
    ), clashes as (
        select
            image,
            asked,
            kind,
            mine.canonical as canonical,
            any_value(mine.n) as agree,
            sum(other.n) as against,
            list(other.canonical order by other.n desc, other.canonical) as opposed
        from spelled as mine
        join spelled as other using (image, asked, kind)
        where mine.canonical <> other.canonical
          and case kind
              when 'colour' then
                  not list_has_any(string_split(mine.canonical, '+'), string_split(other.canonical, '+'))
                  and not list_has_any(
                      $near,
                      flatten([
                          [x || '|' || y for y in string_split(other.canonical, '+')]
                          for x in string_split(mine.canonical, '+')
                      ])
                  )
              when 'number' then not contains(mine.canonical || other.canonical, '.')
                  or abs(mine.canonical::double - other.canonical::double)
                      > 0.01 * greatest(abs(mine.canonical::double), abs(other.canonical::double))
              else true
          end
        group by image, asked, kind, mine.canonical
    )
"""
