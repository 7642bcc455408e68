"""The lines by which the data give answers away become cues."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sft_audit.probes.hints import cue_forms
from sft_audit.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, "1GB", 1)
    yield opened
    opened.close()


def test_a_leaking_slot_is_put_as_it_stands_in_the_data(store: Store) -> None:
    store.execute(
        """
        insert into findings by name
        select 'GRD203' as "check", evidence
        from (values
            ('{"field": "file name", "slot": null}'),
            ('{"field": "\\"Tag:\\" in the prompt", "slot": "Tag:"}')
        ) found(evidence)
        """
    )
    assert [form.line for form in cue_forms(store)] == ["Tag: {}", "File name: {}.jpg"]
