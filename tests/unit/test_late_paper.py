"""What came in on paper long ago is told the truth about its date (A025)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.model import ChannelKind, Language
from tests.conftest import Core
from tests.factories import START, message

LATE = {
    Language.ZH_HANS: ("已经超过", "我们最迟在"),
    Language.ZH_HANT: ("已經超過", "我們最遲在"),
    Language.EN: ("That day has passed", "we will tell you what we found"),
}


async def acknowledgement(core: Core, **changes: object) -> str:
    await core.intake.accept([message(channel=ChannelKind.OPINION_BOOK, **changes)])
    async with core.storage.reading() as tx:
        [complaint] = await tx.complaints.waiting(10)
        [delivery] = await tx.notices.deliveries(complaint.id)
        return delivery.content.text


@pytest.mark.parametrize("language", LATE)
async def test_nobody_is_promised_a_day_that_has_passed(core: Core, language: Language) -> None:
    told = await acknowledgement(core, language=language, received_at=START - timedelta(days=40))
    honest, promise = LATE[language]
    assert honest in told
    assert promise not in told


@pytest.mark.parametrize("language", LATE)
async def test_a_day_that_is_still_to_come_is_promised(core: Core, language: Language) -> None:
    told = await acknowledgement(core, language=language, received_at=START - timedelta(hours=3))
    honest, promise = LATE[language]
    assert honest not in told
    assert promise in told
