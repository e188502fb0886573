"""Reading records of one type so that nothing is lost and nothing doubled (design sections 4.1 to 4.6).

`engine` is the run: catch-up of newly visible writers, windows, tail. `windows` are spans of time and their order, `pages` reads one
window out of `answers` to a `question`, `ahead` fetches several at a time, `tail` knows what has been given out, `writers` whose old
records have been read, and `state` is what the next run goes by. `full` reads by the v1 query. All of them talk to a `source`, which is
a client or a model of one. `iterator` is the door for programs.
"""

from e3db_connectors.sync.reading.engine import Engine, Step
from e3db_connectors.sync.reading.source import ClientSource, Source
from e3db_connectors.sync.reading.state import State
from e3db_connectors.sync.reading.tuning import Tuning

__all__ = ["ClientSource", "Engine", "Source", "State", "Step", "Tuning"]
