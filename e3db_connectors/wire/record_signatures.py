"""The text that a record's signature covers (protocol section 8.2): its meta and its data in clear.

The signature names neither the record's id nor its version, and it is over clear text and deterministic: a server can test
guesses with it and sees which records are equal. So records are signed only on request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e3db_connectors.wire.records import Meta


def signed_texts(meta: Meta, data: Mapping[str, str] | None) -> list[bytes]:
    """The texts that may have been signed: members as they stand, then sorted by name; clients differ there.

    Args:
        meta: Of the record.
        data: In clear; None for a file.
    """
    texts = [_text(meta, meta.plain or {}, data), _text(meta, _sorted(meta.plain or {}), None if data is None else _sorted(data))]
    return list(dict.fromkeys(texts))


def text_to_sign(meta: Meta, data: Mapping[str, str] | None) -> bytes:
    """The text that this project signs: sorted, which every client that verifies accepts if the record is stored sorted."""
    return signed_texts(meta, data)[-1]


def _text(meta: Meta, plain: Mapping[str, str], data: Mapping[str, str] | None) -> bytes:
    head = {"plain": plain, "type": meta.record_type, "user_id": meta.user_id, "writer_id": meta.writer_id}
    return _json(head) + _json(data)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _sorted(members: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(members.items()))
