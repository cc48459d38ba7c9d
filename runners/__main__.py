"""``python -m runners``: shows what runs where."""

import sys

from rich.console import Console
from rich.table import Table

from runners.capabilities import FEATURES, RUNNERS, TABLE


def main() -> int:
    """Prints the table, and how to choose each runner."""
    console = Console()
    table = Table("", *FEATURES, title="What runs where")
    for runner, answers in TABLE.items():
        table.add_row(runner, *(str(answers[feature]).replace("`", "") for feature in FEATURES))
    console.print(table)
    for runner, options in RUNNERS.items():
        console.print(f"{runner:16} {options}", highlight=False)
    for feature, meaning in FEATURES.items():
        console.print(f"{feature:16} {meaning}", highlight=False, style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
