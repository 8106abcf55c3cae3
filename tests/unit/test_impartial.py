"""Whom a complaint is about, who may sign for whom, and who hears that they are named (law 17; A053, A059, A076)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.errors import Invalid, NotFound
from gateway.model import Contact, ContactType, EvidenceType, Kind, Level, Nature, NoticeKind, State
from gateway.rules import commands
from gateway.rules.commands import Command
from gateway.rules.routing import Directory
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.bank import CARDS, CONCLUSION, Gateway
from tests.factories import Clock, email_contact, message

MAIL = email_contact("li@example.com", verified=True)
UNKNOWN = email_contact("li@example.com")
MOBILE = Contact(type=ContactType.MOBILE, value="+8613800000001", verified=True)
OTHER = {"cards-h1": "cards-h2", "cards-h2": "cards-h1"}


@pytest.fixture
def bank(storage: SqliteStorage, vault: Vault, clock: Clock) -> Gateway:
    return Gateway(storage=storage, vault=vault, now=clock)


async def about(bank: Gateway, *staff: str, **said: Any) -> str:
    """Open a complaint about these of the bank, and grade it; return its number."""
    number = await bank.opens(message(received_at=bank.now(), contacts=(MAIL,)))
    grade = commands.Grade(kind=Kind.COMPLAINT, nature=Nature.SERVICE, level=Level.GENERAL, reason="看过")
    await bank.does(number, replace(grade, staff_involved=staff, **said), "mgr")
    return number


async def checked(bank: Gateway, number: str) -> str:
    """Let its handler accept and check it; return who that is."""
    handler = (await bank.complaint(number)).case.handler
    await bank.does(number, commands.Accept(), handler)
    await looks(bank, number, handler)
    return handler


async def looks(bank: Gateway, number: str, handler: str) -> None:
    ahead = bank.now() + timedelta(hours=1)
    await bank.does(number, commands.Investigate(direction="查流水", next_contact_at=ahead), handler)


async def concluded(bank: Gateway, number: str, handler: str) -> None:
    evidence = commands.AddEvidence(id=handler, type=EvidenceType.LOG, sha256="0" * 64, description="流水")
    await bank.does(number, evidence, handler)
    await bank.does(number, replace(CONCLUSION, evidence=(handler,)), handler)


async def refused(bank: Gateway, number: str, command: Command, by: str) -> tuple[str, str]:
    """Give a command that is invalid; return the field and the word."""
    with pytest.raises(Invalid) as caught:
        await bank.does(number, command, by)
    return caught.value.field, caught.value.problem


async def test_who_it_is_about_neither_sees_it_nor_acts_on_it_nor_hears_of_it(bank: Gateway) -> None:
    """law 17: of the handling unit or not; the guessed number is no better than a wrong one."""
    number = await about(bank, "cards-h1", "cards-liaison", "rep")
    for staff in ("cards-h1", "cards-liaison", "rep"):
        with pytest.raises(NotFound):
            await bank.casework.show(number, bank.actor(staff))
        with pytest.raises(NotFound):
            await bank.does(number, commands.Note(text="不是我"), staff)
    assert (await bank.complaint(number)).case.handler == "cards-h2"
    told = [to for _, to in await bank.told(number)]
    assert not [to for to in told if to.endswith(("cards-h1", "cards-liaison", ":rep"))]
    assert "liaison" in told  # that nobody was there to be told stays visible


async def test_who_it_is_about_does_not_find_it_in_the_queue(bank: Gateway) -> None:
    """law 17: no handler is left, so that it waits for a person; not for this one."""
    await about(bank, "rep", "cards-h1", "cards-h2")
    assert len(await bank.casework.queue(bank.actor("mgr"))) == 1
    assert list(await bank.casework.queue(bank.actor("rep"))) == []


@pytest.mark.parametrize(
    ("command", "by", "field"),
    [
        (commands.HandOver(to="cards-h1", reason="换人", agreed=True), "mgr", "to"),
        (commands.Reroute(unit="cards", handler="cards-h1", reason="换人"), "mgr", "handler"),
        (commands.Reroute(unit="cards", handler="cards-h2", reason="换", approver="it-head"), "mgr", "approver"),
        (commands.NameContingencyPlan(owner="cards-h1", plan="先停"), "mgr", "owner"),
        (commands.Regrade(level=Level.MAJOR, flags=frozenset(), reason="媒体", lead="exe"), "mgr", "lead"),
        (commands.StartAppraisal(body="鉴定所", reason="笔迹", agreed_by="leg"), "cards-head", "agreed_by"),
    ],
    ids=lambda one: type(one).__name__ if not isinstance(one, str) else one,
)
async def test_who_it_is_about_is_named_for_nothing(bank: Gateway, command: Command, by: str, field: str) -> None:
    """law 17: not to own, handle, lead or sign it, nor to agree to what is done."""
    number = await about(bank, "cards-h1", "it-head", "exe", "leg")
    await checked(bank, number)
    assert await refused(bank, number, command, by) == (field, "partial")


async def test_a_suggestion_is_not_decided_by_whom_it_is_about(bank: Gateway) -> None:
    """T30, law 17."""
    number = await about(bank, "it-head", kind=Kind.SUGGESTION)
    assert await refused(bank, number, commands.AssessSuggestion(to="it-head"), "mgr") == ("to", "partial")


async def test_only_known_staff_is_named_and_nobody_grades_what_is_about_them(bank: Gateway) -> None:
    """law 17: a staff number with a wrong letter would keep nobody out."""
    number = await bank.opens(message(received_at=bank.now(), contacts=(MAIL,)))
    grade = commands.Grade(kind=Kind.COMPLAINT, nature=Nature.SERVICE, level=Level.GENERAL, reason="看过")
    for staff, word in (("Cards-H1", "unknown"), ("mgr", "partial")):
        named = replace(grade, staff_involved=(staff,))
        assert await refused(bank, number, named, "mgr") == ("staff_involved", word)


async def test_whom_it_is_about_may_turn_out_later(bank: Gateway) -> None:
    """T31, law 17: names are added, none is taken away; somebody else goes on."""
    number = await about(bank, "cards-liaison")
    handler = await checked(bank, number)
    found = commands.Regrade(level=Level.GENERAL, flags=frozenset(), reason="通话录音", staff_involved=(handler,))
    await bank.does(number, found, "mgr")
    assert (await bank.complaint(number)).case.staff_involved == ("cards-liaison", handler)
    assert await refused(bank, number, found, "mgr") == ("level", "no_change")
    with pytest.raises(NotFound):
        await concluded(bank, number, handler)
    await bank.does(number, commands.Reroute(unit="cards", handler=OTHER[handler], reason="回避"), "mgr")
    await bank.does(number, commands.Accept(), OTHER[handler])


async def test_another_units_head_signs_where_it_is_about_the_head(bank: Gateway) -> None:
    """T17, law 17: who stands in is asked by N34, sees the case, and signs."""
    number = await about(bank, "cards-head")
    assert (await bank.complaint(number)).case.approver == "it-head"
    await concluded(bank, number, await checked(bank, number))
    assert ("n34", "uh:it-head") in await bank.told(number)
    assert (await bank.does(number, commands.Approve(), "it-head")).state is State.APPROVED


async def test_nobody_is_named_to_sign_where_no_head_is_left(bank: Gateway) -> None:
    number = await about(bank, "cards-head", "it-head")
    assert (await bank.complaint(number)).case.approver == ""


@pytest.mark.parametrize(
    ("unit", "named"),
    [
        ({"head": "exe"}, "head: 'exe' needs the role uh"),
        ({"handlers": ["cards-h1", "cb"]}, "handlers: 'cb' needs the role hnd"),
        ({"head": "both", "handlers": ["cards-h1", "both"]}, "the head 'both' is one of its handlers"),
    ],
)
def test_a_unit_whose_work_nobody_else_would_sign_is_refused(unit: dict[str, Any], named: str) -> None:
    """A059: a head without the role could sign nothing, one who handles would sign their own work."""
    staff = {name: {"name": one.name, "roles": sorted(one.roles)} for name, one in CARDS.staff.items()}
    staff["both"] = {"name": "严", "roles": ["hnd", "uh"]}
    cards = {"name": "信用卡中心", "head": "cards-head", "liaison": "cards-liaison", "deputy": "cards-h1"}
    Directory.from_mapping({"staff": staff, "units": {"cards": {**cards, "handlers": ["cards-h1"]}}})
    with pytest.raises(ValueError, match=named):
        Directory.from_mapping({"staff": staff, "units": {"cards": {**cards, "handlers": ["cards-h1"], **unit}}})


async def test_a_handler_who_falls_ill_is_replaced_and_the_case_goes_on(bank: Gateway) -> None:
    """T9: A076: from the middle of a concluded case to its reply by somebody of another unit, signed by its head."""
    number = await about(bank)
    await concluded(bank, number, await checked(bank, number))
    given = commands.Reroute(unit="it", handler="it-h1", reason="经办人住院")
    case = (await bank.does(number, given, "mgr")).case
    assert (case.handler, case.approver, case.approvals) == ("it-h1", "it-head", ())
    with pytest.raises(NotFound):
        await bank.casework.show(number, bank.actor("cards-head"))
    handler = await checked(bank, number)
    await concluded(bank, number, handler)
    await bank.does(number, commands.Approve(), "it-head")
    assert (await bank.does(number, commands.Reply(), handler)).state is State.REPLIED


async def test_who_is_to_sign_after_it_was_passed_on_may_be_named(bank: Gateway) -> None:
    """T9: anybody who signs at all."""
    number = await about(bank)
    given = commands.Reroute(unit="it", handler="it-h1", reason="属科技部", approver="cards-head")
    assert (await bank.does(number, given, "mgr")).case.approver == "cards-head"
    wrong = replace(given, approver="cards-h1")
    assert await refused(bank, number, wrong, "mgr") == ("approver", "wrong_role")


async def test_another_handler_speaks_for_no_customer_of_a_colleague(bank: Gateway) -> None:
    """T20, T21, T29: of the same unit, even; the desk speaks for every customer."""
    number = await about(bank)
    handler = await checked(bank, number)
    assert await refused(bank, number, commands.Withdraw(request="来电"), OTHER[handler]) == ("", "not_yours")
    await concluded(bank, number, handler)
    await bank.does(number, commands.Approve(), "cards-head")
    await bank.does(number, commands.Reply(), handler)
    await bank.sends()
    accepts = commands.Confirm(how="电话", confirmed_at=bank.now(), evidence="录音1")
    for command in (accepts, commands.Object(reason="没到账")):
        assert await refused(bank, number, command, OTHER[handler]) == ("", "not_yours")
    assert (await bank.does(number, accepts, "rep")).state is State.RESOLVED


async def to_its_outcome(bank: Gateway, number: str) -> tuple[str, str]:
    """Take a complaint whose mail address nobody knows to its outcome; return its handler and that contact's id."""
    await bank.does(
        number,
        commands.Grade(kind=Kind.COMPLAINT, nature=Nature.SERVICE, level=Level.GENERAL, reason="看过"),
        "mgr",
    )
    handler = await checked(bank, number)
    await concluded(bank, number, handler)
    await bank.does(number, commands.Approve(), "cards-head")
    await bank.does(number, commands.Reply(), handler)
    await bank.sends()
    contacts = (await bank.file(number)).contacts
    return handler, next(one.id for one in contacts if one.contact.type is ContactType.EMAIL)


