"""Times: settings that tap and target share."""

from __future__ import annotations

from typing import Final

from singer_sdk import typing as th

SECONDS_MAX: Final = 10**9

_STATE_INTERVAL_SECONDS: Final = 15


def state_interval(description: str) -> th.Property[float]:
    """How often a STATE comes, or is passed on."""
    return th.Property(
        "state_interval_seconds",
        th.NumberType(minimum=0, maximum=SECONDS_MAX),
        default=_STATE_INTERVAL_SECONDS,
        title="State interval",
        description=description,
    )
