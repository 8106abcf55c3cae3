"""What an operator may say about files of complaints taken down on paper."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is not a time zone of the IANA database") from error
    return value


class Config(BaseModel):
    """One set of books, letters and forms."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    zone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"  # of times that are written without an offset
