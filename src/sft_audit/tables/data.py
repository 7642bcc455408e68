"""The tables of a data set, and the findings of any audit."""

from sft_audit.tables.table import table

DATA = (
    table(
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
    table(
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
    table(
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
    table(
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
    table(
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
    table(
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
    table(
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
    table(
        "stated",
        "one answer about an image that its own prompt states",
        """
        sample_id VARCHAR the sample
        turn INTEGER the answer's turn
        how VARCHAR marked, hint, statement, earlier_turn or verbatim: where the answer stands in the prompt
        quote VARCHAR the words that state it, at most 200 characters
        """,
    ),
    table(
        "slots",
        "one labelled slot in the prompt of a row with an image: a sentence such as `Tag: red.`",
        """
        sample_id VARCHAR the sample
        turn INTEGER the turn of the prompt
        label VARCHAR the label with its sign, as `Tag:`
        value VARCHAR what stands behind it
        quote VARCHAR the whole slot as it stands in the question
        """,
    ),
    table(
        "blind",
        "one answer predicted from text alone, out of fold",
        """
        sample_id VARCHAR the sample
        turn INTEGER the answer's turn
        answer_kind VARCHAR the answer space in which it was scored
        p_answer DOUBLE probability of the given answer from question and metadata, out of fold
        p_prior DOUBLE frequency of the given answer among the training folds
        pvi_bits DOUBLE log2 p_answer - log2 p_prior, bits
        bits_template DOUBLE bits had from the question's template, labelled slots taken out
        bits_question DOUBLE further bits had from the question's own words
        bits_fields DOUBLE further bits had from metadata fields and labelled slots
        bits_by_field VARCHAR JSON object: each field's part of bits_fields, the most first; null below 0.1
        field VARCHAR the field or slot that gave most of bits_fields; null when none did
        right BOOLEAN true when the most probable answer is the given one
        right_question BOOLEAN true when the most probable answer from the question alone is the given one
        right_prior BOOLEAN true when the most frequent answer of the training folds is the given one
        fold INTEGER 0-based fold in which it was held out
        """,
    ),
    table(
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
    table(
        "blind_fields",
        "what one metadata field, or labelled slot of the prompt, tells of the answers beyond the question",
        """
        field VARCHAR file name, image folder, id, a name of the row's own, or a slot: `"Tag:" in the prompt`
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
    table(
        "duplicates",
        "one sample that repeats an earlier one: the same images and the same turns",
        """
        sample_id VARCHAR the later sample
        first_sample VARCHAR the first sample with this content
        copy BIGINT 2 for the second sample with this content, 3 for the third, and so on
        """,
    ),
    table(
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
    table(
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
    table(
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
    table(
        "findings",
        "one fault",
        """
        finding_id VARCHAR stable across runs and versions: check, row content and occurrence, turn
        check VARCHAR the check's code
        severity VARCHAR info, warning or error
        subject VARCHAR data, reward, prompts, checkpoint or run
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
