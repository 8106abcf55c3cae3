"""Where texts go and no answer comes back (+86 by Twilio), nobody is asked to answer by text (channels.md 2.1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.model import Contact, ContactType, Language, NoticeKind, Text
from gateway.rendering import Rendering
from gateway.rules.reactions import CUSTOMER, Telling
from gateway.settings import DEMONSTRATION_BANK, Bank
from gateway.telling import Teller
from tests.conftest import Core
from tests.factories import message

ASKED = {Language.ZH_HANS: "请回复1", Language.ZH_HANT: "請回覆1", Language.EN: "Please reply 1"}


@pytest.fixture
def core(make_core: Callable[..., Core]) -> Core:
    return make_core(served=frozenset({ContactType.MOBILE}))


async def survey(core: Core, number: str, language: Language) -> str:
    mobile = Contact(type=ContactType.MOBILE, value=number)
    await core.intake.accept([message(language=language, contacts=(mobile,))])
    async with core.storage.reading() as tx:
        [complaint] = await tx.complaints.waiting(10)
        contacts = (await tx.contacts.of([complaint.id]))[complaint.id]
    teller = Teller(
        rendering=Rendering(bank=Bank.model_validate(DEMONSTRATION_BANK), override=None),
        directory=core.recorder.directory,
        calendar=core.recorder.calendar,
        served=core.recorder.served,
        staff_language=Language.ZH_HANS,
        one_way=("+86",),
    )
    asking = [Telling(kind=NoticeKind.SURVEY, to=CUSTOMER)]
    [delivery] = teller.tell(
        asking, complaint, before=complaint, cause=2, contacts=contacts, now=core.clock()
    ).deliveries
    assert isinstance(delivery.content, Text)
    return delivery.content.short


@pytest.mark.parametrize("language", Language)
async def test_who_cannot_answer_by_text_is_asked_to_call(core: Core, language: Language) -> None:
    short = await survey(core, "+8613800000001", language)
    assert ASKED[language] not in short
    assert "010-00000001" in short


@pytest.mark.parametrize("language", Language)
async def test_who_can_answer_by_text_is_asked_to(core: Core, language: Language) -> None:
    assert ASKED[language] in await survey(core, "+85251234567", language)
