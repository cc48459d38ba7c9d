"""What the operator chooses about the behavior."""

from dataclasses import dataclass, field

from kernels.window_bounds import WindowBounds


@dataclass(frozen=True)
class Settings:
    """The choices; each has a default.

    Attributes:
        bounds: when windows are due and close.
        emit: ``lifecycle`` or ``matches``.
        gap_windows: G, NO_DATA windows that a row of windows may bridge.
        num_shards: number of link shards.
        source_name: name of the pipeline, `source` of every event.
    """

    bounds: WindowBounds = field(default_factory=WindowBounds)
    emit: str = "lifecycle"
    gap_windows: int = 1
    num_shards: int = 4
    source_name: str = "event-center"

    @property
    def num_node_shards(self) -> int:
        """Half as many as there are link shards, but two if links have.

        A bundle makes a block for each pair of shards at most, and small blocks cost as much as
        large ones.
        """
        return max(min(2, self.num_shards), self.num_shards // 2)
