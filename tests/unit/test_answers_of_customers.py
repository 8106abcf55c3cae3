"""What becomes of a customer's own words, from the message to who hears of it: no answer is lost, none is invented."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.model import ClockName, Contact, ContactType, EventKind, State
from gateway.rules import commands
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.bank import Gateway
from tests.factories import Clock, message

COMPLAINS_AGAIN = (
    "我对这个处理结果完全不满意！另外一笔2300元到现在也没有到账，我要求你们重新核查并书面答复，否则我就去投诉。"
)


@pytest.fixture
def bank(storage: SqliteStorage, vault: Vault, clock: Clock) -> Gateway:
    return Gateway(storage=storage, vault=vault, now=clock)


async def answered(bank: Gateway) -> str:
    """Return the number of a complaint whose outcome the customer has."""
    number = await bank.replied()
    await bank.sends()
    return number


async def accepted(bank: Gateway) -> str:
    """Return the number of a complaint whose outcome the customer has accepted."""
    number = await answered(bank)
    assert await hears(bank, number, "认可") == [("n14", "customer")]
    return number


async def hears(bank: Gateway, number: str, *texts: str) -> list[tuple[str, str]]:
    """Let the customer write these in one batch; return who is told what by it, sorted."""
    before = len(await bank.told(number))
    await bank.opens(*(message(text, subject=f"回复：[{number}]", received_at=bank.now()) for text in texts))
    return sorted((await bank.told(number))[before:])


async def whys(bank: Gateway, number: str) -> list[object]:
    """Return why staff was told, in order."""
    return [one.facts.details["why"] for one in await bank.notices(number) if one.kind.value == "n26"]


async def lives_on(bank: Gateway, clock: Clock, days: int) -> None:
    for _ in range(days * 2):
        clock.later(hours=12)
        await bank.sounds()
        await bank.sends()


async def test_an_objection_in_the_customers_own_words_is_read_and_never_closed_as_unanswered(
    bank: Gateway, clock: Clock
) -> None:
    """T27, S0-8(5): the handler hears of it at once, the desk when nobody has read it; no reminder, no N36."""
    number = await answered(bank)
    handler = (await bank.complaint(number)).case.handler
    assert await hears(bank, number, COMPLAINS_AGAIN) == [("n26", f"hnd:{handler}")]
    assert (await whys(bank, number))[-1] == "customer_wrote"
    await lives_on(bank, clock, 12)
    assert (await bank.complaint(number)).state is State.REPLIED
    assert not {"n14", "n36"} & {kind for kind, _ in await bank.told(number, to=["customer"])}
    assert ("n26", "mgr:mgr") in await bank.told(number)
    await bank.does(number, commands.Note(text="已阅，已致电说明"), handler)
    await lives_on(bank, clock, 12)
    assert (await bank.complaint(number)).state is State.CLOSED


async def test_an_answer_after_words_that_nobody_has_read_yet_is_still_taken(bank: Gateway) -> None:
    """T21: both in one batch."""
    number = await answered(bank)
    told = await hears(bank, number, COMPLAINS_AGAIN, "不认可")
    assert ("n13", "customer") in told
    assert (await bank.complaint(number)).state is State.REOPENED


async def test_a_three_is_an_objection_and_another_person_looks_again(bank: Gateway, clock: Clock) -> None:
    """N14: "3 not satisfied. If 3, we will contact you"; T21."""
    number = await answered(bank)
    assert ("n13", "customer") in await hears(bank, number, "3")
    complaint = await bank.complaint(number)
    assert (complaint.state, complaint.case.scores, complaint.case.objections) == (State.REOPENED, {"overall": 1}, 1)
    await lives_on(bank, clock, 12)
    assert (await bank.complaint(number)).state is State.REOPENED


async def test_a_one_accepts_the_outcome_and_is_not_asked_for_again(bank: Gateway) -> None:
    """N14, A105: the message is the proof; nobody is surveyed who has answered the survey."""
    number = await answered(bank)
    assert await hears(bank, number, "1") == []
    complaint = await bank.complaint(number)
    assert (complaint.state, complaint.case.scores) == (State.RESOLVED, {"overall": 5})
    assert (await bank.happened(number))[-3:] == [EventKind.SUPPLEMENTED, EventKind.SCORED, EventKind.CONFIRMED]


async def test_a_two_leaves_the_outcome_open_and_the_time_to_answer_begins_anew(bank: Gateway, clock: Clock) -> None:
    """N14, T27."""
    number = await answered(bank)
    clock.later(days=2)
    assert await hears(bank, number, "2") == []
    complaint = await bank.complaint(number)
    assert (complaint.state, complaint.case.scores) == (State.REPLIED, {"overall": 3})
    assert complaint.clocks[ClockName.CONFIRM].started_at == clock()


async def test_a_three_after_the_outcome_was_accepted_is_contacted(bank: Gateway) -> None:
    """N14: the score is kept, and 客户意见管理岗 and 回访 hear of it."""
    number = await accepted(bank)
    assert await hears(bank, number, "3") == [("n26", "cb:cb"), ("n26", "mgr:mgr")]
    complaint = await bank.complaint(number)
    assert (complaint.state, complaint.case.scores) == (State.RESOLVED, {"overall": 1})
    assert complaint.clocks[ClockName.READ].runs
    assert (await whys(bank, number))[-2:] == ["not_satisfied", "not_satisfied"]


async def test_who_takes_their_acceptance_back_is_contacted(bank: Gateway) -> None:
    """A106: no message undoes it by itself; the callback does (T26)."""
    number = await accepted(bank)
    assert await hears(bank, number, "不认可") == [("n26", "cb:cb"), ("n26", "mgr:mgr")]
    assert (await bank.complaint(number)).state is State.RESOLVED


async def test_agreeing_to_a_mediation_accepts_no_outcome(bank: Gateway) -> None:
    """N22: whether 同意 is said of the offer or of the outcome, a person reads."""
    number = await answered(bank)
    handler = (await bank.complaint(number)).case.handler
    await bank.does(number, commands.OfferMediation(body="市金融调解中心"), "mgr")
    assert await hears(bank, number, "同意") == [("n26", f"hnd:{handler}")]
    assert await hears(bank, number, "愿意调解") == [("n26", f"hnd:{handler}"), ("n26", "mgr:mgr")]
    assert (await bank.complaint(number)).state is State.REPLIED


async def test_who_wants_to_withdraw_is_seen_the_same_day_and_withdrawn_by_a_person(bank: Gateway) -> None:
    """Law 15: handling ends the day the request comes."""
    number, handler = await bank.dispatched()
    assert await hears(bank, number, "我要撤回") == [("n26", f"hnd:{handler}"), ("n26", "mgr:mgr")]
    assert await whys(bank, number) == ["wants_to_withdraw", "wants_to_withdraw"]
    assert (await bank.complaint(number)).state is State.DISPATCHED
    withdrawn = await bank.does(number, commands.Withdraw(request="邮件要求撤回"), "mgr")
    assert [name for name, one in withdrawn.clocks.items() if one.runs] == []


async def test_what_was_asked_for_is_told_to_who_asked(bank: Gateway, clock: Clock) -> None:
    """T11: the case goes on, and the handler hears that it does; a wish beside it is read as well (law 15)."""
    number, handler = await bank.dispatched()
    await bank.does(number, commands.Accept(), handler)
    ahead = clock() + timedelta(hours=1)
    await bank.does(number, commands.Investigate(direction="查流水", next_contact_at=ahead), handler)
    ask = commands.AskCustomer(items=("转账截图",), way="邮件", bank_has_none=True)
    await bank.does(number, ask, handler)
    assert await hears(bank, number, "截图见附件") == [("n26", f"hnd:{handler}")]
    complaint = await bank.complaint(number)
    assert (complaint.state, ClockName.READ in complaint.clocks) == (State.INVESTIGATING, False)
    await bank.does(number, ask, handler)
    assert await hears(bank, number, "不用了，撤诉") == [("n26", f"hnd:{handler}"), ("n26", "mgr:mgr")]
    assert (await bank.complaint(number)).clocks[ClockName.READ].runs


@pytest.mark.parametrize("said", ["接受", "不接受", "认可"])
async def test_a_plain_word_after_an_offer_of_mediation_is_read_and_not_booked_to_the_outcome(
    bank: Gateway, said: str
) -> None:
    """T22, T14: it may be meant for the mediator as well as for the outcome."""
    number = await answered(bank)
    handler = (await bank.complaint(number)).case.handler
    await bank.does(number, commands.OfferMediation(body="调解中心"), "cards-head")
    assert await hears(bank, number, said) == [("n26", f"hnd:{handler}")]
    assert (await bank.complaint(number)).state is State.REPLIED


async def test_feedback_that_was_promised_is_telephoned_also_after_a_withdrawal(bank: Gateway, clock: Clock) -> None:
    """T29, A118: calls about the ended case itself are not made any more."""
    landline = Contact(type=ContactType.LANDLINE, value="01088880000", verified=True)
    number = await bank.replied(contacts=(landline,))
    await bank.does(number, commands.RecordCall(reached=True, proof="录音1", outcome_read=True), "rep")
    await bank.does(number, commands.Confirm(how="电话", confirmed_at=clock(), evidence="录音1"), "rep")
    await bank.does(number, commands.ProveExecution(evidence="e1", executed_at=clock()), "fin")
    clock.later(hours=48)
    called = commands.RecordCallback(solved=True, scores={"overall": 4}, remarks="柜台能不能早点开")
    await bank.does(number, called, "cb")
    await bank.does(number, commands.Withdraw(request="不用了"), "rep")
    await bank.does(number, commands.GiveFeedback(text="已转网点"), "cb")
    listed = [call for call in await bank.casework.calls(bank.actor("rep")) if call.delivery.contact_id]
    assert [call.delivery.kind.value for call in listed] == ["n37"]
