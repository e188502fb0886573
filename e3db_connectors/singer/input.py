"""Reading Singer messages so that a signal neither loses nor acknowledges anything, and silence delays nothing."""

from __future__ import annotations

import io
import os
import select
import sys
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.singerlib.json import deserialize_json

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator

_CHUNK: Final = 1 << 20
_TICK_SECONDS: Final = 0.25


class _Stopped(BaseException):
    """Breaks off the wait for input; it never leaves this module."""


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_decoder = msgspec.json.Decoder(float_hook=Decimal)


class MessageReader(GenericSingerReader[bytes]):
    """Reads messages line by line, until the input ends or `stop` is called.

    The SDK drains its sinks from within a signal handler, also in the middle of a drain, and then acknowledges rows that it
    has not written. Here a signal only ends the input, between two messages: what follows is what follows every end of input.
    The SDK also looks at its clock only when a row comes. Here it can be looked at while none does: see `when_idle`.
    """

    def __init__(self) -> None:
        """Start to read."""
        super().__init__()
        self.stopped = False
        self._waiting = False
        self._idle: Callable[[], None] | None = None

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input."""
        return sys.stdin.buffer

    def stop(self) -> None:
        """End the input after the message that is being worked on. May be called by a signal handler."""
        self.stopped = True
        if self._waiting:
            self._waiting = False  # a second signal must not break off what follows
            raise _Stopped

    def when_idle(self, action: Callable[[], None]) -> None:
        """Have something done from time to time while no input comes, between two messages."""
        self._idle = action

    def process_lines(self, file_input: Any, callbacks: dict[str, Callable[[dict[str, Any]], None]]) -> Counter[str]:
        """Read all messages and hand each to the callback of its type."""
        return super().process_lines(self._lines(file_input or self.default_input), callbacks)  # type: ignore[arg-type]

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Read one line.

        Raises:
            UsageError: It is no message. Unlike the SDK's own error, this one does not show the line.
        """
        message = _decoded(line)
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise UsageError("a line of the input is no Singer message: no JSON object with a type")
        if not _is_name(message.get("stream", "-")):
            raise UsageError("the stream of a Singer message must be a name")
        if not isinstance(message.get("record", {}), dict):
            raise UsageError("the record of a Singer message must be an object")
        return message

    @staticmethod
    def assert_line_requires(line_dict: dict[str, Any], requires: set[str]) -> None:
        """Refuse a message that lacks a member, without showing it.

        Raises:
            UsageError: With the names of what is missing.
        """
        missing = sorted(requires - line_dict.keys())
        if missing:
            raise UsageError(f"a Singer message lacks {', '.join(missing)}")

    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        raise UsageError("a line of the input has a type that no Singer message has")

    def _lines(self, source: Iterable[str | bytes]) -> Iterator[bytes]:
        descriptor = _descriptor(source)
        for line in source if descriptor is None else _split(self._chunks(descriptor)):
            if self.stopped:
                return
            yield line.encode() if isinstance(line, str) else line

    def _chunks(self, descriptor: int) -> Iterator[bytes]:
        """What comes in, as it comes; a signal ends the wait for more."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while self._wait(poll):
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                return
            yield chunk

    def _wait(self, poll: select.poll) -> bool:
        """Wait until there is something to read; no longer if the input is to end."""
        try:
            while not self.stopped:
                self._waiting = True
                ready = poll.poll(_TICK_SECONDS * 1000)
                self._waiting = False
                if ready:
                    return True
                if self._idle is not None:
                    self._idle()
        except _Stopped:
            pass
        finally:
            self._waiting = False
        return False


def _decoded(line: bytes) -> Any:
    try:
        try:
            return _decoder.decode(line)
        except msgspec.DecodeError:  # half a character, perhaps, which is JSON all the same
            return deserialize_json(line, parse_constant=_refuse_constant)
    except (ValueError, ArithmeticError, RecursionError):
        raise UsageError("a line of the input is no Singer message: no JSON, or with numbers that JSON does not have") from None


def _is_name(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(value.encode())
    except UnicodeEncodeError:  # half a character
        return False


def _descriptor(source: object) -> int | None:
    """The file behind a source, if there is one that can be waited for."""
    if not hasattr(select, "poll"):  # Windows
        return None
    try:
        return source.fileno() if isinstance(source, io.IOBase) else None
    except OSError:
        return None


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of chunks."""
    rest: list[bytes] = []
    for chunk in chunks:
        *lines, last = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join([*rest, lines[0]])
            rest = []
            yield from lines
        rest.append(last)
    if any(rest):
        yield b"".join(rest)
