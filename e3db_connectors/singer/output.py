"""Standard output of the tap: one line a message, none of them cut by a signal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


class RecordLine(msgspec.Struct, frozen=True):
    """A RECORD message, with its members in the SDK's order."""

    type: str
    stream: str
    record: dict[str, Any]
    version: int | msgspec.UnsetType
    time_extracted: datetime


_encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="number")


class MessageWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages, one or many at a time. What a signal asks for is done between two of them, never in the middle of one."""

    def __init__(self) -> None:
        """Nothing has been written."""
        self._writing = False
        self._then: Callable[[], None] | None = None

    def serialize_message(self, message: Message) -> bytes:
        """A line."""
        return _encoder.encode(message.to_dict()) + b"\n"

    def write_message(self, message: Message) -> None:
        """Write a line."""
        self._write(self.format_message(message))

    def write_records(self, lines: Sequence[RecordLine]) -> None:
        """Write many lines at once."""
        self._write(_encoder.encode_lines(lines))

    def when_idle(self, action: Callable[[], None]) -> None:
        """Do something now, or as soon as the line that is under way is out; called by a signal's handler."""
        if self._writing:
            self._then = action
        else:
            action()

    def _write(self, text: bytes) -> None:
        self._writing = True
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        finally:
            self._writing = False
        if self._then is not None:
            action, self._then = self._then, None
            action()
