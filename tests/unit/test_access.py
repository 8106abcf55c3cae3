"""Who sees a case: every role, against cases at every stage (rules/access.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import Forbidden
from gateway.model import Actor, Role
from gateway.rules import commands
from gateway.rules.access import AFTERWARDS, EVERYWHERE, check, may_see, may_unmask, sees_amount
from tests.factories import START
from tests.stories import DIRECTORY, complaint

NEW = complaint().complaint
CARDS = replace(NEW, case=replace(NEW.case, unit="cards", handler="hnd"))
ASSISTED = replace(CARDS, case=replace(CARDS.case, assist_units=("risk",)))
ANSWERED = replace(CARDS, case=replace(CARDS.case, replied_at=START))


def actor(role: Role, unit: str = "", staff: str = "somebody") -> Actor:
    return Actor(id=staff, roles=frozenset({role}), unit=unit)


@pytest.mark.parametrize("role", Role)
def test_every_role_sees_what_is_its_business_and_no_more(role: Role) -> None:
    """A064, A144: the matrix of roles and stages."""
    everywhere, afterwards = role in EVERYWHERE, role in AFTERWARDS
    assert may_see(actor(role), NEW) is everywhere
    assert may_see(actor(role), ANSWERED) is (everywhere or afterwards)
    assert may_see(actor(role, "risk"), CARDS) is everywhere
    assert may_see(actor(role, "risk"), ASSISTED) is True
    assert may_see(actor(role, "cards"), CARDS) is True
    assert may_see(actor(role, staff="hnd"), CARDS) is True


@pytest.mark.parametrize("role", Role)
def test_nobody_sees_or_acts_on_what_is_about_them(role: Role) -> None:
    """law 17: whatever their role, and though it is their unit's, they own it or they would sign it."""
    case = replace(ANSWERED.case, handler="hnd", approver="hnd", current_owner="hnd", staff_involved=("hnd",))
    about = replace(ANSWERED, case=case)
    assert not may_see(actor(role, "cards", "hnd"), about)
    assert not may_unmask(actor(role, "cards", "hnd"), about)
    with pytest.raises(Forbidden):
        check(about, commands.Note(text="不是我"), actor(role, "cards", "hnd"), DIRECTORY)
    assert may_see(actor(Role.MGR), about)


def test_nobody_without_a_unit_belongs_to_a_case_without_one() -> None:
    """A144: "" is no unit, and no staff number."""
    assert not may_see(actor(Role.HND, "", ""), NEW)
    assert not sees_amount(actor(Role.HND, "", ""), NEW)


@pytest.mark.parametrize("role", Role)
def test_a_customer_is_seen_in_full_by_who_works_on_the_case_or_speaks_to_customers(role: Role) -> None:
    """A011, A144: what somebody may not see at all, nobody unmasks; who only assists does not need to."""
    speaks = role in {Role.REP, Role.MGR, Role.CP, Role.CB}
    assert may_unmask(actor(role), ANSWERED) is speaks
    assert may_unmask(actor(role), NEW) is (speaks and role is not Role.CB)
    assert may_unmask(actor(role, "risk"), ASSISTED) is speaks
    assert may_unmask(actor(role, "cards"), CARDS) is True
    assert may_unmask(actor(role, staff="hnd"), CARDS) is True


@pytest.mark.parametrize("role", Role)
def test_an_exact_amount_is_seen_by_the_unit_and_by_who_signs_or_pays(role: Role) -> None:
    """C13."""
    assert sees_amount(actor(role), CARDS) is (role in {Role.CP, Role.EXE, Role.FIN})
    assert sees_amount(actor(role, "cards"), CARDS) is True
    assert sees_amount(actor(role, "risk"), ASSISTED) is (role in {Role.CP, Role.EXE, Role.FIN})


def test_an_assisting_unit_may_answer_and_add_proof_only() -> None:
    """A052, A064: a head signs for their own unit's cases."""
    head = actor(Role.UH, "risk")
    check(ASSISTED, commands.AnswerAssist(unit="risk", answer="查过了"), head, DIRECTORY)
    check(ASSISTED, commands.Note(text="看过"), head, DIRECTORY)
    for command in (commands.Approve(), commands.SendBack(missing="x", until=START.date())):
        with pytest.raises(Forbidden):
            check(ASSISTED, command, head, DIRECTORY)
        check(ASSISTED, command, actor(Role.UH, "cards"), DIRECTORY)
        check(ASSISTED, command, actor(Role.CP), DIRECTORY)
