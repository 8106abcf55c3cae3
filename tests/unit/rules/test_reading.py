"""What a customer writes that is no plain answer: a person reads it, and until then nobody counts their silence."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.model import ClockName, Role, State, Wish
from gateway.rules import commands
from gateway.rules.commands import Command
from tests.refusals import evidence, refused, runs
from tests.stories import Story, complaint

N = ClockName
NOTE = commands.Note(text="已阅，已回电")


def writes(story: Story, *, answers: bool = False, wish: Wish | None = None) -> set[tuple[str, object]]:
    """Let the customer write; return who is told, and why."""
    story.does(commands.Supplement(message_id="m2", answers=answers, wish=wish), Role.SYS)
    return {(one.to, one.details["why"]) for one in story.told}


def answered() -> Story:
    """Return a case whose outcome the customer has had for a day."""
    story = complaint().goes_to(State.REPLIED)
    story.does(story.outcome_sent(), Role.SYS)
    story.passes(days=1)
    return story


@pytest.mark.parametrize("state", [State.ACCEPTED, State.INVESTIGATING, State.APPROVED, State.REPLIED, State.RESOLVED])
def test_the_handler_hears_that_the_customer_wrote_and_has_a_working_day_to_read_it(state: State) -> None:
    """S0-8(5), A104."""
    story = complaint().goes_to(state)
    assert writes(story) == {("hnd", "customer_wrote")}
    assert (story.ends(N.READ), story.clock(N.READ).clause) == ("11-24 23:59", "S0-8(5)")
    assert [one.details["clock"] for one in story.told] == ["read"]


def test_before_there_is_a_handler_the_feedback_desk_reads() -> None:
    """S0-8(5), A064: nobody is told in vain."""
    story = complaint()
    assert writes(story) == {("mgr", "customer_wrote")}
    told = [one for one in story.passes(days=3) if one.details.get("clock") == "read"]
    assert {one.to for one in told} == {"mgr"}


def test_who_has_not_read_is_urged_at_half_of_the_time_and_the_desk_hears_at_its_end() -> None:
    """S0-8(5), A077: a second message does not put off what is owed already."""
    story = answered()
    writes(story)
    begun, ends = story.clock(N.READ).started_at, story.clock(N.READ).due_at
    story.passes(hours=2)
    assert writes(story) == {("hnd", "customer_wrote")}
    assert (story.clock(N.READ).started_at, story.clock(N.READ).due_at) == (begun, ends)
    half = story.passes(seconds=((ends - begun) / 2 - (story.now - begun)).total_seconds())
    assert [(one.to, one.details["why"]) for one in half] == [("hnd", "due_soon")]
    over = story.passes(seconds=(ends - story.now).total_seconds())
    assert [(one.to, one.details["why"]) for one in over] == [("hnd", "overdue"), ("mgr", "overdue")]


def test_nobody_who_wrote_is_closed_as_if_they_had_not() -> None:
    """T27: not in a month; after the note their time to answer begins anew."""
    story = answered()
    writes(story)
    assert runs(story, N.CONFIRM, N.READ) == [False, True]
    told = [one for _ in range(30) for one in story.passes(days=1)]
    assert not [one for one in told if one.to == "customer"]
    assert refused(story, commands.CloseUnanswered(), Role.SYS) == "unread"
    story.does(NOTE)
    assert runs(story, N.CONFIRM, N.READ) == [True, False]
    assert (story.clock(N.CONFIRM).started_at, story.clock(N.CONFIRM).sounded) == (story.now, 0)
    assert refused(story, commands.CloseUnanswered(), Role.SYS) == "still_time"


def test_a_note_about_something_else_gives_nobody_more_time() -> None:
    """T27: only what was waiting to be read begins the time to answer anew."""
    story = answered()
    before = story.clock(N.CONFIRM)
    story.does(NOTE)
    assert story.clock(N.CONFIRM) == before


def test_what_was_written_before_the_outcome_left_holds_the_time_to_answer_as_well() -> None:
    """T19, T27: it does not begin to run over an unread message."""
    story = complaint().goes_to(State.REPLIED)
    writes(story)
    story.does(story.outcome_sent(), Role.SYS)
    assert runs(story, N.CONFIRM, N.READ) == [False, True]
    story.passes(days=2)
    story.does(NOTE, Role.MGR)
    assert runs(story, N.CONFIRM, N.READ) == [True, False]
    assert story.clock(N.CONFIRM).started_at == story.now


@pytest.mark.parametrize(
    "command",
    [
        commands.OfferMediation(body="调解中心"),
        commands.RecordCall(reached=True, proof="录音"),
    ],
)
def test_speaking_with_the_customer_deals_with_what_they_wrote(command: Command) -> None:
    """S0-8(5)."""
    story = answered()
    writes(story)
    story.does(command, Role.MGR)
    assert runs(story, N.CONFIRM, N.READ) == [True, False]


@pytest.mark.parametrize(
    "command",
    [
        evidence(8),
        commands.RecordCall(reached=False, proof="无人接听"),
        commands.RecordReferral(reference="R-1", body="监管局", due=date(2026, 12, 9)),
        commands.LookAt(reason="核对号码"),
        commands.HandOver(to="rep", reason="轮岗", agreed=True),
        commands.Score(scores={"overall": 3}),
    ],
)
def test_what_is_done_beside_leaves_it_to_be_read(command: Command) -> None:
    """S0-8(5)."""
    story = answered()
    writes(story)
    story.does(command, Role.REP, Role.MGR)
    assert runs(story, N.CONFIRM, N.READ) == [False, True]


def test_at_a_mediators_table_what_is_written_is_read_and_the_time_to_answer_waits() -> None:
    """Law 23: the table ends the pause, not the note."""
    story = answered()
    writes(story, wish=Wish.MEDIATION)
    story.does(commands.StartMediation(body="调解中心", customer_agreed=True), Role.MGR)
    assert runs(story, N.CONFIRM, N.READ) == [False, False]
    writes(story)
    story.does(NOTE)
    assert runs(story, N.CONFIRM, N.READ) == [False, False]
    story.does(commands.EndMediation(agreed=False, text="未达成"), Role.MGR)
    assert (story.complaint.state, runs(story, N.CONFIRM)) == (State.REPLIED, [True])


def test_a_plain_answer_needs_no_reader() -> None:
    """T20: its own event tells what there is to tell."""
    story = answered()
    assert writes(story, answers=True) == set()
    assert runs(story, N.CONFIRM, N.READ) == [True, False]


def test_material_that_was_asked_for_is_told_but_is_not_owed_a_reading() -> None:
    """T11: the case itself goes on with it."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(commands.AskCustomer(items=("转账截图",), way="邮件", bank_has_none=True))
    assert writes(story, answers=True) == {("hnd", "customer_wrote")}
    assert N.READ not in story.complaint.clocks


