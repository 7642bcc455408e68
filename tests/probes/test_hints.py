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
            ('{"field": "file name", "slot": null, "measured": [{"answer_kind": "yes/no"}]}'),
            ('{"field": "\\"Tag:\\" in the prompt", "slot": "Tag:"}')
        ) found(evidence)
        """
    )
    store.execute("insert into slots by name select 'Tag:' as label, 'red' as value, 'Tag: red.' as quote")
    tag, name = cue_forms(store)
    assert (tag.line, name.line) == ("Tag: {}.", "File name: {}.jpg")
    assert (tag.kinds, name.kinds) == (frozenset(), {"yes_no"})
    assert tag.lay("What colour is it?", "blue") == "Tag: blue.\nWhat colour is it?"
    assert tag.lay("Tag: beach. What colour is it?", "blue") == "Tag: blue. What colour is it?"
