"""INT101."""

from sft_audit.check import Relation, Tables, check
from sft_audit.example import row
from sft_audit.readers import OURS


@check(
    "INT101",
    severity="error",
    axis="integrity",
    reads=("samples", "problems"),
    remedy="drop",
    safe=True,
    good=[[row()]],
)
def malformed_row(db: Tables) -> Relation:
    """A row, or the file around it, that a strict JSON reader refuses.

    ## Why it matters
    One such row stops `json.load`, and with it the training run, or is skipped by a lenient loader without a
    word. Either way the model does not learn what the file says.

    ## Options
    None. `evidence.safe` says whether dropping the row is safe: it is not where JSON allows the row and only
    our own readers refuse it, and the message then says what "sft-audit reads".

    ## Known limits
    A row of more than 64 MiB, or nested more than 200 levels deep, is not read, although `json.load` takes
    the former and, up to about 990 levels, the latter; nor is a row that is in none of the known formats.

    After damage inside an array the reader goes on at the next element that has the fields of its neighbours;
    everything between counts as one row, whose byte range is given.

    ## Source
    RFC 8259, sections 2 to 8; the loaders of LLaVA (`train.py`, `json.load`) and Hugging Face `datasets`.
    """
    return db.sql(
        """
        select
            sample_id,
            null::integer as turn,
            n_bytes::double as score,
            1.0 as confidence,
            file || ':' || line || ': ' || reason as message,
            json_object(
                'safe', not starts_with(reason, $ours), 'byte_offset', byte_offset, 'n_bytes', n_bytes
            ) as evidence
        from samples
        where malformed
        union all
        select
            sample_id,
            null,
            n_bytes::double,
            1.0,
            file || ':' || line || ': ' || detail,
            json_object('key', kind || '@' || byte_offset, 'byte_offset', byte_offset, 'n_bytes', n_bytes)
        from problems
        where list_contains($refused, kind)
        """,
        ours=OURS,
        refused=[
            "missing_comma",
            "extra_comma",
            "trailing_comma",
            "bad_utf8",
            "bom",
            "truncated",
            "trailing_data",
        ],
    )
