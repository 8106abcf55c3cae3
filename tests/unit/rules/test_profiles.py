"""The shipped rule books (A.13, D.8) as they load, and what is refused when one is written wrongly."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gateway.rules.profiles import Extension, Profile, Stack, Window
from gateway.rules.worktime import Term

POLICIES = Path(__file__).parents[3] / "config" / "policies"
FILES = sorted(path for path in POLICIES.glob("*.toml") if path.stem != "stack")


def shipped(name: str) -> Profile:
    return Profile.from_mapping(tomllib.loads((POLICIES / f"{name}.toml").read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_profile_loads_under_the_name_of_its_file(path: Path) -> None:
    profile = shipped(path.stem)
    assert profile.id == path.stem
    assert profile.source


def test_every_rule_book_is_shipped_and_only_what_is_complete_and_verified_is_enabled() -> None:
    enabled = {path.stem for path in FILES if shipped(path.stem).enabled}
    chinese = {"cn.std-321", "cn.cbrc-2012-13", "cn.corp-3wd", "cn.bank-manual", "cn.fin-process", "cn.nfra-2020-3"}
    unread = {"cn.pboc-2020-5", "generic.template-x", "iso.10002", "hk.ic4", "au.rg271", "au.rg271-super"}
    foreign = {"uk.fca-disp", "uk.fca-disp-psd", "eu.psd2", "us.cfpb", "us.reg-z", "us.reg-e"}
    ours = {"huiyin.defaults"}
    assert enabled == chinese | ours
    assert {path.stem for path in FILES} == chinese | unread | foreign | ours


def test_the_default_stack_names_only_usable_profiles() -> None:
    stack = Stack.from_mapping(tomllib.loads((POLICIES / "stack.toml").read_text()))
    assert stack == Stack(
        target="cn.std-321",
        ceiling="cn.nfra-2020-3",
        fill_from=("cn.fin-process", "cn.bank-manual", "cn.corp-3wd", "huiyin.defaults"),
    )
    assert all(shipped(name).enabled for name in (stack.target, stack.ceiling, *stack.fill_from))


def test_the_law_as_it_is_written() -> None:
    """Law 18, 20, 23: 15, 30 and 60 natural days; the last step needs an executive and a notice."""
    law = shipped("cn.nfra-2020-3")
    assert {timer: str(limit.terms["any"]) for timer, limit in law.timers.items()} == {
        "resolve_and_notify_within": "15cd",
        "review_request_window": "30cd",
        "review_decide_within": "30cd",
    }
    assert law.extensions[1] == Extension(
        clause="law 18",
        to_total=Term.parse("60cd"),
        reason="especially_complex",
        approve_by="hq_or_superior_executive",
        notice="any",
        needs=(),
    )
    assert law.facts["clock_excludes"] == ("external_appraisal", "mediation")
    assert not law.roll_forward


def test_an_extension_of_the_older_rule_is_told_in_writing_with_its_reason() -> None:
    """A069, C14."""
    (extension,) = shipped("cn.cbrc-2012-13").extensions
    assert (extension.notice, extension.needs) == ("written", ("new_limit", "reason"))


def test_a_window_opens_and_closes() -> None:
    """A115: callback one to three working days after execution."""
    window = shipped("cn.fin-process").windows["callback_window"]
    assert window == Window(clause="S4-§5", opens=Term.parse("1wd"), closes=Term.parse("3wd"))


def test_a_template_names_every_value_that_is_still_to_be_set() -> None:
    template = shipped("generic.template-x")
    assert template.unset == (
        "timers.triage_within.any",
        "timers.evidence_within.any",
        "timers.remedy_within.any",
        "timers.survey_within.any",
        "facts.approval_amount_over",
    )
    assert template.timers["triage_within"].terms == {}


def written(**changes: object) -> dict[str, object]:
    return {
        "id": "test.x",
        "version": "1",
        "source": "test",
        "role": "target",
        "status": "verified",
        "enabled": True,
        "timers": {"resolve_within": {"any": "3wd", "clause": "1"}},
    } | changes


def timer(**terms: object) -> dict[str, object]:
    return {"timers": {"resolve_within": {"clause": "1"} | terms}}


EXTENSION = {"to_total": "7wd", "reason": "special", "notice": "any", "clause": "1"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": ""}, "profile: id must be a text"),
        ({"version": 1}, r"test\.x: version must be a text"),
        ({"role": "floor"}, r"test\.x: role is 'floor'; it must be one of target, ceiling"),
        ({"status": "rumour"}, r"test\.x: status is 'rumour'"),
        ({"enabled": "yes"}, r"test\.x: enabled must be true or false"),
        ({"status": "unverified"}, r"test\.x: cannot be enabled: its status is unverified"),
        ({"colour": "red"}, r"test\.x: unknown key colour"),
        ({"timers": {"resolve_in": {"any": "3wd", "clause": "1"}}}, r"test\.x: timers: unknown key resolve_in"),
        ({"timers": []}, r"test\.x: timers: must be a table"),
        ({"timers": {"resolve_within": "3wd"}}, r"timers\.resolve_within: must be a table"),
        (timer(any="3d"), r"timers\.resolve_within\.any: '3d' is not a term"),
        (timer(any=3), r"timers\.resolve_within: any must be a text"),
        (timer(minor="3wd"), r"timers\.resolve_within: unknown key minor"),
        (timer(), r"timers\.resolve_within: sets no term"),
        ({"timers": {"resolve_within": {"any": "3wd"}}}, r"timers\.resolve_within: clause must be a text"),
        (timer(any="${X}wd"), r"test\.x: cannot be enabled: set timers\.resolve_within\.any first"),
        ({"windows": {"callback_window": {"opens": "3wd", "closes": "1wd", "clause": "1"}}}, "the earlier first"),
        ({"windows": {"callback_window": {"opens": "3cd", "closes": "7wd", "clause": "1"}}}, "give one unit"),
        ({"extensions": EXTENSION}, r"test\.x: extensions: write \[\[extensions\]\]"),
        ({"extensions": [EXTENSION | {"notice": "phone"}]}, "notice is 'phone'"),
        ({"extensions": [EXTENSION | {"to_total": "soon"}]}, r"extensions\.to_total: 'soon'"),
        ({"extensions": [EXTENSION | {"needs": "reason"}]}, "needs must be a list of texts"),
        ({"facts": {"retentoin": "5y"}}, r"test\.x: facts: unknown key retentoin"),
        ({"facts": {"retention": 5}}, r"test\.x: facts: retention must be a text"),
    ],
)
def test_a_profile_written_wrongly_is_refused_by_its_place(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Profile.from_mapping(written(**changes))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"target": "a"}, "stack: ceiling must be a text"),
        ({"target": "a", "ceiling": "b", "fill_from": "c"}, "stack: fill_from must be a list of texts"),
        ({"target": "a", "ceiling": "b", "fillfrom": []}, "stack: unknown key fillfrom"),
    ],
)
def test_a_stack_written_wrongly_is_refused(data: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Stack.from_mapping(data)
