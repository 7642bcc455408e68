"""INT105."""

from sft_audit.check import Relation, Tables, check


def _row(*roles: str) -> list[dict[str, object]]:
    return [{"conversations": [{"from": role, "value": f"Line {n}."} for n, role in enumerate(roles)]}]


@check(
    "INT105",
    severity="error",
    axis="integrity",
    reads=("samples", "turns"),
    of="select count(*) from samples where not malformed and kind = 'sft'",
    bad=[
        _row("gpt", "human"),
        _row("gpt", "human", "gpt"),
        _row("human"),
        _row("human", "gpt", "human"),
        _row("human", "human", "gpt"),
        _row("human", "gpt", "gpt"),
        _row("human", "system", "gpt"),
        _row("human", "bing"),
    ],
    good=[
        _row("human", "gpt"),
        _row("system", "human", "gpt", "human", "gpt"),
        _row("user", "assistant"),
    ],
)
def wrong_role_order(db: Tables) -> Relation:
    """The turns are not question and answer in turn, or no answer ends them.

    ## Why it matters
    LLaVA skips a first turn that is not the user's and asserts on the rest; LLaMA-Factory drops the row with
    one line in the log ("Skipping this abnormal example"); ms-swift repairs or deletes it; Qwen-VL's
    finetune script takes every role but `human` for the assistant's and trains on it; chat templates raise.
    A row that ends with a question has nothing to learn from.

    ## Options
    None.

    ## Known limits
    An optional system turn first, then user and assistant in turn; tool calls and their results (assistant,
    tool, …, assistant) are in order.

    ## Source
    LLaVA `train.py: preprocess_v1`, LLaMA-Factory `converter.py: SharegptDatasetConverter`, Qwen3-VL
    `data_processor.py`.
    """
    return db.sql(
        """
        with irregular as (
            select sample_id
            from turns
            group by sample_id
            having not (
                bool_and(role = if(turn % 2 = 0, 'user', 'assistant')) and count(*) % 2 = 0
                or bool_and(role = if(turn = 0, 'system', if(turn % 2 = 1, 'user', 'assistant')))
                    and count(*) % 2 = 1 and count(*) > 1
            )
        ), ordered as (
            select
                sample_id,
                string_agg(
                    case role
                        when 'system' then 's'
                        when 'user' then 'u'
                        when 'assistant' then 'a'
                        when 'tool' then 't'
                        else 'x'
                    end,
                    '' order by turn
                ) as letters,
                string_agg(role, ', ' order by turn) as roles,
                min(role) filter (where role not in ('system', 'user', 'assistant', 'tool')) as stranger
            from turns
            semi join irregular using (sample_id)
            group by sample_id
        ), judged as (
            select
                sample_id,
                roles,
                case
                    when stranger is not null
                        then 'no trainer knows the role ' || to_json(left(stranger, 40))::varchar
                    when not contains(letters, 'a') then 'no turn is the assistant''s'
                    when regexp_matches(letters, '^s?a') then 'the first turn is the assistant''s'
                    when regexp_matches(letters, '.s') then 'a system turn stands after the first turn'
                    when not ends_with(letters, 'a') then 'the last turn is not the assistant''s'
                    when contains(letters, 'uu') then 'two user turns stand side by side'
                    when contains(letters, 'aa') then 'two assistant turns stand side by side'
                    else 'a tool''s turn follows no assistant turn'
                end as fault
            from ordered
            join samples using (sample_id)
            where kind = 'sft'
              and not regexp_full_match(letters, 's?(u(at+)*a)+')
        )
        select
            sample_id,
            null::integer as turn,
            1.0::double as score,
            1.0 as confidence,
            fault || ': ' || left(roles, 200) as message,
            json_object('roles', left(roles, 200)) as evidence
        from judged
        """
    )
