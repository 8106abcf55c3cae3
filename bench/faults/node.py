"""`huiyin` with a clock that is ahead: so an outage may have lasted for hours.

python -m bench.faults.node MINUTES --config FILE serve
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import gateway.__main__ as command_line


def main(minutes: str, *arguments: str) -> int:
    ahead = timedelta(minutes=float(minutes))
    command_line.clock = lambda: datetime.now(UTC) + ahead
    return command_line.main(arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
