"""A record is ours if it has each header exactly once and well formed."""

from uuid import UUID

import pytest

from services.messaging.headers import identity, packed, unpacked
from services.messaging.records import Headers

ID = "01935a2b-0000-7000-8000-000000000001"


def test_a_record_of_ours_is_recognized() -> None:
    assert identity((("sequence", b"12"), ("other", None), ("event_id", ID.encode()))) == (12, UUID(ID))


@pytest.mark.parametrize(
    "sequences",
    [
        [],
        [b"0"],
        [b"007"],
        [b"-1"],
        [b"1 "],
        [b"1.0"],
        [b""],
        [None],
        [b"1", b"1"],
        [b"9223372036854775808"],
        [b"1" * 20],
        [b"\xd9\xa1"],
    ],
)
def test_anything_else_is_foreign(sequences: list[bytes | None]) -> None:
    headers: Headers = (*(("sequence", sequence) for sequence in sequences), ("event_id", ID.encode()))

    assert identity(headers) is None


@pytest.mark.parametrize("event_ids", [[], [b"x"], [None], [b"\xff"], [ID.encode(), ID.encode()]])
def test_without_one_event_id_it_is_foreign(event_ids: list[bytes | None]) -> None:
    assert identity((("sequence", b"1"), *(("event_id", event_id) for event_id in event_ids))) is None


def test_packed_headers_come_back_as_they_were() -> None:
    headers: Headers = (("a", b"\x00\xff"), ("a", None), ("", b""))

    assert unpacked(packed(headers)) == headers
