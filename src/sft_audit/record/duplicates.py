"""Samples that repeat an earlier one."""

from sft_audit.record import Recording, table_recorder

# What else a trainer may take from a row: two that differ in one of these are no copies.
FIELDS = ("audio", "audios", "objects", "system", "tools", "turn.tool_calls", "video", "videos")
PATHS = tuple(f'$."{field}"' for field in FIELDS)


@table_recorder(fills=("duplicates",), needs=("samples", "turns", "image_uses", "images"))
def duplicates(recording: Recording) -> None:
    """Find every sample whose images, turns and other trained fields are those of an earlier sample.

    A sample's key is the exclusive or of the MD5 of its parts, each with its place, so that no part has to be
    sorted. An image that could not be read is known by its address, and by its sample where the row held it;
    the box of a crop (`###[...]` behind the address) is part of it. Samples whose texts have a place for a
    video or audio that no field names are left out: what stands there is not known.
    """
    recording.store.execute(
        """
        insert into duplicates by name
        with parts as (
            select
                sample_id,
                md5_number(concat_ws(
                    chr(31), turn, role, supervised, if(loss_weight = 1, '', loss_weight::varchar), text
                )) as part
            from turns
            union all
            select
                sample_id,
                md5_number(concat_ws(
                    chr(31),
                    'image',
                    slot,
                    coalesce(image_id, nullif(uri, 'embedded'), sample_id),
                    regexp_extract(uri, '###.*')
                ))
            from image_uses
            union all
            select sample_id, md5_number(to_json(given)::varchar)
            from (
                select sample_id, json_extract_string(extra, $paths) as given
                from samples
                where regexp_matches(extra, $named)
            )
            where list_any_value(given) is not null
        ), contents as (
            select sample_id, bit_xor(part) as content
            from parts
            group by sample_id
        ), repeated as (
            select content
            from contents
            group by content
            having count(*) > 1
        ), placed as (
            select
                sample_id,
                first_value(sample_id) over same as first_sample,
                row_number() over same as copy,
                file,
                position
            from contents
            join repeated using (content)
            join samples using (sample_id)
            where kind = 'sft'
            window same as (partition by content order by file, position)
        ), unnamed as (
            select sample_id
            from turns
            join samples using (sample_id)
            where (contains(text, '<video>') or contains(text, '<audio>'))
                and not regexp_matches(extra, '"(?:audio|video)s?": ')
        )
        select sample_id, first_sample, copy
        from placed
        anti join unnamed using (sample_id)
        where copy > 1
        order by file, position
        """,
        {"paths": PATHS, "named": f'"(?:{"|".join(FIELDS)})": '},
    )
