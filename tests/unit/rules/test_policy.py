"""The deadlines of a case that opens: the default stack as a golden table, the engine rules of A.13, and the law."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Kind, Level
from gateway.rules import policy as rules
from gateway.rules.policy import Deadline, Deadlines, Policy, opening_deadlines
from gateway.rules.profiles import Profile, Stack
from gateway.rules.worktime import Calendar, WorkYear

CONFIG = Path(__file__).parents[3] / "config"
PROFILES = [
    Profile.from_mapping(tomllib.loads(path.read_text()))
    for path in sorted((CONFIG / "policies").glob("*.toml"))
    if path.stem != "stack"
]
NAMED = {profile.id: profile for profile in PROFILES}
DEFAULT = Policy.build(Stack.from_mapping(tomllib.loads((CONFIG / "policies" / "stack.toml").read_text())), PROFILES)
CHINA = Calendar(
    years=tuple(
        WorkYear.from_mapping(tomllib.loads((CONFIG / "workdays" / f"cn-{year}.toml").read_text()))
        for year in (2025, 2026)
    )
)
SHANGHAI = ZoneInfo("Asia/Shanghai")
LAW = "cn.nfra-2020-3"


def stack(target: str, *fill_from: str) -> Policy:
    return Policy.build(Stack(target=target, ceiling=LAW, fill_from=fill_from), PROFILES)


def target(name: str, **timers: dict[str, str]) -> Profile:
    """Return a profile made for one test."""
    return Profile.from_mapping(
        {"id": name, "version": "7", "source": "test", "role": "target", "status": "verified", "enabled": True}
        | {"timers": {timer: terms | {"clause": f"{name} {timer}"} for timer, terms in timers.items()}}
    )


def opening(
    received: str,
    policy: Policy = DEFAULT,
    *,
    kind: str = "complaint",
    level: str = "general",
    urgent: bool = False,
    needs_review: bool = False,
) -> Deadlines:
    return opening_deadlines(
        policy,
        kind=kind,
        level=level,
        urgent=urgent,
        needs_review=needs_review,
        received_at=datetime.fromisoformat(received).replace(tzinfo=SHANGHAI),
        calendar=CHINA,
    )


def shown(deadline: Deadline | None) -> str:
    assert deadline is not None
    end = deadline.due_at.astimezone(SHANGHAI)
    return f"{end:%m-%d %H:%M:%S} {deadline.profile} {deadline.clause}"


# received Monday 2026-11-23 at 10:00: a plain fortnight follows
INTAKE = {"register": "11-23 10:00:00 cn.std-321 S0-6(1)", "triage": "11-23 11:00:00 cn.std-321 S0-7(1)"}
WORKED = INTAKE | {"accept": "11-23 10:30:00 cn.std-321 S0-8(1)", "legal": f"12-08 23:59:59 {LAW} law 18"}
AT_ONCE = {
    "first_contact": "11-23 11:00:00 cn.bank-manual S3-6.1.2",
    "resolve": "11-24 10:00:00 cn.bank-manual S3-6.1.2",
}
THREE = {"resolve": "11-26 23:59:59 cn.std-321 S0-8(3)", "promised": "11-26 23:59:59 cn.std-321 S0-6(3)"}
TWO = {"resolve": "11-25 23:59:59 cn.std-321 S0-8(3)", "promised": "11-25 23:59:59 cn.std-321 S0-6(3)"}
PLAN = {"prelim_plan": "11-24 23:59:59 cn.std-321 S0-8(3)", "promised": "11-24 23:59:59 cn.std-321 S0-6(3)"}
ANSWER = {"inquiry": "11-24 10:00:00 cn.corp-3wd S1-3-三-3", "promised": "11-24 10:00:00 cn.corp-3wd S1-3-三-3"}


@pytest.mark.parametrize(
    ("kind", "level", "urgent", "expected"),
    [
        ("complaint", "general", False, WORKED | THREE | {"first_contact": "11-25 23:59:59 cn.bank-manual S3-6.1.2"}),
        ("complaint", "general", True, WORKED | THREE | AT_ONCE),
        ("complaint", "important", False, WORKED | TWO),
        ("complaint", "important", True, WORKED | TWO | AT_ONCE),
        (
            "complaint",
            "major",
            False,
            WORKED
            | PLAN
            | {"first_contact": "11-26 23:59:59 cn.bank-manual S3-6.1.2"}
            | {"resolve": "12-07 23:59:59 cn.fin-process S4-§7"},
        ),
        ("complaint", "major", True, WORKED | PLAN | AT_ONCE),
        ("suggestion", "general", False, INTAKE | THREE),
        ("suggestion", "important", False, INTAKE | TWO),
        ("inquiry", "general", False, INTAKE | ANSWER),
        ("inquiry", "major", True, INTAKE | ANSWER),
    ],
)
def test_the_default_stack_gives_every_case_these_clocks(
    kind: str, level: str, urgent: bool, expected: dict[str, str]
) -> None:
    """A018, A020, A038, A055, A065, A066, A071-A073, C15, law 2, law 18."""
    opened = opening("2026-11-23 10:00", kind=kind, level=level, urgent=urgent)
    assert {deadline.clock: shown(deadline) for deadline in opened.clocks} == expected


def test_every_deadline_says_which_rule_and_which_calendar_it_came_from() -> None:
    """Rule 5."""
    assert opening("2026-11-23 10:00").target == Deadline(
        clock="resolve",
        due_at=datetime(2026, 11, 26, 15, 59, 59, tzinfo=UTC),
        provisional=False,
        profile="cn.std-321",
        profile_version="1",
        clause="S0-8(3)",
        calendar_version="cn-2025.1+cn-2026.1",
    )


def test_a_case_without_a_clock_says_none() -> None:
    opened = opening("2026-11-23 10:00", kind="inquiry")
    assert (opened.legal, opened.of("resolve"), opened.target.clock) == (None, None, "inquiry")


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2026-11-23 10:00", "12-07 23:59:59 cn.fin-process S4-§7"),  # 10 wd; the manual's 15 wd come later
        ("2026-02-12 10:00", f"02-27 23:59:59 {LAW} law 18"),  # 10 wd would be 03-04, after 春节
    ],
)
def test_a_major_case_is_resolved_within_a_filled_limit_and_never_after_the_law(received: str, expected: str) -> None:
    """Rules 1 and 2: S0 has no finish limit for 重大."""
    assert shown(opening(received, level="major").target) == expected


@pytest.mark.parametrize(
    ("level", "needs_review", "day", "plan"),
    [
        ("general", False, "11-26", False),
        ("important", False, "11-25", False),
        ("major", False, "11-24", True),
        ("general", True, "11-26", False),
        ("important", True, "11-26", False),
        ("major", True, "11-25", False),
    ],
)
def test_the_promise_is_that_of_the_lower_level_while_a_person_has_to_look(
    level: str, needs_review: bool, day: str, plan: bool
) -> None:
    """Rules 6 and 8: 3, 2 or 1 wd; for a major case the date is that of a first plan."""
    opened = opening("2026-11-23 10:00", level=level, needs_review=needs_review)
    assert (shown(opened.promised)[:5], opened.promises_plan) == (day, plan)


def test_a_major_case_under_review_keeps_its_own_plan_clock() -> None:
    """Rule 8 is about the promise; inside, the stricter level counts."""
    opened = opening("2026-11-23 10:00", level="major", needs_review=True)
    assert shown(opened.of("prelim_plan")) == "11-24 23:59:59 cn.std-321 S0-8(3)"


@pytest.mark.parametrize(("kind", "level"), list(product(Kind, Level)))
def test_urgency_moves_no_promise(kind: str, level: str) -> None:
    """Rule 7: internal targets only."""
    calm = opening("2026-11-23 10:00", kind=kind, level=level)
    urgent = opening("2026-11-23 10:00", kind=kind, level=level, urgent=True)
    assert urgent.promised == calm.promised
    assert urgent.promises_plan == calm.promises_plan


def test_a_suggestion_has_a_reply_date_and_no_statutory_clock() -> None:
    """A019, law 2; marked major it is still answered, not planned, and nobody works to a later date than was told."""
    opened = opening("2026-11-23 10:00", kind="suggestion", level="major")
    assert (opened.legal, opened.promises_plan) == (None, False)
    assert shown(opened.promised) == "11-24 23:59:59 cn.std-321 S0-6(3)"
    assert shown(opened.target) == "11-24 23:59:59 cn.std-321 S0-6(3)"


def test_a_general_key_of_one_profile_hides_no_specific_key_of_another() -> None:
    """Rule 7: filled by key; the earliest of what matches counts."""
    mine = target("mine", resolve_within={"any": "9wd"}, inquiry_answer_within={"any": "24h"})
    first = target("first", resolve_within={"any": "1wd", "important": "4wd"})
    second = target("second", resolve_within={"important": "2wd", "major": "5wd"})
    policy = Policy(target=mine, ceiling=NAMED[LAW], fills=(first, second))
    terms = {level: [str(limit.term) for limit in policy.limits("resolve_within", (level, "any"))] for level in Level}
    assert terms == {"general": ["9wd"], "important": ["4wd", "9wd"], "major": ["5wd", "9wd"]}
    assert shown(opening("2026-11-23 10:00", policy, level="important").target)[:5] == "11-27"


def test_of_several_urgent_limits_the_strictest_counts_whatever_the_order() -> None:
    """C3: 1 h of the manual, though the process with its 2 h fills first."""
    opened = opening(
        "2026-11-23 10:00", stack("cn.std-321", "cn.fin-process", "cn.bank-manual", "cn.corp-3wd"), urgent=True
    )
    turned = opening(
        "2026-11-23 10:00", stack("cn.std-321", "cn.corp-3wd", "cn.bank-manual", "cn.fin-process"), urgent=True
    )
    assert shown(opened.of("first_contact")) == shown(turned.of("first_contact")) == AT_ONCE["first_contact"]


def test_a_target_without_a_promise_of_its_own_promises_its_limit_for_the_answer() -> None:
    """C1; the urgent 24 h of the manual stay inside."""
    opened = opening("2026-11-23 10:00", stack("cn.bank-manual", "cn.fin-process", "cn.corp-3wd"), urgent=True)
    assert shown(opened.promised) == "12-02 23:59:59 cn.bank-manual S3-6.1.2"
    assert shown(opened.target) == AT_ONCE["resolve"]
    assert not opened.promises_plan


def test_a_promise_that_would_pass_the_law_becomes_the_date_of_the_law() -> None:
    """Ten things, item 2: 10 wd from 2026-09-18 end on 10-09, 15 days on 10-03 in the middle of 国庆."""
    opened = opening("2026-09-18 10:00", stack("cn.fin-process", "cn.corp-3wd"))
    assert shown(opened.promised) == shown(opened.target) == f"10-03 23:59:59 {LAW} law 18"


def test_dates_past_the_known_calendar_are_marked_each_by_itself() -> None:
    """D.9: what counts no working day of 2027 is certain."""
    opened = opening("2026-12-31 10:00")
    assert {deadline.clock for deadline in opened.clocks if deadline.provisional} == {
        "first_contact",
        "resolve",
        "promised",
    }
    assert not opened.fallback


def test_the_date_of_the_law_is_provisional_where_an_unknown_working_day_could_come_first() -> None:
    """D.9: 10 wd from 2026-12-20 end on 01-01 by plain weekends; the notice for 2027 will say otherwise."""
    opened = opening("2026-12-20 10:00", stack("cn.fin-process", "cn.corp-3wd"))
    late = opening("2026-12-20 10:00", stack("cn.cbrc-2012-13", "cn.corp-3wd"))
    assert (opened.promised.provisional, shown(opened.promised)[:5]) == (True, "01-01")
    assert (late.promised.provisional, shown(late.promised)) == (True, f"01-04 23:59:59 {LAW} law 18")
    assert late.legal is not None
    assert not late.legal.provisional


def test_a_calendar_without_working_days_still_gives_every_case_its_dates() -> None:
    """Lesson 53: natural days, and a flag to raise the alarm by."""
    years = [
        WorkYear(
            year=year,
            off=frozenset(date(year, 1, 1) + timedelta(i) for i in range(365)),
            worked=frozenset(),
            version=f"free-{year}",
            source="test",
        )
        for year in (2026, 2027)
    ]
    opened = opening_deadlines(
        DEFAULT,
        kind="complaint",
        level="general",
        urgent=False,
        needs_review=False,
        received_at=datetime(2026, 1, 5, 10, tzinfo=SHANGHAI),
        calendar=Calendar(years=tuple(years)),
    )
    assert opened.fallback
    assert (shown(opened.promised)[:5], opened.promised.provisional) == ("01-08", True)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"kind": "praise"}, "'praise' is not a valid Kind"), ({"level": "minor"}, "'minor' is not a valid Level")],
)
def test_a_kind_or_level_that_does_not_exist_is_refused(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        opening("2026-11-23 10:00", kind=changes.get("kind", "complaint"), level=changes.get("level", "general"))


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        (
            Stack(target="generic.template-x", ceiling=LAW),
            r"generic\.template-x: is not enabled: set timers\.triage_within\.any,",
        ),
        (
            Stack(target="cn.std-321", ceiling="cn.pboc-2020-5"),
            r"cn\.pboc-2020-5: is not enabled: its status is unverified",
        ),
        (Stack(target="cn.std-321", ceiling="hk.ic4"), r"hk\.ic4: is not enabled: its file says enabled = false"),
        (Stack(target="cn.std-32", ceiling=LAW, fill_from=("cn.x",)), r"do not exist: cn\.std-32, cn\.x"),
        (Stack(target=LAW, ceiling=LAW), "is a ceiling profile and cannot serve as target"),
        (Stack(target="cn.std-321", ceiling="cn.corp-3wd"), "is a target profile and cannot serve as ceiling"),
        (Stack(target="cn.std-321", ceiling=LAW), "resolve_within open for major"),
        (Stack(target="cn.fin-process", ceiling=LAW), "inquiry_answer_within open for general, important, major"),
    ],
)
def test_a_stack_that_cannot_serve_is_refused_with_the_reason(named: Stack, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Policy.build(named, PROFILES)


def test_two_profiles_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cn\.corp-3wd: there are two"):
        Policy.build(Stack(target="cn.corp-3wd", ceiling=LAW), [*PROFILES, replace(NAMED["cn.corp-3wd"], version="2")])


def test_a_stack_that_counts_by_the_working_days_of_two_countries_is_refused() -> None:
    with pytest.raises(ValueError, match="working days of cn, gb"):
        Policy(target=replace(NAMED["cn.corp-3wd"], calendar="gb"), ceiling=NAMED[LAW])


def test_a_ceiling_must_set_the_legal_limit() -> None:
    with pytest.raises(ValueError, match=r"needs resolve_and_notify_within\.any"):
        Policy(target=NAMED["cn.corp-3wd"], ceiling=replace(NAMED[LAW], timers={}))


ROLLING = Policy(
    target=NAMED["cn.fin-process"], ceiling=replace(NAMED[LAW], roll_forward=True), fills=(NAMED["cn.corp-3wd"],)
)
POLICIES = {
    "default": DEFAULT,
    "ten working days": stack("cn.fin-process", "cn.corp-3wd"),
    "fifteen working days": stack("cn.cbrc-2012-13", "cn.bank-manual", "cn.corp-3wd"),
    "rolling forward": ROLLING,
}


def test_rolling_forward_moves_the_law_itself_past_the_holiday() -> None:
    """Civil Code 203, by switch: 2026-10-03 lies in 国庆."""
    assert shown(opening("2026-09-18 10:00", ROLLING).legal)[:5] == "10-08"


@pytest.mark.parametrize("name", POLICIES)
def test_no_promise_of_two_years_is_later_than_the_law(name: str) -> None:
    """Ten things, item 2: every receipt date of 2025 and 2026, every level and flag."""
    cases = list(product(Level, (False, True), (False, True)))
    for day in range(730):
        received = datetime(2025, 1, 1, 12, tzinfo=SHANGHAI) + timedelta(days=day)
        for level, urgent, needs_review in cases:
            opened = opening_deadlines(
                POLICIES[name],
                kind="complaint",
                level=level,
                urgent=urgent,
                needs_review=needs_review,
                received_at=received,
                calendar=CHINA,
            )
            assert opened.legal is not None
            assert received < opened.promised.due_at <= opened.legal.due_at
            assert opened.target.due_at <= opened.legal.due_at


@given(
    received=st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(SHANGHAI)),  # noqa: DTZ001
    policy=st.sampled_from(list(POLICIES.values())),
    kind=st.sampled_from(Kind),
    level=st.sampled_from(Level),
    urgent=st.booleans(),
    needs_review=st.booleans(),
)
def test_whatever_opens_has_dates_that_agree_with_each_other(
    received: datetime, policy: Policy, kind: Kind, level: Level, urgent: bool, needs_review: bool
) -> None:
    opened = opening_deadlines(
        policy,
        kind=kind,
        level=level,
        urgent=urgent,
        needs_review=needs_review,
        received_at=received,
        calendar=CHINA,
    )
    last = opened.legal.due_at if opened.legal else datetime.max.replace(tzinfo=UTC)
    assert (opened.legal is None) == (kind is not Kind.COMPLAINT)
    assert all(received <= deadline.due_at <= last for deadline in opened.clocks)
    assert opened.promises_plan or opened.target.due_at <= opened.promised.due_at
    assert len({deadline.clock for deadline in opened.clocks}) == len(opened.clocks)


ZERO = Policy.build(
    Stack(target="zero", ceiling=LAW, fill_from=("cn.std-321", "cn.fin-process", "cn.bank-manual", "cn.corp-3wd")),
    [*PROFILES, target("zero", resolve_within={"any": "0wd"}, triage_within={"any": "0cd"})],
)


@given(
    received=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(SHANGHAI))  # noqa: DTZ001
    | st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(
        lambda day: datetime(day.year, day.month, day.day, 23, 59, 59, 500_000, tzinfo=SHANGHAI)
    ),
    policy=st.sampled_from([*POLICIES.values(), ZERO]),
    kind=st.sampled_from(Kind),
    level=st.sampled_from(Level),
    urgent=st.booleans(),
    needs_review=st.booleans(),
)
def test_what_the_cases_of_a_day_share_is_what_each_would_be_given_alone(
    received: datetime, policy: Policy, kind: Kind, level: Level, urgent: bool, needs_review: bool
) -> None:
    def opened() -> Deadlines:
        return opening_deadlines(
            policy,
            kind=kind,
            level=level,
            urgent=urgent,
            needs_review=needs_review,
            received_at=received,
            calendar=CHINA,
        )

    shared = opened()
    rules._case_of_a_day.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "_ends_by_the_hour", lambda limit: True)
        alone = opened()
    rules._case_of_a_day.cache_clear()
    assert shared == alone