async def test_no_address_is_verified_by_a_call_that_reached_nobody_or_a_colleague(bank: Gateway) -> None:
    """law 22: only the customer, spoken to, shows that an address is theirs."""
    number = await bank.opens(message(received_at=bank.now(), contacts=(UNKNOWN, MOBILE)))
    _, contact = await to_its_outcome(bank, number)
    vain = commands.RecordCall(reached=False, proof="没人接", verified=(contact,))
    assert await refused(bank, number, vain, "rep") == ("verified", "not_reached")
    alarm = commands.Regrade(level=Level.MAJOR, flags=frozenset(), reason="记者来电", lead="exe")
    await bank.does(number, alarm, "mgr")
    colleague = next(one for one in await bank.casework.calls(bank.actor("rep")) if one.delivery.contact_id is None)
    asked = commands.RecordCall(reached=True, proof="已告知", delivery=colleague.delivery.key, verified=(contact,))
    assert await refused(bank, number, asked, "rep") == ("verified", "not_reached")


async def test_who_is_verified_is_sent_the_outcome_that_holds_and_no_other(bank: Gateway) -> None:
    """E.2 rule 10: in full once it is certain whose address it is; not what is being checked anew."""
    outcomes = []
    for objects in (False, True):
        number = await bank.opens(message(received_at=bank.now(), contacts=(UNKNOWN, MOBILE)))
        _, contact = await to_its_outcome(bank, number)
        if objects:
            await bank.does(number, commands.Object(reason="不认可"), "rep")
        await bank.does(number, commands.RecordCall(reached=True, proof="录音", verified=(contact,)), "rep")
        sent = (await bank.file(number)).deliveries
        outcomes.append(sum(one.kind is NoticeKind.OUTCOME_UPHELD and one.to.verified and not one.call for one in sent))
    assert outcomes == [1, 0]


