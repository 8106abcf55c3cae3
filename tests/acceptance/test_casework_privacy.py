"""Whose business a customer's data is: who may see it in full, what is kept of their looking, what nobody is shown."""

from __future__ import annotations

import hashlib
from email import policy
from email.message import EmailMessage

import aiohttp
import aiosmtplib

from tests.acceptance.office import Json, Office
from tests.acceptance.world import BANK, hidden_fields, number_in

WHY = "按登记电话回访"
NAME, ADDRESS, MOBILE = "李小明", "li@example.com", "+8613800000000"


async def complained(office: Office) -> str:
    """A complaint without a word in its text that says whose it is."""
    contacts: list[Json] = [
        {"type": "email", "value": ADDRESS, "verified": True},
        {"type": "mobile", "value": "13800000000", "verified": True},
    ]
    return await office.customer().complains(contacts=contacts)


async def test_a_customer_is_shown_in_full_for_a_reason_that_is_on_record(office: Office) -> None:
    """A011, A144: the answer comes with the version that holds the trace; a plain reading stays masked."""
    number = await complained(office)
    handler = office.handler(await office.graded(number))
    seen = await handler.unmasks(number, reason=f"  {WHY}  ")
    assert (seen.status, seen.body["customer"]) == (200, NAME)
    assert [one["value"] for one in seen.body["contacts"]] == [ADDRESS, MOBILE]
    [*_, entry] = (await office.m1.asks(f"complaints/{number}/timeline")).body
    assert (entry["event"], entry["actor"], entry["private"]) == ("unmasked", handler.staff, {"reason": WHY})
    assert "reason" not in entry["public"]
    assert seen.tag == f'"{entry["seq"]}"'
    case = await handler.sees(number)
    assert (case["customer"], [one["value"] for one in case["contacts"]]) == (
        "李*明",
        ["l***@example.com", "138****0000"],
    )


async def test_each_look_is_a_trace_of_its_own(office: Office) -> None:
    """A144: two people, one twice."""
    number = await complained(office)
    for person in (office.r1, office.c1, office.r1):
        assert (await person.unmasks(number, reason=WHY)).status == 200
    entries = (await office.m1.asks(f"complaints/{number}/timeline")).body
    assert [one["actor"] for one in entries if one["event"] == "unmasked"] == ["r-1", "c-1", "r-1"]


async def test_who_does_not_work_on_the_case_sees_no_customer_and_leaves_no_trace(office: Office) -> None:
    """A011, A144: another unit learns not even that it is there; who sees it for other reasons is refused."""
    number = await complained(office)
    await office.investigated(number)
    handler = office.handler(await office.m1.sees(number))
    before = await office.events(number)
    assert (await office.h3.unmasks(number, reason=WHY)).status == 404
    await handler.does(number, "coordinate", units=["risk"], question="有无同类", meeting_at="2026-11-24T02:00:00Z")
    for person in (office.h3, office.u2, office.l1, office.g1, office.x1):  # an assisting unit's among them
        refused = await person.unmasks(number, reason=WHY)
        assert (refused.status, refused.code) == (403, "forbidden"), person.staff
        assert NAME not in str(refused.body)
    assert await office.events(number) == [*before, "coordination_opened"]


async def test_without_a_reason_nothing_is_shown(office: Office) -> None:
    """A011: nor for one of blanks, nor with a field that means something else."""
    number = await complained(office)
    assert (await office.m1.unmasks(number)).why == ("/reason", "missing")
    for reason in ("", "   ", "\n\t"):
        assert (await office.m1.unmasks(number, reason=reason)).why == ("/reason", "string_too_short")
    assert (await office.m1.unmasks(number, reason=WHY, command="note")).why == ("/command", "extra_forbidden")
    assert await office.events(number) == ["opened"]


async def test_no_reading_shows_a_customer_in_full(office: Office) -> None:
    """A011: of a case with everything in it, whoever asks and by whichever door."""
    number = await complained(office)
    await office.replied(number)
    for person in (office.m1, office.r1, office.h1, office.u1, office.c1, office.b1, office.f1):
        for part in ("", "/messages", "/timeline", "/notices"):
            shown = str((await person.asks(f"complaints/{number}{part}")).body)
            assert [secret for secret in (NAME, ADDRESS, MOBILE, "13800000000") if secret in shown] == [], part
    assert NAME not in str((await office.m1.asks("queue")).body)


async def test_a_complaint_at_a_counter_says_where_when_and_who_took_it_down(office: Office) -> None:
    """A027."""
    number = await office.customer().complains(
        channel="branch_counter",
        received_at="2026-11-23T09:40:00+08:00",
        particulars={"branch": "朝阳支行", "receptionist": "t-7"},
    )
    [told] = (await office.m1.asks(f"complaints/{number}/messages")).body
    case = await office.m1.sees(number)
    assert (told["particulars"]["branch"], told["particulars"]["receptionist"]) == ("朝阳支行", "t-7")
    assert (case["channel"], case["received_at"]) == ("branch_counter", "2026-11-23T01:40:00Z")


async def test_an_amount_that_the_customer_named_is_a_band_outside_the_handling_unit(office: Office) -> None:
    """A012, C13."""
    number = await office.customer().complains(particulars={"amount_note": "约23456元"})
    handler = office.handler(await office.graded(number))
    for person, shown in ((office.r1, "10k"), (office.g1, "10k"), (handler, "约23456元"), (office.c1, "约23456元")):
        [told] = (await person.asks(f"complaints/{number}/messages")).body
        assert told["particulars"]["amount_note"] == shown, person.staff


async def test_a_file_is_shown_with_its_hash(office: Office) -> None:
    """A012: by mail and by the form; it is the hash of the bytes the customer sent."""
    slip = b"\x89PNG\r\n\x1a\n" + b"slip" * 100_000  # in more than one piece
    digest = hashlib.sha256(slip).hexdigest()
    mail = EmailMessage(policy=policy.SMTP)
    for name, value in {"From": ADDRESS, "To": BANK, "Subject": "投诉", "Message-ID": "<1@example.com>"}.items():
        mail[name] = value
    mail.set_content("见附件")
    mail.add_attachment(slip, maintype="image", subtype="png", filename="slip.png")
    await aiosmtplib.send(mail, hostname=office.world.sink.host, port=office.world.sink.port, start_tls=False)
    number = number_in(await office.world.mail_to(ADDRESS))
    assert await files(office, number) == [("slip.png", len(slip), digest)]
    async with aiohttp.ClientSession() as browser:
        async with browser.get(f"{office.world.site}/") as page:
            answers = hidden_fields(await page.text()) | {"text": "见附件", "name": "王", "contact": "wang@example.com"}
        form = aiohttp.FormData()
        for name, value in answers.items():
            form.add_field(name, value, content_type="text/plain")
        form.add_field("files", slip, filename="form.png", content_type="image/png")
        async with browser.post(f"{office.world.site}/", data=form) as answer:
            assert answer.status == 200
    number = number_in(await office.world.mail_to("wang@example.com"))
    assert await files(office, number) == [("form.png", len(slip), digest)]


async def files(office: Office, number: str) -> list[tuple[str, int, str]]:
    [message] = (await office.m1.asks(f"complaints/{number}/messages")).body
    return [(one["name"], one["size"], one["sha256"]) for one in message["attachments"]]
