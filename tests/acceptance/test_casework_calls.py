"""Customers whom no mail reaches, or whose address nobody has checked: a person telephones."""

from __future__ import annotations

from tests.acceptance.office import Office
from tests.acceptance.world import number_in, text_of

BY_TELEPHONE = {"text": "年费没提前说", "contacts": [{"type": "mobile", "value": "138 0000 0000"}]}


async def test_the_outcome_of_who_has_only_a_telephone_is_read_to_them_and_stops_the_laws_clock(office: Office) -> None:
    """T19: A094, A095, A117; law 19 and 21: the script says all of it; dialled in time is told in time."""
    number = await office.takes_in(BY_TELEPHONE)
    await office.investigated(number)
    case = await office.approved(number)
    await office.handler(case).does(number, "reply")
    call = await office.call(number, "n11")
    assert [words for words in ("开卡时没有说明年费", "退回年费80元", "仲裁") if words not in call["script"]] == []
    assert (call["to"], call["customer"]) == ("138****0000", True)
    assert (await office.m1.sees(number))["clocks"]["legal"]["stopped_at"] is None
    case = await office.r1.does(number, "record_call", reached=True, proof="录音17", delivery=call["delivery"])
    assert case["clocks"]["legal"]["stopped_at"] == "2026-11-23T02:15:00Z"
    assert (await office.events(number))[-2:] == ["call_recorded", "outcome_sent"]
    [notice] = [one for one in (await office.m1.asks(f"complaints/{number}/notices")).body if one["kind"] == "n11"]
    assert notice["state"] == "sent"
    assert "n11" not in [one["kind"] for one in (await office.r1.asks("calls")).body]


async def test_calls_on_three_days_prove_that_nobody_could_be_reached(office: Office) -> None:
    """law 21, A112: twice on one day is one day, by the bank's clocks; each attempt stays on record."""
    number = await office.takes_in(BY_TELEPHONE)
    await office.investigated(number)
    case = await office.approved(number)
    await office.handler(case).does(number, "reply")
    call = await office.call(number, "n11")
    in_vain = {"reached": False, "proof": "无人接听", "delivery": call["delivery"]}
    for hours in (7, 17, 24):  # 17:15 of the 23rd; of the 24th 10:15; of the 25th 10:15
        case = await office.r1.does(number, "record_call", **in_vain)
        assert case["clocks"]["legal"]["stopped_at"] is None
        await office.passes(hours=hours)
        if hours == 7:
            await office.r1.does(number, "record_call", **in_vain)
    case = await office.m1.sees(number)
    [notice] = [one for one in (await office.m1.asks(f"complaints/{number}/notices")).body if one["kind"] == "n11"]
    assert notice["state"] == "to_call"
    case = await office.r1.does(number, "record_call", **in_vain)
    assert case["clocks"]["legal"]["stopped_at"] == "2026-11-25T02:15:00Z"
    [notice] = [one for one in (await office.m1.asks(f"complaints/{number}/notices")).body if one["kind"] == "n11"]
    assert notice["state"] == "dead"


async def test_who_wrote_from_an_unchecked_address_gets_the_whole_outcome_once_it_is_known_to_be_theirs(
    office: Office,
) -> None:
    """law 22, A096: until then the mail asks to call (E.2 rule 10); the hotline makes sure who calls."""

    async def mails() -> list[str]:
        return [text_of(mail) for mail in office.world.mails_to("wang@example.com")]

    await office.world.emails("王芳 <wang@example.com>", "年费80元没提前说，请退")
    number = number_in(await office.world.mail_to("wang@example.com"))
    await office.replied(number)
    assert "开卡时没有说明年费" not in (await mails())[-1]
    [contact] = (await office.r1.sees(number))["contacts"]
    assert (contact["value"], contact["verified"]) == ("w***@example.com", False)
    said = {"reached": True, "proof": "来电核对了身份，录音18"}
    answer = await office.r1.tries(number, "record_call", **said, verified=["nobody"])
    assert answer.why == ("/verified", "unknown")
    await office.r1.does(number, "record_call", **said, verified=[contact["id"]])
    await office.customer("wang@example.com").hears(number, "开卡时没有说明年费", "退回年费80元")
    assert (await office.r1.sees(number))["contacts"][0]["verified"] is True


async def test_a_call_of_another_complaint_or_a_mail_cannot_be_recorded_as_made(office: Office) -> None:
    """law 21: proof belongs to what it proves."""
    telephone = await office.takes_in(BY_TELEPHONE)
    mailed = await office.customer().complains()
    call = await office.call(telephone, "n01")
    [notice] = (await office.m1.asks(f"complaints/{mailed}/notices")).body
    for delivery in (call["delivery"], notice["deliveries"][0]["key"], "none"):
        answer = await office.r1.tries(mailed, "record_call", reached=True, proof="录音", delivery=delivery)
        assert answer.why == ("/delivery", "unknown")