@pytest.mark.parametrize("wish", [Wish.WITHDRAWAL, Wish.MEDIATION])
def test_a_wish_is_told_to_the_desk_at_once(wish: Wish) -> None:
    """Law 15: a withdrawal ends the case the same day, by a person's hand only."""
    story = complaint().goes_to(State.INVESTIGATING)
    assert writes(story, wish=wish) == {("hnd", wish.value), ("mgr", wish.value)}
    assert (story.complaint.state, runs(story, N.READ)) == (State.INVESTIGATING, [True])


def test_who_is_not_satisfied_after_all_is_contacted_and_nothing_is_filed_before() -> None:
    """N14: "If 3, we will contact you"; the callback's desk, or the feedback desk."""
    story = complaint().goes_to(State.CALLBACK_DONE)
    assert writes(story, answers=True, wish=Wish.ANOTHER_LOOK) == {
        ("mgr", "not_satisfied"),
        ("cb", "not_satisfied"),
    }
    story.does(commands.Score(scores={"overall": 1}), Role.CUS)
    assert refused(story, commands.Archive(), Role.MGR) == "unread"
    story.does(NOTE, Role.CB)
    story.does(commands.Archive(), Role.MGR)


def test_a_score_in_between_is_no_answer_and_no_silence() -> None:
    """N14: 2 一般; the time to answer begins anew."""
    story = answered()
    story.does(commands.Score(scores={"overall": 3}), Role.CUS)
    assert (story.complaint.state, runs(story, N.CONFIRM)) == (State.REPLIED, [True])
    assert story.clock(N.CONFIRM).started_at == story.now


def test_who_answered_the_survey_is_not_asked_again() -> None:
    """N14, A111."""
    story = answered()
    accepted = commands.Confirm(how="reply", confirmed_at=story.now, evidence="m2", scored=True)
    story.does(commands.Score(scores={"overall": 5}), Role.CUS)
    story.does(accepted, Role.CUS)
    assert (story.complaint.state, story.told) == (State.RESOLVED, [])


def test_no_outcome_is_scored_that_nobody_has_told() -> None:
    """N14, T20."""
    story = complaint().goes_to(State.REPLIED)
    assert refused(story, commands.Score(scores={"overall": 3}), Role.CUS) == "not_told"
