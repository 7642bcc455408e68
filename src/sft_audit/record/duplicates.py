"""Samples that repeat an earlier one."""

from sft_audit.record import Recording, table_recorder


@table_recorder(fills=("duplicates",), needs=("samples", "turns", "image_uses", "images"))
def duplicates(recording: Recording) -> None:
    """Find every sample whose images and turns are those of an earlier sample.

    A sample's key is the exclusive or of the MD5 of its parts, each with its place, so that no part has to be
    sorted. An image that could not be read is known by its address, and by its sample where the row held it;
    the box of a crop (`###[...]` behind the address) is part of it.
    """
    recording.store.execute(
        """
        insert into duplicates by name
        with parts as (
            select sample_id, md5_number(concat_ws(chr(31), turn, role, text)) as part
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
        )
        select sample_id, first_sample, copy
        from placed
        where copy > 1
        order by file, position
        """
    )
