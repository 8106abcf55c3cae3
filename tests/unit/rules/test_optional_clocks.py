"""Limits that only some rule books set: each has its clock where the stack sets its term, and is nowhere else."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.model import ClockName, Kind, Level, Result, Role, State
from gateway.rules import commands
from gateway.rules.policy import Policy
from tests.refusals import evidence, refused, runs
from tests.stories import Story, complaint, stack

N = ClockName
FILLS = ("cn.corp-3wd", "huiyin.defaults")
OPTIONAL = (N.ACT, N.EVIDENCE, N.OUTCOME, N.REMEDY, N.SURVEY, N.FOLLOW_UP_ANSWER, N.FINAL_FOLLOW_UP)


def manual() -> Policy:
    """Return S3, 银行客户服务流程手册, as the target."""
    return stack("cn.bank-manual", "cn.fin-process", *FILLS)


def template(days: str = "2") -> Policy:
    """Return S2 with the bank's own X."""
    own = {"${X}": days, '"unfinished"': '"verified"', "enabled = false": "enabled = true"}
    return stack("generic.template-x", "cn.fin-process", *FILLS, changes=own)


def urged(story: Story, moment: str, clock: ClockName) -> set[tuple[str, object]]:
    return {(one.to, one.details["why"]) for one in story.until(moment) if one.details.get("clock") == clock}


def extend(until: date) -> commands.Extend:
    return commands.Extend(until=until, reason_internal="特殊", reason="要等回函", done="查了", next="再查")


def test_without_their_terms_there_are_none_of_these_clocks() -> None:
    """A074, A078, A079, A119: a rule book that does not set a limit asks for none."""
    story = complaint(policy=stack("cn.corp-3wd", "cn.fin-process", "huiyin.defaults")).goes_to(State.ARCHIVED)
    assert not set(OPTIONAL) & story.complaint.clocks.keys()


def test_where_three_working_days_apply_seven_are_the_most() -> None:
    """A070: S1-3-四; the law would permit 15 days, a rule book that only lends no limit of its own."""
    own = complaint(policy=stack("cn.corp-3wd", "huiyin.defaults")).goes_to(State.INVESTIGATING)
    assert (own.ends(N.PROMISED), own.clock(N.PROMISED).clause) == ("11-26 23:59", "S1-3-四")
    assert refused(own, extend(date(2026, 12, 3)), Role.UH) == "beyond_rule"
    own.does(extend(date(2026, 12, 2)), Role.UH)
    assert own.ends(N.PROMISED) == "12-02 23:59"
    lent = complaint().goes_to(State.INVESTIGATING)
    lent.does(extend(date(2026, 12, 3)), Role.UH)
    assert lent.ends(N.PROMISED) == "12-03 23:59"


def test_a_complaint_is_acted_upon_within_48_hours_of_its_arrival() -> None:
    """A074, C17: whoever was slow to grade it has given nobody more time; beginning to check ends it."""
    story = complaint("2026-11-23 10:00", policy=manual())
    story.until("2026-11-24 10:00")
    story.goes_to(State.ACCEPTED)
    assert (story.ends(N.ACT), story.clock(N.ACT).clause) == ("11-25 10:00", "S3-4.1(2)")
    assert urged(story, "2026-11-25 10:00", N.ACT) == {("hnd", "overdue"), ("uh", "overdue")}
    story.goes_to(State.INVESTIGATING)
    assert runs(story, N.ACT) == [False]
    inquiry = complaint(kind=Kind.INQUIRY, policy=manual()).goes_to(State.TRIAGED, kind=Kind.INQUIRY)
    assert N.ACT not in inquiry.complaint.clocks


def test_what_a_callback_found_is_answered_within_three_working_days() -> None:
    """A074: beside the ten of the written feedback; one answer ends both."""
    story = complaint(policy=manual()).goes_to(State.RESOLVED)
    story.does(evidence(7), Role.FIN)
    story.does(commands.ProveExecution(evidence="e7", executed_at=story.now), Role.FIN)
    story.until("2026-11-26 10:00")
    story.does(commands.RecordCallback(solved=True, scores={}, remarks="短信太晚"), Role.CB)
    assert (story.ends(N.FOLLOW_UP_ANSWER), story.ends(N.FEEDBACK)) == ("12-01 23:59", "12-10 23:59")
    assert urged(story, "2026-12-02 00:00", N.FOLLOW_UP_ANSWER) == {("cb", "overdue")}
    story.does(commands.GiveFeedback(text="已提前"), Role.CB)
    assert runs(story, N.FOLLOW_UP_ANSWER, N.FEEDBACK) == [False, False]


def test_evidence_is_there_within_the_time_the_bank_sets() -> None:
    """A078: from the beginning of the checking to the first piece."""
    story = complaint(policy=template()).goes_to(State.INVESTIGATING)
    assert (story.ends(N.EVIDENCE), story.clock(N.EVIDENCE).clause) == ("11-25 23:59", "S2-§3(1)")
    assert urged(story, "2026-11-26 00:00", N.EVIDENCE) == {("hnd", "overdue"), ("uh", "overdue")}
    story.does(evidence(1))
    assert runs(story, N.EVIDENCE) == [False]


