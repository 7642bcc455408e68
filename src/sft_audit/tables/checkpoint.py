"""The tables of a checkpoint: what is put to it and to its base model, what they say, and what changed."""

from sft_audit.tables.table import table

CHECKPOINT = (
    table(
        "probes",
        "one probe: a question with a known answer, put to the base model and to the checkpoint",
        """
        sample_id VARCHAR the sample of the probe set
        turn INTEGER the turn of its known answer
        family VARCHAR what it probes: pair, cue, text, caption, fault or plain
        cluster VARCHAR probes that ask the same of different images; else the probe alone
        text_only BOOLEAN true when it has no image
        question VARCHAR the question, placeholders removed
        answer VARCHAR the known answer
        answer_kind VARCHAR as in answers
        chance DOUBLE probability of being right without looking
        chance_from VARCHAR declared by the probe set, or what it was found from
        cue VARCHAR the answer that its prompt suggests and its image does not; null where it has no cue
        objects VARCHAR JSON array of the objects that its image shows; null where they are not known
        images VARCHAR JSON array of the addresses of its images, as images must be opened
        swapped VARCHAR JSON array of the addresses of other images of the same question; null: none is known
        """,
    ),
    table(
        "responses",
        "what one model says to one probe under one condition",
        """
        model VARCHAR base or sft
        sample_id VARCHAR the probe
        turn INTEGER the turn of its known answer
        condition VARCHAR own: as it stands; swapped: with another image; none: without; blank: a grey one
        draw INTEGER 0: the most probable answer; 1 and on: drawn at temperature 1
        text VARCHAR what the model said
        reading VARCHAR right, wrong, or unread: it cannot be told
        said VARCHAR its answer in one spelling per meaning, as answers.canonical; null where it is not read
        readable BOOLEAN whether it says an answer of a closed kind, right or wrong
        nll DOUBLE negative log-likelihood of the known answer, nats; draw 0 only; null where not scored
        n_tokens INTEGER tokens of the known answer that nll sums over
        entropy DOUBLE mean entropy of the next token along its answer, nats; null where not measured
        nll_said DOUBLE negative log-likelihood of a drawn answer under the model that drew it, nats
        nll_base DOUBLE negative log-likelihood of the same answer under the base model, nats
        n_said INTEGER tokens that these two sum over
        """,
    ),
    table(
        "changes",
        "one measure of what a model does, of the base model and of the checkpoint",
        """
        measure VARCHAR the measure, as docs/checkpoint.md names it
        better VARCHAR higher, lower or neither: which way is better
        about VARCHAR one clause that says what is measured
        n BIGINT probes on which both were measured
        clusters BIGINT clusters of probes
        base DOUBLE the base model; null where not measured
        base_low DOUBLE lower end of its 95 % interval, clustered
        base_high DOUBLE upper end of its 95 % interval
        sft DOUBLE the checkpoint
        sft_low DOUBLE lower end of its 95 % interval, clustered
        sft_high DOUBLE upper end of its 95 % interval
        difference DOUBLE checkpoint less base
        low DOUBLE lower end of its 95 % interval, clustered
        high DOUBLE upper end of its 95 % interval
        p DOUBLE two-sided p-value of no difference: McNemar's exact test where answers are right or wrong
        q DOUBLE p after Benjamini and Hochberg over the measures
        method VARCHAR how interval and p-value were had
        """,
    ),
)
