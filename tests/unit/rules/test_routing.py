"""Who works on what: the table of routes, who is meant by a role, and what a directory may not look like."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.model import Complaint, Nature, Product, State
from gateway.rules.routing import Directory
from tests.stories import complaint

SHIPPED = Path(__file__).parents[3] / "config" / "routing.toml"
FILE = """
approval_over = 50000
[staff]
h-1 = {name = "陈", roles = ["hnd"], unit = "cards"}
h-2 = {name = "林", roles = ["hnd"], unit = "cards"}
u-1 = {name = "周", roles = ["uh"], unit = "cards"}
u-2 = {name = "吴", roles = ["uh"], unit = "risk"}
m-1 = {name = "王", roles = ["mgr", "rep"]}
m-2 = {name = "郑", roles = ["mgr"]}
e-1 = {name = "孙", roles = ["exe"]}
e-2 = {name = "钱", roles = ["exe"]}
[units]
cards = {name = "信用卡中心", head = "u-1", liaison = "h-1", deputy = "h-2", handlers = ["h-1", "h-2"]}
risk = {name = "风控部", head = "u-2", liaison = "u-2", deputy = "h-2", handlers = ["h-2"]}
it = {name = "科技部", head = "u-2", liaison = "u-2", deputy = "h-1", handlers = ["h-1"]}
branch = {name = "朝阳支行", head = "u-1", liaison = "u-1", deputy = "h-1", handlers = ["h-2"]}
[[routes]]
product = "credit_card"
nature = "service"
unit = "cards"
[[routes]]
nature = "compliance"
unit = "risk"
[[routes]]
nature = "technical"
unit = "it"
[[routes]]
nature = "service"
branch = "朝阳支行"
unit = "branch"
"""


def directory(**changes: Any) -> Directory:
    return Directory.from_mapping(tomllib.loads(FILE) | changes)


def case(**changes: Any) -> Complaint:
    graded = complaint().goes_to(State.DISPATCHED).complaint
    return replace(graded, case=replace(graded.case, **changes))


@pytest.mark.parametrize(
    ("product", "branch", "nature", "unit"),
    [
        (Product.CREDIT_CARD, "朝阳支行", Nature.SERVICE, "cards"),  # the first that matches counts
        (Product.LOAN, "朝阳支行", Nature.SERVICE, "branch"),
        (Product.CREDIT_CARD, "", Nature.COMPLIANCE, "risk"),
        (Product.LOAN, "朝阳支行", Nature.TECHNICAL, "it"),
        (Product.LOAN, "海淀支行", Nature.SERVICE, None),  # a person dispatches it
    ],
)
def test_a_case_goes_by_product_branch_and_nature(
    product: Product, branch: str, nature: Nature, unit: str | None
) -> None:
    """A051, A054: 合规→风控部, 技术→科技部, 服务→ the branch; no route leaves it to a person."""
    found = directory().route(case(product=product, branch=branch, nature=nature))
    assert (found.id if found else None) == unit


def test_as_shipped_nobody_is_named_and_nothing_is_routed() -> None:
    """A051: until a bank fills it in, every case waits for a person."""
    shipped = Directory.from_mapping(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))
    assert (shipped.staff, shipped.units, shipped.routes, shipped.approval_over) == ({}, {}, (), None)
    assert shipped.route(case()) is None
    written_out = SHIPPED.read_text(encoding="utf-8").replace("# [", "[").split("#\n", 1)[1]
    example = "\n".join(line.removeprefix("# ") for line in written_out.splitlines())
    assert tomllib.loads(example)["units"]["cards"]["deputy"] == "h-002"


def test_work_is_spread_over_the_units_handlers_and_never_given_to_whom_it_is_about() -> None:
    """T7; law 17."""
    found = directory()
    unit = found.units["cards"]
    chosen = {found.handler(unit, replace(case(), id=f"c{number}")) for number in range(40)}
    assert chosen == {"h-1", "h-2"}
    assert found.handler(unit, case(staff_involved=("h-1",))) == "h-2"
    assert found.handler(unit, case(staff_involved=("h-1", "h-2"))) is None


def test_a_major_case_is_led_by_an_executive_it_is_not_about() -> None:
    """A058, law 17."""
    assert directory().lead(case()) == "e-1"
    assert directory().lead(case(staff_involved=("e-1",))) == "e-2"
    assert directory(staff={}, units={}, routes=[]).lead(case()) == ""


def test_the_units_head_signs_or_else_another_units() -> None:
    """A114, law 17: nobody signs for their own work, nor for what is about them."""
    found = directory()
    unit = found.units["cards"]
    assert found.approver(unit, "h-1", case()) == "u-1"
    assert found.approver(unit, "u-1", case()) == "u-2"
    assert found.approver(unit, "h-1", case(staff_involved=("u-1",))) == "u-2"
    assert found.approver(unit, "u-2", case(staff_involved=("u-1",))) == ""


def test_who_it_is_about_is_told_nothing_and_who_signs_stands_in_for_a_head() -> None:
    """law 17: of a role everybody else; of one person nobody."""
    found, about = directory(), case(unit="cards", handler="h-2", approver="u-2", staff_involved=("u-1", "h-1", "m-1"))
    told = {to: [one.id for one in found.people(to, about)] for to in ("mgr", "liaison", "hnd", "uh", "head:cards")}
    assert told == {"mgr": ["m-2"], "liaison": [], "hnd": ["h-2"], "uh": ["u-2"], "head:cards": []}
    assert [one.id for one in found.people("staff:e-1", about)] == ["e-1"]
    assert found.people("staff:u-1", about) == ()


@pytest.mark.parametrize(
    ("to", "people"),
    [
        ("hnd", ["h-2"]),
        ("liaison", ["h-1"]),
        ("uh", ["u-1"]),
        ("rep", ["m-2"]),
        ("mgr", ["m-1", "m-2"]),
        ("exe", ["e-1", "e-2"]),
        ("assist:it", ["u-2"]),
        ("head:it", ["u-2"]),
        ("head:branch", ["u-1"]),
        ("cb", []),
        ("assist:nowhere", []),
        ("head:nowhere", []),
    ],
)
def test_who_is_meant_by_a_recipient(to: str, people: list[str]) -> None:
    """The case's own handler, its unit's head and liaison, its first owner (A023); else everybody of that role."""
    found = directory().people(to, case(unit="cards", handler="h-2", first_owner="m-2"))
    assert [person.id for person in found] == people


def test_before_its_dispatch_a_case_has_no_unit_to_tell() -> None:
    ungraded = case(unit="", handler="", first_owner="")
    for to in ("hnd", "uh", "liaison", "rep"):
        assert directory().people(to, ungraded) == ()


@pytest.mark.parametrize("missing", ["liaison", "deputy", "head"])
def test_a_unit_names_a_liaison_a_deputy_and_a_head(missing: str) -> None:
    """A062: else it is not enabled."""
    units = tomllib.loads(FILE)["units"]
    with pytest.raises(ValueError, match=missing):
        directory(units=units | {"cards": {k: v for k, v in units["cards"].items() if k != missing}})
    with pytest.raises(ValueError, match=missing):
        directory(units=units | {"cards": units["cards"] | {missing: "nobody"}})


def test_the_deputy_is_somebody_else() -> None:
    """A062."""
    units = tomllib.loads(FILE)["units"]
    with pytest.raises(ValueError, match="another person"):
        directory(units=units | {"cards": units["cards"] | {"deputy": "h-1"}})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"approval_over": "much"}, "approval_over"),
        ({"approval_over": "nan"}, "approval_over"),
        ({"approval_over": -1}, "approval_over"),
        ({"approval_over": float("inf")}, "approval_over"),
        ({"routes": [{"unit": "nowhere"}]}, "routes 1"),
        ({"routes": [{"unit": "cards", "product": "gold"}]}, "routes 1"),
        ({"routes": [{"unit": "cards", "level": "major"}]}, "level"),
        ({"routes": [{"product": "loan"}]}, "unit"),
        ({"staff": {"x": {"name": "陈", "roles": ["boss"]}}}, "staff.x"),
        ({"staff": {"x": {"roles": ["hnd"]}}}, "name"),
        ({"staff": {"x": {"name": "陈", "unit": "nowhere"}}, "units": {}, "routes": []}, "nowhere"),
        ({"staff": ["x"]}, "tables"),
        ({"team": {}}, "team"),
    ],
)
def test_a_directory_that_names_what_is_not_there_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        directory(**changes)


def test_the_amount_above_which_an_executive_signs_is_the_banks_own() -> None:
    """A060: a parameter, in yuan."""
    assert directory().approval_over == Decimal(50000)
    assert directory(approval_over="50000.01").approval_over == Decimal("50000.01")


def test_a_unit_without_handlers_is_refused() -> None:
    units = tomllib.loads(FILE)["units"]
    for handlers in ([], "h-1", ["nobody"]):
        with pytest.raises(ValueError, match="handler"):
            directory(units=units | {"cards": units["cards"] | {"handlers": handlers}})