async def test_an_appraisal_is_decided_by_the_units_head_and_the_lawyers(bank: Gateway) -> None:
    """T13: two heads are not enough; who is named hears that they are."""
    number = await about(bank)
    await checked(bank, number)
    start = commands.StartAppraisal(body="鉴定所", reason="笔迹", agreed_by="it-head")
    assert await refused(bank, number, start, "cards-head") == ("agreed_by", "wrong_role")
    await bank.does(number, replace(start, agreed_by="leg"), "cards-head")
    assert ("n26", "staff:leg:leg") in await bank.told(number)
    await bank.sends()
    assert any("已记录您同意" in one.content.text for one in bank.taking.got)


async def test_an_end_of_a_red_alert_is_told_to_whom_it_is_said_to_have_agreed(bank: Gateway) -> None:
    """A053: and so is a downgrade to 消保部, without whose word the alert itself does not end."""
    number, _ = await bank.dispatched(level=Level.MAJOR)
    await bank.does(number, commands.ClearRedAlert(reason="误报", agreed_by="cp"), "mgr")
    assert ("n26", "staff:cp:cp") in await bank.told(number)
    await bank.does(number, commands.Regrade(level=Level.GENERAL, flags=frozenset(), reason="误报"), "mgr")
    assert [
        (one.kind, one.recipient) for one in await bank.notices(number) if one.facts.details.get("why") == "downgraded"
    ] == [(NoticeKind.DEADLINE, "cp:cp")]


async def test_the_leader_of_a_suggestion_gets_a_ticket(bank: Gateway) -> None:
    """T30: A019: by N26; a suggestion stood in nobody's queue."""
    number = await about(bank, kind=Kind.SUGGESTION)
    await bank.does(number, commands.AssessSuggestion(to="cards-head"), "mgr")
    assert ("n26", "hnd:cards-head") in await bank.told(number)
    await bank.sends()
    assert any("建议待您评估" in one.content.text for one in bank.taking.got)


async def test_the_bank_declines_nothing_by_one_persons_word(bank: Gateway) -> None:
    """T5: 法务合规 agrees; not the one who declines, nor somebody without the role."""
    number = await bank.opens(message(received_at=bank.now(), contacts=(MAIL,)))
    for kind in (commands.Decline, commands.TransferOut):
        said = kind(reason="不是本行的卡", who_can_help="发卡银行", agreed_by="cp")
        assert await refused(bank, number, said, "mgr") == ("agreed_by", "wrong_role")
    await bank.does(number, replace(said, agreed_by="leg"), "mgr")
    assert ("n26", "staff:leg:leg") in await bank.told(number)
