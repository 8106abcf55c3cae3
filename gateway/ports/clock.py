"""The present, which nothing in the core asks the machine for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Now = Callable[[], datetime]
"""Returns the present as an aware UTC datetime. Nothing in the core asks the machine's clock."""
