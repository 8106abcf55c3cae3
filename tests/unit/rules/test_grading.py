"""What a grading records, and what follows from it and from what is found: plans, follow-ups, who hears of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.model import (
    ContentClass,
    Difficulty,
    Emotion,
    FindingType,
    Flag,
    Horizon,
    Level,
    Nature,
    Product,
    Role,
    Scope,
    State,
    Topic,
)
from gateway.rules import commands, reactions
from gateway.rules.grading import missing_particulars, owes_contingency
from gateway.rules.routing import Directory
from tests.refusals import evidence, refused
from tests.stories import DIRECTORY, Story, complaint, conclusion, grading

PLAN = commands.NameContingencyPlan(owner="rep", plan="逐户联系，先退款")


def told(story: Story, why: str) -> set[str]:
    return {one.to for one in story.told if one.details.get("why") == why}


@pytest.mark.parametrize("topic", Topic)
def test_every_graded_case_has_a_topic(topic: Topic) -> None:
    """A006: one of five, and «other» where nobody says."""
    assert complaint().goes_to(State.TRIAGED, topic=topic).complaint.case.topic is topic
    assert complaint().goes_to(State.TRIAGED).complaint.case.topic is Topic.OTHER


def test_what_is_said_of_customer_and_extent_is_kept() -> None:
    """A013, A048: public, so that it can be counted; left out, nothing is made up."""
    said: dict[str, Any] = {
        "emotion": Emotion.ANXIOUS,
        "content_class": ContentClass.CUSTOMER_RIGHTS,
        "scope": Scope.SINGLE,
        "horizon": Horizon.NEXT_DAY,
        "difficulty": Difficulty.COMPLEX,
    }
    story = complaint().goes_to(State.TRIAGED, **said)
    assert {name: getattr(story.complaint.case, name) for name in said} == said
    assert said.items() <= story.events[-1].public.items()
    left_out = complaint().goes_to(State.TRIAGED).complaint.case
    assert {name: getattr(left_out, name) for name in said} == dict.fromkeys(said)


@pytest.mark.parametrize("scope", [Scope.BATCH, Scope.SYSTEMIC])
def test_what_touches_many_customers_is_at_least_important(scope: Scope) -> None:
    """A033: neither graded general nor made general later, unless it turns out to touch one alone."""
    story = complaint()
    assert refused(story, grading(scope=scope), Role.MGR) == "too_low"
    story.goes_to(State.TRIAGED, scope=scope, level=Level.IMPORTANT)
    lower = commands.Regrade(level=Level.GENERAL, flags=frozenset(), reason="查明")
    assert refused(story, lower, Role.MGR) == "too_low"
    story.does(replace(lower, scope=Scope.SINGLE), Role.MGR)
    assert (story.complaint.level, story.complaint.case.scope) == (Level.GENERAL, Scope.SINGLE)
    assert refused(story, replace(lower, scope=scope), Role.MGR) == "too_low"


def test_a_wider_scope_alone_is_a_change_and_the_same_one_is_none() -> None:
    """A033, T31."""
    story = complaint().goes_to(State.TRIAGED, level=Level.IMPORTANT, scope=Scope.BATCH)
    again = commands.Regrade(level=Level.IMPORTANT, flags=frozenset(), reason="全行都有", scope=Scope.BATCH)
    assert refused(story, again, Role.MGR) == "no_change"
    assert refused(story, replace(again, scope=None), Role.MGR) == "no_change"
    story.does(replace(again, scope=Scope.SYSTEMIC), Role.MGR)
    assert story.complaint.case.scope is Scope.SYSTEMIC


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({}, ["scene", "time", "branch", "product"]),
        ({"subject": "", "text": "  "}, ["scene", "time", "branch", "product"]),
        ({"text": "柜员不理人，多扣了2300元"}, ["time", "branch", "product"]),
        ({"text": "11月20日被扣了两次"}, ["branch", "product"]),
        ({"text": "昨天被扣了两次"}, ["branch", "product"]),
        ({"text": "I was charged twice on 20 November"}, ["branch", "product"]),
        ({"text": "The clerk may know why"}, ["time", "branch", "product"]),
        ({"text": "排队两小时", "particulars": {"occurred_note": "周五", "branch": "朝阳支行"}}, ["product"]),
        ({"text": "多扣了", "particulars": {"product": "loan"}}, ["time", "branch"]),
        ({"text": "多扣了", "particulars": {"product": "other"}}, ["time", "branch", "product"]),
        ({"text": "多扣了", "particulars": None}, ["time", "branch", "product"]),
    ],
)
def test_what_nobody_has_told_yet_is_listed(body: dict[str, Any], missing: list[str]) -> None:
    """A008: of any message, in the form's own fields or, for the time, in the words."""
    assert missing_particulars(complaint().complaint, [body]) == missing


def test_what_the_grading_names_and_what_a_second_message_says_is_not_missing() -> None:
    """A008: product or system."""
    messages = [{"text": "被多扣了"}, {"text": "是上午9:30"}]
    story = complaint().goes_to(State.TRIAGED, branch="朝阳支行", product=Product.CREDIT_CARD)
    assert missing_particulars(story.complaint, messages) == []
    system = complaint().goes_to(State.TRIAGED, branch="朝阳支行", topic=Topic.SYSTEM)
    assert missing_particulars(system.complaint, messages) == []