def test_the_remedy_is_proved_within_the_time_the_bank_sets() -> None:
    """A078: whatever date the plan named."""
    story = complaint(policy=template()).goes_to(State.REPLIED)
    assert (story.ends(N.REMEDY), story.ends(N.EXECUTION)) == ("11-25 23:59", "12-04 23:59")
    assert urged(story, "2026-11-26 00:00", N.REMEDY) == {("fin", "overdue"), ("uh", "overdue")}
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now), Role.FIN)
    assert runs(story, N.REMEDY) == [False]


def test_the_survey_follows_within_the_time_the_bank_sets() -> None:
    """A078, A119: from the customer's yes to a score, whoever asks for it."""
    story = complaint(policy=template()).goes_to(State.RESOLVED)
    assert (story.ends(N.SURVEY), story.clock(N.SURVEY).clause) == ("11-25 23:59", "S2-§3(1)")
    assert urged(story, "2026-11-26 00:00", N.SURVEY) == {("cb", "overdue")}
    story.does(commands.Score(scores={"overall": 4}), Role.CUS)
    assert runs(story, N.SURVEY) == [False]


def test_a_delivery_is_followed_up_within_seven_working_days_and_a_last_time_by_the_fifteenth() -> None:
    """A120: the callback first; then one more call, without which the case is not filed, unless nobody is reached."""
    commented = {f"# {line}": line for line in ("[timers.final", 'any = "15wd"', 'clause = "S3-4.1(3)"')}
    policy = stack("cn.bank-manual", "cn.fin-process", *FILLS, changes=commented)
    story = complaint(policy=policy).goes_to(State.RESOLVED)
    story.does(commands.ProveExecution(evidence="e1", executed_at=story.now), Role.FIN)
    assert (story.ends(N.CALLBACK), story.ends(N.FINAL_FOLLOW_UP)) == ("12-02 23:59", "12-14 23:59")
    story.until("2026-11-27 10:00")
    story.does(commands.RecordCall(reached=True, proof="录音1"), Role.CB)
    assert runs(story, N.FINAL_FOLLOW_UP) == [True]  # that was the callback's own call
    story.does(commands.RecordCallback(solved=True, scores={}), Role.CB)
    archive = commands.Archive(root_cause="重复提交", case_report="报告")
    assert refused(story, archive, Role.MGR) == "follow_up_owed"
    assert urged(story, "2026-12-15 00:00", N.FINAL_FOLLOW_UP) == {("cb", "overdue")}
    for _ in range(3):
        assert runs(story, N.FINAL_FOLLOW_UP) == [True]
        story.does(commands.RecordCall(reached=False, proof="无人接听"), Role.CB)
        story.now += timedelta(days=1)
    story.does(archive, Role.MGR)


def test_an_approved_result_is_told_within_ten_working_days_and_never_after_the_law() -> None:
    """A079, C7: from the last signature to the moment it has left."""
    story = complaint(policy=manual()).goes_to(State.CONCLUDED, level=Level.MAJOR)
    story.does(commands.Approve(), Role.UH)
    assert N.OUTCOME not in story.complaint.clocks
    story.does(commands.Approve(), Role.CP)
    assert (story.ends(N.OUTCOME), story.clock(N.OUTCOME).clause) == ("12-07 23:59", "S3-6.1.4")
    story.does(commands.Reply())
    assert runs(story, N.OUTCOME) == [True]
    story.outcome_leaves()
    assert runs(story, N.OUTCOME) == [False]
    late = complaint(policy=manual()).goes_to(State.CONCLUDED)
    late.now += timedelta(days=9)
    late.does(commands.Approve(), Role.UH)
    assert late.ends(N.OUTCOME) == late.ends(N.LEGAL) == "12-08 23:59"


def test_a_signature_more_puts_the_notice_of_the_result_off_and_a_signature_less_sets_its_time() -> None:
    """A079: T31."""
    story = complaint(policy=manual()).goes_to(State.APPROVED)
    for level, running in ((Level.MAJOR, False), (Level.GENERAL, True)):
        change = commands.Regrade(level=level, flags=frozenset(), reason="核实", lead="exe")
        story.does(change, Role.MGR)
        assert runs(story, N.OUTCOME) == [running]


def test_an_answer_that_no_law_waits_for_is_told_when_it_has_left_as_well() -> None:
    """A079, law 2: an inquiry's."""
    story = complaint(kind=Kind.INQUIRY, policy=manual())
    story.goes_to(State.REPLIED, kind=Kind.INQUIRY, result=Result.ANSWERED)
    assert runs(story, N.OUTCOME) == [True]
    story.outcome_leaves()
    assert runs(story, N.OUTCOME) == [False]
