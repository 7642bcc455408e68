"""RWD121."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import ANSWERS

_ASKS = """
def ask(client, text, model="{judge}"):
    return client.chat(model=model, text=text)

def reward(completions, solution, **columns):
    return [float(c[0]["content"].strip() == s) for c, s in zip(completions, solution)]
"""


@check(
    "RWD121",
    severity="warning",
    axis="exploit",
    reads=("rewards", "model_names"),
    of="select if((select count(distinct role) from model_names where family is not null) = 2, "
    "(select sum(rows) from model_names where role = 'generator'), 0)",
    bad=[_ASKS.replace("{judge}", "gpt-4o-mini"), _ASKS.replace("{judge}", "openai/o3")],
    good=[
        _ASKS.replace("{judge}", "claude-sonnet-4"),
        _ASKS.replace("{judge}", "Qwen/Qwen2.5-VL-7B-Instruct"),
        _ASKS.replace("{judge}", "a-model-of-ours"),
    ],
    given={"data": [{**row, "model": "gpt-4-vision-preview"} for row in ANSWERS]},
)
def related_judge(db: Tables) -> Relation:
    """The model that judges is of the family that wrote the data.

    ## Why it matters
    A judge prefers what a model of its own family would say. A policy that was fine-tuned on that
    family's answers is paid for its teacher's manner, and the reward rises where nothing else does.

    ## Options
    None.

    ## Known limits
    Families are told by how names begin (gpt, claude, qwen, llama and the like); a fine-tune under a name
    of its own tells none. The judge is the one of `--judge-model`, else what the function's module names
    as `model="..."`; the generator that of `--generator`, else what columns such as `model`, `generator`
    and `teacher` name. Where either is not named it is not asked. The score is the share of named rows
    that the judge's family wrote.

    ## Source
    Preference leakage: arXiv:2502.01534.
    """
    return db.sql(
        """
        with wrote as (
            select family, sum(rows) as k, arg_max(name, (rows, name)) as example
            from model_names
            where role = 'generator'
            group by family
        ), judges as (
            select family, min(name) as judge
            from model_names
            where role = 'judge' and family is not null
            group by family
        ), counted as (
            select sum(k) as n
            from wrote
        )
        select
            null as sample_id,
            null::integer as turn,
            k / n as score,
            0.9 as confidence,
            'the judge ' || judge || ' is of the family ' || family || ', which wrote ' || k || ' of the '
                || n || ' rows whose model is named, for example ' || example as message,
            json_object('key', family, 'judge', judge, 'generator', example, 'k', k, 'n', n) as evidence
        from judges
        join wrote using (family)
        cross join counted
        """,
    )
