"""Files at the simulated WeCom: kept for three days, then a refusal that is JSON with HTTP 200 (path/96484)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from sandbox.wecom_corp import ApiError, Corp

_LASTS = timedelta(days=3)
_LEAST = 5  # bytes; an upload must have more
_MEGABYTE = 1024 * 1024
_UPLOADS = {"image": 10 * _MEGABYTE, "voice": 2 * _MEGABYTE, "video": 10 * _MEGABYTE, "file": 20 * _MEGABYTE}
FROM_CUSTOMERS = {"image": 2 * _MEGABYTE, "voice": 2 * _MEGABYTE, "video": 10 * _MEGABYTE, "file": 20 * _MEGABYTE}
"""Above these a customer's file arrives as a text that says so (path/94670)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    content: bytes = field(repr=False)
    media_type: str
    name: str
    at: datetime


@dataclass(slots=True)
class Files:
    corp: Corp
    _files: dict[str, File] = field(default_factory=dict)

    def put(self, content: bytes, media_type: str, name: str) -> str:
        """Keep a file; return its media_id."""
        media_id = f"3{uuid4().hex}_{uuid4().hex}"
        self._files[media_id] = File(content=content, media_type=media_type, name=name, at=self.corp.now())
        return media_id

    def get(self, media_id: object) -> File:
        """Return a file. Raises ApiError 40007 when it is unknown or three days old."""
        file = self._files.get(media_id) if isinstance(media_id, str) else None
        if file is None or self.corp.now() - file.at >= _LASTS:
            raise ApiError(40007)
        return file

    def upload(self, kind: str, content: bytes, media_type: str, name: str) -> str:
        """Keep what an app uploads; return its media_id. Raises ApiError."""
        if kind not in _UPLOADS:
            raise ApiError(40005)
        if not _LEAST < len(content) <= _UPLOADS[kind]:
            raise ApiError(40006)
        return self.put(content, media_type, name)
