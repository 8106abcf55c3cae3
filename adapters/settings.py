"""What the settings of several channels have in common: secrets, also in files; addresses of APIs."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from gateway.errors import Misconfigured


def _base_url(value: str) -> str:
    value = value.rstrip("/")
    parts = urlsplit(value)
    named = parts.scheme in ("http", "https") and parts.hostname
    if not named or parts.query or parts.fragment or "@" in parts.netloc:  # an address is shown in errors
        raise ValueError("is not the address of an API, such as https://api.provider.example")
    return value


Secret = Annotated[SecretStr, Field(min_length=1, max_length=200)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]


def check_base_url(base_url: str, *, insecure: bool) -> None:
    """Raise ValueError where secrets and texts would leave this machine in the clear, and nobody said they may."""
    parts = urlsplit(base_url)
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname or ""):
        raise ValueError("base_url sends secrets and texts in the clear; if that is meant, say insecure = true")


def content_of(path: Path, setting: str) -> str:
    """Return the secret that a file holds. Raises Misconfigured, naming the setting, when there is none."""
    try:
        content = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"{setting}: {path} cannot be read") from None
    if not content:
        raise Misconfigured(f"{setting}: {path} is empty")
    return content


def is_loopback(host: str) -> bool:
    """Say whether what is sent to this host stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
