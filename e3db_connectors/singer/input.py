"""Reading Singer messages so that a signal neither loses nor acknowledges anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.encoding.simple import SimpleSingerReader
from singer_sdk.singerlib.json import deserialize_json

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator


class _Stopped(BaseException):
    """Breaks off the wait for a line; it never leaves this module."""


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class MessageReader(SimpleSingerReader):
    """Reads messages line by line, until the input ends or `stop` is called.

    The SDK drains its sinks from within a signal handler, also in the middle of a drain, and then acknowledges rows that it
    has not written. Here a signal only ends the input, between two messages: what follows is what follows every end of input.
    """

    def __init__(self) -> None:
        """Start to read."""
        super().__init__()
        self.stopped = False
        self._waiting = False

    def stop(self) -> None:
        """End the input after the message that is being worked on. May be called by a signal handler."""
        self.stopped = True
        if self._waiting:
            raise _Stopped

    def process_lines(self, file_input: Any, callbacks: dict[str, Callable[[dict[str, Any]], None]]) -> Counter[str]:
        """Read all messages and hand each to the callback of its type."""
        return super().process_lines(self._lines(file_input or self.default_input), callbacks)  # type: ignore[arg-type]

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Read one line.

        Raises:
            UsageError: It is no message. Unlike the SDK's own error, this one does not show the line.
        """
        try:
            message = deserialize_json(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise UsageError("a line of the input is no Singer message: no JSON, or with numbers that JSON does not have") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise UsageError("a line of the input is no Singer message: no JSON object with a type")
        if not isinstance(message.get("stream", "-"), str) or message.get("stream") == "":
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

    def _lines(self, source: Iterable[str]) -> Iterator[str]:
        lines = iter(source)
        while not self.stopped:
            try:
                self._waiting = True
                line = next(lines, None)
                self._waiting = False
            except _Stopped:
                return
            if line is None:
                return
            yield line
