"""What a command of the command line is given: somewhere to speak, settings, channels, the clock. Owned by __main__."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rich.console import RenderableType

from gateway.app import OpenChannel
from gateway.ports import Now
from gateway.settings import Settings
from gateway.storage.copying import Report

Add = Callable[[str, Callable[[Namespace], int], str, str], ArgumentParser]
"""Adds a command by its name, what runs it, a sentence about it and what else there is to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """The screen and what only the command line knows. Nothing said is read as markup."""

    say: Callable[[str], None]
    warn: Callable[[str], None]
    show: Callable[[RenderableType], None]
    progress: Callable[[], AbstractContextManager[Report]]
    settings: Callable[[Namespace], Settings]
    channels: Callable[[Settings], Sequence[OpenChannel]]
    run: Callable[[Awaitable[int]], int]
    now: Now