@pytest.mark.parametrize("flag", [Flag.URGENT, Flag.REPEAT, Flag.GROUP])
def test_what_is_urgent_repeated_or_a_groups_is_not_concluded_without_a_contingency_plan(flag: Flag) -> None:
    """A044, A047: 客户意见管理岗 is told at the grading; the plan names its owner, who is told as well."""
    story = complaint().goes_to(State.TRIAGED, flags=frozenset({flag}))
    assert told(story, "contingency_owed") == {"mgr"}
    story.goes_to(State.INVESTIGATING)
    story.does(evidence(1))
    assert refused(story, conclusion()) == "no_contingency"
    planned = story.does(PLAN, Role.MGR)
    assert (story.complaint.case.contingency_owner, planned.private) == ("rep", {"plan": PLAN.plan})
    assert told(story, "contingency_named") == {"contingency_owner"}
    assert [one.id for one in DIRECTORY.people("contingency_owner", story.complaint)] == ["rep"]
    story.does(conclusion())
    assert story.complaint.state is State.CONCLUDED


def test_no_other_flag_owes_a_plan() -> None:
    """A044, A047."""
    story = complaint().goes_to(State.TRIAGED, flags=frozenset(Flag) - {Flag.URGENT, Flag.REPEAT, Flag.GROUP})
    assert told(story, "contingency_owed") == set()
    assert not owes_contingency(story.complaint)


def test_a_plan_is_asked_for_once_also_when_the_flag_comes_later() -> None:
    """A044, T31: not again while it is owed, nor once it is there."""
    story = complaint().goes_to(State.INVESTIGATING)
    urgent = commands.Regrade(level=Level.GENERAL, flags=frozenset({Flag.URGENT}), reason="急")
    story.does(urgent, Role.MGR)
    assert told(story, "contingency_owed") == {"mgr"}
    story.does(replace(urgent, flags=frozenset({Flag.URGENT, Flag.REPEAT})), Role.MGR)
    assert told(story, "contingency_owed") == set()
    story.does(PLAN, Role.UH)
    story.does(replace(urgent, flags=frozenset({Flag.GROUP})), Role.MGR)
    assert told(story, "contingency_owed") == set()


def test_whom_it_is_about_does_not_own_its_plan() -> None:
    """A044, law 17."""
    story = complaint().goes_to(State.TRIAGED, flags=frozenset({Flag.GROUP}), staff_involved=("rep",))
    assert refused(story, PLAN, Role.MGR) == "partial"
    story.does(replace(PLAN, owner="hnd"), Role.MGR)
    assert story.complaint.case.contingency_owner == "hnd"


@pytest.mark.parametrize(
    ("found", "to"),
    [
        (FindingType.VIOLATION, {"uh", "cp", "lead"}),
        (FindingType.PRODUCT_ISSUE, {"product_unit"}),
        (FindingType.WORK_ERROR, set()),
        (FindingType.SYSTEM_FAULT, set()),
        (FindingType.THIRD_PARTY, set()),
    ],
)
def test_what_was_found_is_told_to_whom_it_concerns_when_the_reply_leaves(found: FindingType, to: set[str]) -> None:
    """A087: a violation goes up, a product's fault to the product's unit."""
    story = complaint().goes_to(State.REPLIED, level=Level.MAJOR, finding_type=found, product=Product.CREDIT_CARD)
    assert told(story, found.value) == to
    assert {one.id for name in to for one in DIRECTORY.people(name, story.complaint)} == (
        {"uh", "cp", "exe"} if len(to) > 1 else {"uh"} if to else set()
    )


def test_a_mistake_and_a_fault_of_a_system_have_an_improvement_and_a_misunderstanding_its_explanation() -> None:
    """A087."""
    story = complaint().goes_to(State.INVESTIGATING)
    story.does(evidence(1))
    for found in (FindingType.WORK_ERROR, FindingType.SYSTEM_FAULT):
        vague = replace(conclusion().improvement, measure=" ")
        assert refused(story, conclusion(finding_type=found, improvement=vague)) == "not_verifiable"
    misunderstood = conclusion(finding_type=FindingType.CUSTOMER_MISUNDERSTANDING)
    assert refused(story, misunderstood) == "no_explanation"
    story.does(replace(misunderstood, reason="年费在开卡时已经写明"))
    assert story.complaint.state is State.CONCLUDED


def test_a_product_that_no_route_names_has_no_unit_of_its_own() -> None:
    """A087: that it should have been told is kept (telling.py), the route of its nature is not its owner."""
    story = complaint().goes_to(State.REPLIED, finding_type=FindingType.PRODUCT_ISSUE, nature=Nature.TECHNICAL)
    assert told(story, "product_issue") == {"product_unit"}
    assert DIRECTORY.people(reactions.PRODUCT_UNIT, story.complaint) == ()
    unknown = replace(story.complaint, case=replace(story.complaint.case, product=None))
    assert DIRECTORY.people(reactions.PRODUCT_UNIT, unknown) == ()


def test_a_sent_outcome_is_told_to_the_customer_relations_unit_of_a_bank_that_has_one() -> None:
    """A113: with what was decided."""
    story = complaint().goes_to(State.REPLIED)
    story.outcome_leaves()
    [copy] = story.told
    assert (copy.to, copy.details["why"], copy.details["decision"]) == ("customer_relations", "outcome", "upheld")
    assert copy.if_any
    assert DIRECTORY.people(copy.to, story.complaint) == ()
    having = replace(DIRECTORY, customer_relations="branch")
    assert [one.id for one in having.people(copy.to, story.complaint)] == ["uh"]


def test_a_customer_relations_unit_that_is_not_there_is_refused() -> None:
    """A113."""
    with pytest.raises(ValueError, match="routing: customer_relations: there is no 'crm'"):
        Directory.from_mapping({"customer_relations": "crm"})
    with pytest.raises(ValueError, match="customer_relations must be a text"):
        Directory.from_mapping({"customer_relations": 1})
