"""Who is told by which way: what the rule books ask of it, over the real wording and directory."""

from __future__ import annotations

from gateway.casework import Casework
from gateway.model import Actor, ContactType, Language, Level, Nature, NoticeKind, Product, Role, State
from gateway.record import Recorder
from gateway.rendering import Rendering
from gateway.settings import DEMONSTRATION_BANK, Bank
from gateway.telling import Teller
from tests.conftest import Core
from tests.factories import message
from tests.stories import DIRECTORY, book, complaint, grading

RENDERING = Rendering(bank=Bank.model_validate(DEMONSTRATION_BANK), override=None)


async def test_a_graded_case_is_dispatched_by_itself_and_its_handler_is_told_the_number(core: Core) -> None:
    """A028, A038: in the transaction of the grading, and without a word of the customer's."""
    [receipt] = await core.intake.accept([message("年费80元没提前说", from_name="李四")])
    recorder = Recorder(
        rendering=RENDERING,
        audit_key=core.vault.audit_key,
        served=[ContactType.EMAIL],
        policy=book().policy,
        calendar=book().calendar,
        directory=DIRECTORY,
    )
    casework = Casework(storage=core.storage, recorder=recorder, coordination=core.coordination, now=core.clock)
    mgr = Actor(id="mgr", roles=frozenset({Role.MGR}))
    grade = grading(nature=Nature.SERVICE, product=Product.CREDIT_CARD)
    after = await casework.do(receipt.number or "", grade, mgr)
    assert (after.state, after.case.unit, after.case.handler) == (State.DISPATCHED, "cards", "hnd")
    file = await casework.show(after.number, mgr)
    assert [entry.at for entry in file.timeline[1:]] == [core.clock(), core.clock()]
    [told] = [one for one in file.deliveries if one.to.value == "hnd@bank.example"]
    assert after.number in told.content.subject
    assert "李四" not in told.content.text


def test_a_red_alert_is_written_and_also_telephoned() -> None:
    """A053, A102: to both at the same time; until a WeCom sender is configured the written half is a mail."""
    story = complaint()
    before = story.complaint
    story.goes_to(State.TRIAGED, level=Level.MAJOR)
    teller = Teller(
        rendering=RENDERING,
        directory=DIRECTORY,
        calendar=book().calendar,
        served=[ContactType.EMAIL],
        staff_language=Language.ZH_HANS,
    )
    told = teller.tell(story.told, story.complaint, before=before, cause=2, contacts=(), now=story.now)
    alerts = [one for one in told.deliveries if one.kind is NoticeKind.RED_ALERT]
    ways = {(one.to.value, one.call, one.created_at) for one in alerts}
    for mail, telephone in (("cp@bank.example", "010-00000002"), ("exe@bank.example", "010-00000003")):
        assert {(mail, False, story.now), (telephone, True, story.now)} <= ways
    waiting = {work.subject for work in told.work}
    assert not waiting & {one.key for one in alerts if one.call}  # no sender has it: a person does
