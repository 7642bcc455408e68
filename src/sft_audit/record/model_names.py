"""The models that judge, and those that wrote the rows."""

from collections.abc import Iterator

from sft_audit.config import RewardConfig
from sft_audit.record import Recording, table_recorder
from sft_audit.rewards.judge import family_of

_COLUMNS = (
    "model",
    "model_name",
    "model_id",
    "generator",
    "generator_model",
    "generated_by",
    "generation_model",
    "teacher",
    "teacher_model",
    "answer_model",
    "source_model",
    "response_model",
    "annotator_model",
    "caption_model",
)
_MOST_NAMES = 1000


@table_recorder(fills=("model_names",), needs=("samples", "rewards"), requires="target")
def model_names(recording: Recording) -> None:
    """Write down every model that is named, with its family where the name tells one."""
    for role, name, told_by, rows in (*_judges(recording), *_generators(recording)):
        recording.store.execute(
            "insert into model_names values (?, ?, ?, ?, ?)", (role, name, family_of(name), told_by, rows)
        )


def _judges(recording: Recording) -> Iterator[tuple[str, str, str, int | None]]:
    """Yield the judge that the user names; else those that the module of the function names."""
    config = recording.config
    if isinstance(config, RewardConfig) and config.judge_model:
        yield "judge", config.judge_model, "--judge-model", None
        return
    for (names,) in recording.store.rows("select judge_models from rewards where judge_models is not null"):
        for name in names.split(","):
            yield "judge", name, "module", None


def _generators(recording: Recording) -> Iterator[tuple[str, str, str, int | None]]:
    """Yield the generator that the user names, who wrote every row; else those that the rows name."""
    config = recording.config
    if isinstance(config, RewardConfig) and config.generator:
        n = recording.store.value("select count(*) from samples where not malformed")
        yield "generator", config.generator, "--generator", n
        return
    rows = recording.store.rows(
        """
        with fields as (
            select sample_id, unnest($columns) as field, extra
            from samples
            where extra is not null and not malformed
        ), named as (
            select field, json_extract_string(extra, '$."' || field || '"') as name, sample_id
            from fields
        )
        select 'generator', name, field, count(*)
        from named
        where name <> '' and length(name) < 200
        group by name, field
        order by count(*) desc, name, field
        limit $most
        """,
        {"columns": list(_COLUMNS), "most": _MOST_NAMES},
    )
    yield from rows
