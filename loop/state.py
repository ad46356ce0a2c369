"""State: what the graph carries between nodes; ids, numbers and relative paths only, so a checkpoint stays small."""

from typing import TypedDict


class State(TypedDict):
    """The channel values of the graph once it is prepared; all JSON types."""

    round: int
    """The round in progress; 0 while preparing."""
    start: str
    """Folder of the model that this round's runs start from, relative to the run folder."""
    accepted: str
    """Folder of the newest accepted model."""
    runs: list[str]
    """Names of the runs that this round trained."""
    stop: str
    """Why the run ends after this round; empty while it goes on."""


class Update(TypedDict, total=False):
    """What a node changes of the state."""

    round: int
    start: str
    accepted: str
    runs: list[str]
    stop: str
