"""What a fault says in the log: type, place and a stable word of ours; never a message that may repeat a value."""

from __future__ import annotations

import logging

import pytest

from gateway.errors import Temporary
from gateway.observe import fault
from tests.factories import START


def logged(error: Exception, caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    with caplog.at_level(logging.ERROR):
        fault("feed:wecom/kf1", error, metrics=None, now=START)
    [record] = caplog.records
    fields: dict[str, object] = record.fields  # type: ignore[attr-defined]
    return fields


def test_why_a_provider_refused_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(Temporary("errcode 60020"), caplog)["reason"] == "errcode 60020"


def test_the_words_of_any_other_error_do_not(caplog: pytest.LogCaptureFixture) -> None:
    fields = logged(ValueError("invalid number +8613800138000"), caplog)
    assert fields["error"] == ["ValueError"]
    assert "138" not in str(fields)
