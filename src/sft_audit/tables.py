"""Every table and column of an audit, with its meaning: the one schema."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its DuckDB type and what it means, with the unit."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what a row of it is, and its columns."""

    name: str
    row: str
    columns: tuple[Column, ...]

    def create_sql(self) -> str:
        """Return the statement that creates the table, empty."""
        columns = ", ".join(f'"{c.name}" {c.type}' for c in self.columns)
        return f"create or replace table {self.name} ({columns})"

    def arrow_schema(self) -> "pa.Schema":
        """Return the Arrow schema of a batch of rows."""
        import pyarrow as pa

        return pa.schema([(c.name, pa.type_for_alias(_ARROW[c.type])) for c in self.columns])


_ARROW = {
    "VARCHAR": "string",
    "BIGINT": "int64",
    "INTEGER": "int32",
    "DOUBLE": "float64",
    "BOOLEAN": "bool",
    "BLOB": "binary",
    "UBIGINT": "uint64",
}


def _table(name: str, row: str, columns: str) -> Table:
    parsed = []
    for line in columns.strip().splitlines():
        column, kind, meaning = line.strip().split(None, 2)
        parsed.append(Column(column, kind, meaning))
    return Table(name, row, tuple(parsed))


_ALL = (
    _table(
        "files",
        "one file that was read",
        """
        file VARCHAR path relative to the data argument
        path VARCHAR path as given, from which it was opened
        format VARCHAR the format of most of its first rows, in which a row is read unless it does not fit
        container VARCHAR json_array, json_lines or parquet
        n_bytes BIGINT size in bytes
        content_hash VARCHAR first 128 bits of the SHA-256 of the file's bytes, hexadecimal
        rows BIGINT rows in the file, unreadable ones included
        malformed BIGINT rows that could not be read
        audited BIGINT rows that the audit looked at: fewer than rows only under --sample
        layout VARCHAR JSON object of the columns and tags of a dataset_info.json; empty without one
        """,
    ),
    _table(
        "samples",
        "one training example, readable or not",
        """
        sample_id VARCHAR file and position: names the row within this version of the data set
        row_hash VARCHAR first 128 bits of the SHA-256 of the raw row's bytes, hexadecimal
        occurrence INTEGER 1 for the first row with this content, 2 for the second, and so on
        id VARCHAR the row's own id field, if it has one
        source VARCHAR the row's own source field, else the file it is in
        file VARCHAR path relative to the data argument
        position BIGINT 1-based element of an array, line of a JSON Lines file, or row of a parquet file
        line BIGINT 1-based line on which the row starts; 0 where the file has no lines
        byte_offset BIGINT first byte of the row in its file; -1 where rows are not contiguous (parquet)
        n_bytes BIGINT length of the row in bytes
        format VARCHAR the format in which it was read; none when it was not
        kind VARCHAR sft, preference, rl_prompt or eval
        n_images INTEGER image slots
        text_only BOOLEAN true when it has no image slot, video or audio
        malformed BOOLEAN true when it could not be read
        reason VARCHAR why it could not be read; null when it could
        extra VARCHAR JSON object of the other fields, long values cut; a message's own fields as turn.NAME
        """,
    ),
    _table(
        "problems",
        "one thing wrong with the bytes of a file or row that could still be read",
        """
        sample_id VARCHAR the row; null when it is about the file
        file VARCHAR path relative to the data argument
        line BIGINT 1-based line
        byte_offset BIGINT first byte concerned
        n_bytes BIGINT length in bytes of what is concerned
        kind VARCHAR missing_comma, trailing_data, truncated, bom, bad_utf8, nan, duplicate_key, nul, …
        detail VARCHAR one clause that says what was seen
        """,
    ),
    _table(
        "turns",
        "one message of a sample",
        """
        sample_id VARCHAR the sample
        turn INTEGER 0-based position in the conversation
        role VARCHAR system, user, assistant, tool, rejected (of a pair), gold (of an RL prompt), any other
        text VARCHAR the message, image placeholders included; its tool calls as JSON where it has no text
        supervised BOOLEAN true when the loss is taken on it
        loss_weight DOUBLE weight of its loss, 1 unless the row says otherwise
        n_tokens INTEGER tokens, estimated as UTF-8 bytes / 4, rounded up
        n_placeholders INTEGER image placeholders in the text
        """,
    ),
    _table(
        "image_uses",
        "one image slot of a sample",
        """
        sample_id VARCHAR the sample
        slot INTEGER 0-based image slot
        uri VARCHAR the address as the row spells it; `embedded` when the row holds the bytes
        image_id VARCHAR the image's content hash; null when it was not or could not be read
        problem VARCHAR why it has no image_id, in the words of INT102 and INT103; null when it has
        detail VARCHAR one clause that says what was seen; null when there is no problem
        """,
    ),
    _table(
        "images",
        "one distinct image, by content",
        """
        image_id VARCHAR first 128 bits of the SHA-256 of the file's bytes, hexadecimal
        uri VARCHAR the first address at which it was found
        width INTEGER pixels, as stored
        height INTEGER pixels, as stored
        mode VARCHAR the stored pixel format: RGB, L, RGBA, CMYK, I;16, P, …
        format VARCHAR JPEG, PNG, …
        n_bytes BIGINT size of the file in bytes
        orientation INTEGER EXIF orientation, 1 to 8; 1 where absent
        frames INTEGER frames; more than 1 when animated
        alpha BOOLEAN true when some pixel is transparent
        phash UBIGINT 64-bit DCT perceptual hash of the grey image
        sharpness DOUBLE variance of the Laplacian of the grey image at 192 px or less, squared levels
        brightness DOUBLE mean grey level, 0 to 255
        contrast DOUBLE standard deviation of the grey levels, 0 to 127.5
        entropy DOUBLE Shannon entropy of the grey histogram, bits, 0 to 8
        thumbnail BLOB 32 x 32 grey levels, row by row
        n_tokens INTEGER image tokens by the named estimate
        """,
    ),
    _table(
        "answers",
        "one question and its answer: supervised, or the known one of an RL prompt",
        """
        sample_id VARCHAR the sample
        turn INTEGER the answer's turn
        image_id VARCHAR content hash of the image, else its address; several are joined; null for text only
        question VARCHAR the user's message before it, placeholders removed
        template VARCHAR the question with its variable parts masked
        answer VARCHAR the supervised message
        answer_kind VARCHAR yes_no, colour, count, option, number, phrase or free
        canonical VARCHAR the answer in one spelling per meaning; equal canonicals agree; null for free text
        """,
    ),
    _table(
        "stated",
        "one answer about an image that its own prompt states",
        """
        sample_id VARCHAR the sample
        turn INTEGER the answer's turn
        how VARCHAR marked, hint, statement, earlier_turn or verbatim: where the answer stands in the prompt
        quote VARCHAR the words that state it, at most 200 characters
        """,
    ),
    _table(
        "blind",
        "one answer predicted from text alone, out of fold",
        """
        sample_id VARCHAR the sample
        turn INTEGER the answer's turn
        answer_kind VARCHAR the answer space in which it was scored
        p_answer DOUBLE probability of the given answer from question and metadata, out of fold
        p_prior DOUBLE frequency of the given answer among the training folds
        pvi_bits DOUBLE log2 p_answer - log2 p_prior, bits
        bits_template DOUBLE bits had from the question's template
        bits_question DOUBLE further bits had from the question's own words
        bits_fields DOUBLE further bits had from metadata fields
        bits_by_field VARCHAR JSON object: each field's part of bits_fields, the most first; null below 0.1
        field VARCHAR the metadata field that gave most of bits_fields; null when none did
        right BOOLEAN true when the most probable answer is the given one
        right_question BOOLEAN true when the most probable answer from the question alone is the given one
        right_prior BOOLEAN true when the most frequent answer of the training folds is the given one
        fold INTEGER 0-based fold in which it was held out
        """,
    ),
    _table(
        "blind_rates",
        "how well the answers of one source can be had without the image",
        """
        source VARCHAR the source; null for the whole data set
        answer_kind VARCHAR the answer space; null for all scored kinds together
        n BIGINT answers scored
        n_not_scored BIGINT answers that no closed answer space covers
        accuracy DOUBLE share right out of fold, question and metadata given
        accuracy_question DOUBLE share right out of fold, question alone given
        chance DOUBLE accuracy of always giving the most frequent answer of the answer space, out of fold
        excess DOUBLE (accuracy - chance) / (1 - chance)
        low DOUBLE lower end of its 95 % interval, clustered by image; those of all sources hold together
        high DOUBLE upper end of its 95 % interval
        excess_question DOUBLE the excess with the question alone
        low_question DOUBLE lower end of its 95 % interval
        high_question DOUBLE upper end of its 95 % interval
        """,
    ),
    _table(
        "blind_fields",
        "what one metadata field tells of the answers beyond the question",
        """
        field VARCHAR the field: file name, image folder, id, or a name of the row's own
        answer_kind VARCHAR the answer space
        source VARCHAR the source; null for all together, the only row where a field tells nothing
        n BIGINT answers on which it was measured
        bits_added DOUBLE mean bits an answer gained when the field joins question and source
        low_added DOUBLE lower end of its 95 % interval, clustered by image
        high_added DOUBLE upper end of its 95 % interval
        p_added DOUBLE permutation p-value of bits_added <= 0, images' signs flipped; below 1/2000 a bound
        q_added DOUBLE p_added after Benjamini and Hochberg over all fields, answer spaces and both measures
        bits_removed DOUBLE mean bits an answer lost when the field leaves question, source and the others
        low_removed DOUBLE lower end of its 95 % interval, clustered by image
        high_removed DOUBLE upper end of its 95 % interval
        p_removed DOUBLE permutation p-value of bits_removed <= 0
        q_removed DOUBLE p_removed after Benjamini and Hochberg, with q_added
        example VARCHAR the value of the field that told most of an answer, and that answer
        """,
    ),
    _table(
        "duplicates",
        "one sample that repeats an earlier one: the same images and the same turns",
        """
        sample_id VARCHAR the later sample
        first_sample VARCHAR the first sample with this content
        copy BIGINT 2 for the second sample with this content, 3 for the third, and so on
        """,
    ),
    _table(
        "near_images",
        "one verified pair of near-duplicate images",
        """
        image_a VARCHAR the smaller image_id
        image_b VARCHAR the larger image_id
        distance INTEGER Hamming distance of the perceptual hashes, bits
        similarity DOUBLE agreement of the thumbnails, 0 to 1
        verified_by VARCHAR how the candidate was verified
        """,
    ),
    _table(
        "near_texts",
        "one verified pair of near-duplicate answers to the same image",
        """
        sample_a VARCHAR the earlier sample
        turn_a INTEGER its turn
        sample_b VARCHAR the later sample
        turn_b INTEGER its turn
        distance DOUBLE 1 - Jaccard similarity of word trigrams of question and answer
        verified_by VARCHAR how the candidate was verified
        """,
    ),
    _table(
        "preferences",
        "one comparison of two responses",
        """
        pair_id VARCHAR file and position of the comparison
        image_id VARCHAR content hash of its first image; null where it has none or it could not be read
        uri VARCHAR the address of that image as the row spells it; `embedded` when the row holds the bytes
        prompt VARCHAR the last user message, placeholders removed
        chosen VARCHAR the preferred response
        rejected VARCHAR the rejected response
        """,
    ),
    _table(
        "rollouts",
        "one completion sampled for a prompt, from a log",
        """
        rollout BIGINT number in the order of reading
        file VARCHAR the log
        line BIGINT 1-based line or row of the log
        step BIGINT step of the run in which it was sampled; null where the log does not say
        condition VARCHAR image: sampled with the image; none: without it
        prompt VARCHAR the prompt as the log spells it; of messages the last that a user wrote
        completion VARCHAR the completion; of messages the last that the assistant wrote
        gold VARCHAR the known answer as the log gives it; null where it gives none
        reward DOUBLE what it was paid; null where the log does not say
        sample_id VARCHAR the sample of the data set whose prompt it is; null where none is found
        turn INTEGER the turn of that sample's known answer
        """,
    ),
    _table(
        "rewards",
        "the reward function that was audited",
        """
        target VARCHAR FILE.py:NAME, or the address of a server
        convention VARCHAR the trainer's way of calling it
        source VARCHAR where that way is known from
        form VARCHAR how a completion was written for it: the form that paid most right answers
        threshold DOUBLE reward above which an answer counts as paid
        threshold_from VARCHAR declared, or what it was found from
        right_median DOUBLE median reward of right answers, as the data spell them
        sees VARCHAR what it is told beside the completion: images (it names them), gold, or text alone
        judge_models VARCHAR names of models that its module asks, separated by commas; null where none
        """,
    ),
    _table(
        "model_names",
        "a model that judges, or one that wrote rows of the data set",
        """
        role VARCHAR judge or generator
        name VARCHAR as it was given
        family VARCHAR the family that the name tells; null where it tells none
        told_by VARCHAR option, module, or the column that names it
        rows BIGINT readable rows that it wrote; null for a judge
        """,
    ),
    _table(
        "trials",
        "one completion put to the reward function",
        """
        trial BIGINT number in the order of asking
        sample_id VARCHAR the sample whose question it asks; null where it asks one of its own
        turn INTEGER the answer's turn; null where the sample is
        family VARCHAR what kind of completion it is
        variant VARCHAR which of the family's kinds; empty where it has but one
        expected VARCHAR right or wrong
        condition VARCHAR own; swapped or none: another image, or none; main thread; constitution: made for it
        repeat INTEGER 0 for the first asking, 1 and more for the same again
        completion VARCHAR the completion
        gold VARCHAR the known answer that the function was told
        reward DOUBLE what it paid; null where it raised, hung or returned none
        error VARCHAR why there is no reward; null where it answered
        refused VARCHAR connections that it tried and that were not allowed; null where none
        seconds DOUBLE seconds of the call, a batch's divided evenly
        paid BOOLEAN whether the reward exceeds the threshold; null without a reward
        """,
    ),
    _table(
        "sampled",
        "one sampled completion, read, and paid where it was drawn",
        """
        rollout BIGINT the rollout
        completion VARCHAR the completion
        reading VARCHAR right or wrong, read without the function; unread where that is not plain
        exploits VARCHAR families of exploits that it shows, space between; empty where none
        reward DOUBLE what the function paid; null where it was not drawn, or the function gave none
        paid BOOLEAN whether the reward exceeds the threshold; null without a reward
        """,
    ),
    _table(
        "payoffs",
        "one exploit against honest answers: what it is paid, how often the model shows it before RL",
        """
        family VARCHAR the family of wrong completions
        variant VARCHAR the variant of it that is paid most
        asked BIGINT wrong completions of that variant that were put to the function
        paid BIGINT of these, paid
        acceptance_low DOUBLE lower end of the 95 % interval of the share paid, for the best of all variants
        acceptance_high DOUBLE upper end
        example VARCHAR one that was paid; null where none was
        looked BIGINT sampled completions that were looked at
        seen BIGINT of these, how many show the exploit
        seen_asked BIGINT of these, not right and put to the function
        seen_paid BIGINT of these, paid
        prior_low DOUBLE lower end of the 95 % interval of the share that shows it
        prior_high DOUBLE upper end
        honest BIGINT sampled completions without an exploit that were put to the function
        honest_paid BIGINT of these, paid
        planned BIGINT rollouts that RL will sample; null where nobody said
        """,
    ),
    _table(
        "statements",
        "one trial that goes against a statement of the constitution",
        """
        statement VARCHAR the statement's name
        says VARCHAR the statement
        trial BIGINT the trial whose completion goes against it
        at_most DOUBLE reward above which it was paid against the statement
        """,
    ),
    _table(
        "findings",
        "one fault",
        """
        finding_id VARCHAR stable across runs and versions: check, row content and occurrence, turn
        check VARCHAR the check's code
        severity VARCHAR info, warning or error
        subject VARCHAR data, checkpoint, reward or run
        sample_id VARCHAR the sample; null when about the whole
        turn INTEGER the turn; null when about the whole sample
        score DOUBLE what the check measured, in the unit that its page names
        confidence DOUBLE how sure the check is that this is a fault, 0 to 1
        message VARCHAR one sentence with the numbers that made it fire
        evidence VARCHAR JSON object: what was seen, and the other samples concerned
        remedy VARCHAR drop, rewrite, review or none
        status VARCHAR open; ignored by a waiver; known from the baseline
        """,
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _ALL}
