"""Who works on what: staff, units, and the table product x branch x nature -> responsible unit (A051, A052, A054, C12).

Also who holds a role towards a case. Plain values and pure functions; the file is read by rulebook.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Self
from zlib import crc32

from gateway.model import Actor, Complaint, Contact, ContactType, Level, Nature, Product, Role
from gateway.rules.reactions import ASSIST, CONTINGENCY_OWNER, HEAD, LEAD, LIAISON, PERSON, PRODUCT_UNIT, RELATIONS
from gateway.rules.situation import APPROVALS

_SIGNERS = (Role.UH, Role.CP, Role.EXE)
_OF_A_UNIT = (Role.HND, Role.UH, LIAISON, PRODUCT_UNIT, RELATIONS)
_WAYS = ("webhook", "stream", "email")
_PEOPLES = tuple(role for role in Role if role not in (Role.SYS, Role.CUS))  # the gateway and customers are no staff


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """One person of the bank. Customers are told surname and staff number only (E.2 rule 1)."""

    id: str
    name: str
    roles: frozenset[Role]
    unit: str = ""
    email: str = ""
    telephone: str = ""
    wecom: str = ""  # their userid in the bank's own WeCom, in lower case: there it is one whatever its case

    @property
    def actor(self) -> Actor:
        """Return them as who does something."""
        return Actor(id=self.id, roles=self.roles, unit=self.unit)

    @property
    def ways(self) -> tuple[Contact, ...]:
        """Return by which ways they are told, the first that works: important notices by WeCom (A102)."""
        named = {ContactType.WECOM_STAFF: self.wecom, ContactType.EMAIL: self.email}
        return tuple(Contact(type=kind, value=value, verified=True) for kind, value in named.items() if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit that handles complaints. It needs a liaison and a deputy (A062)."""

    id: str
    name: str
    head: str
    liaison: str
    deputy: str
    handlers: tuple[str, ...]
    webhook: str = ""  # the endpoint of its own system,
    stream: str = ""  # the stream it reads,
    email: str = ""  # and the mailbox it shares: what the unit itself is told by, beside its people

    @property
    def ways(self) -> tuple[Contact, ...]:
        """Return by which ways the unit itself is told."""
        named = {ContactType.WEBHOOK: self.webhook, ContactType.STREAM: self.stream, ContactType.EMAIL: self.email}
        return tuple(Contact(type=kind, value=value, verified=True) for kind, value in named.items() if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which unit is responsible; what is not named matches everything. The first that matches counts."""

    unit: str
    product: Product | None = None
    branch: str = ""
    nature: Nature | None = None

    def matches(self, complaint: Complaint) -> bool:
        case = complaint.case
        return (
            self.product in (None, case.product)
            and self.branch in ("", case.branch)
            and self.nature in (None, case.nature)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Staff, units and routes, checked: nothing names what does not exist, every unit can be reached."""

    staff: Mapping[str, Staff] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    approval_over: Decimal | None = None  # in yuan: a higher amount is approved by an executive (A060)
    approvals: Mapping[Level, frozenset[Role]] = field(default_factory=lambda: APPROVALS)
    customer_relations: str = ""  # the unit that hears of every outcome (A113), "" where there is none

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Self:
        """Build a directory from its parsed TOML (config/routing.toml); raise ValueError naming what is wrong."""
        _only(data, {"staff", "units", "routes", "approval_over", "approvals", "customer_relations"}, "routing")
        staff = {key: _staff(key, table) for key, table in _tables(data, "staff")}
        units = {key: _unit(key, table) for key, table in _tables(data, "units")}
        routes = tuple(_route(number, table) for number, table in enumerate(data.get("routes", []), start=1))
        return cls(
            staff=staff,
            units=units,
            routes=routes,
            approval_over=_amount(data.get("approval_over")),
            approvals=_approvals(data.get("approvals", {})),
            customer_relations=_text(data, "customer_relations", "routing", needed=False),
        )

    def __post_init__(self) -> None:
        for unit in self.units.values():
            self._check(unit)
        members: dict[str, str] = {}
        for one in self.staff.values():
            if one.unit:
                _known(one.unit, self.units, f"staff.{one.id}: unit")
            if one.wecom and members.setdefault(one.wecom, one.id) != one.id:  # who pressed a button must be one person
                raise ValueError(f"staff.{one.id}: wecom {one.wecom!r} is that of {members[one.wecom]!r}, too")
        for number, route in enumerate(self.routes, start=1):
            _known(route.unit, self.units, f"routes {number}: unit")
        if self.customer_relations:
            _known(self.customer_relations, self.units, "routing: customer_relations")

    def _check(self, unit: Unit) -> None:
        for role, person in (("head", unit.head), ("liaison", unit.liaison), ("deputy", unit.deputy)):
            _known(person, self.staff, f"units.{unit.id}: {role}")
        if unit.liaison == unit.deputy:
            raise ValueError(f"units.{unit.id}: the deputy is another person than the liaison")
        if not unit.handlers:
            raise ValueError(f"units.{unit.id}: needs at least one handler")
        for person in unit.handlers:
            _known(person, self.staff, f"units.{unit.id}: handlers")
            self._holds(person, Role.HND, f"units.{unit.id}: handlers")
        self._holds(unit.head, Role.UH, f"units.{unit.id}: head")
        if unit.head in unit.handlers:  # nobody signs for their own work (A059)
            raise ValueError(f"units.{unit.id}: the head {unit.head!r} is one of its handlers")

    def _holds(self, person: str, role: Role, where: str) -> None:
        if role not in self.staff[person].roles:
            raise ValueError(f"{where}: {person!r} needs the role {role}")

    def route(self, complaint: Complaint) -> Unit | None:
        """Return the responsible unit, None when no route fits: a person dispatches it then."""
        found = next((route for route in self.routes if route.matches(complaint)), None)
        return self.units[found.unit] if found else None

    def product_unit(self, complaint: Complaint) -> Unit | None:
        """Return whose product it is: the unit of the first route that names it (A087)."""
        product = complaint.case.product
        found = next((route for route in self.routes if product and route.product is product), None)
        return self.units[found.unit] if found else None

    def handler(self, unit: Unit, complaint: Complaint) -> str | None:
        """Return who of the unit handles it: nobody it is about (law 17), the work spread evenly."""
        free = [person for person in unit.handlers if person not in complaint.case.staff_involved]
        return free[crc32(complaint.id.encode()) % len(free)] if free else None

    def approver(self, unit: Unit, handler: str, complaint: Complaint) -> str:
        """Return who signs: the unit's head, else another unit's; neither the handler nor whom it is about (law 17).

        "" where there is none.
        """
        heads = (unit.head, *(person.id for person in self.staff.values() if Role.UH in person.roles))
        return next((one for one in heads if one not in (handler, *complaint.case.staff_involved)), "")

    def lead(self, complaint: Complaint) -> str:
        """Return who leads a major complaint: an executive it is not about (A058, law 17); "" where there is none."""
        executives = (person.id for person in self.staff.values() if Role.EXE in person.roles)
        return next((one for one in executives if one not in complaint.case.staff_involved), "")

    def people(self, to: str, complaint: Complaint) -> Sequence[Staff]:
        """Return who is meant by a telling's recipient (rules/reactions.py); nobody where the role is not filled.

        Whom the case is about hears nothing of it (law 17); whoever signs in their place stands in for a unit's head.
        """
        involved = complaint.case.staff_involved
        return tuple(person for person in self._meant(to, complaint) if person.id not in involved)

    def unit_meant(self, to: str, complaint: Complaint) -> Unit | None:
        """Return the unit that a telling's recipient works for, as its handler, head or liaison; None for the rest."""
        if to in _OF_A_UNIT or to.startswith((ASSIST, HEAD)):
            return self._unit(to, complaint)
        return None

    def reached_by(self, contact: Contact) -> Staff | None:
        """Return whose contact it is, None where it is nobody's."""
        return next((person for person in self.staff.values() if contact in person.ways), None)

    def involved(self, unit: Unit, complaint: Complaint) -> bool:
        """Say whether the case is about somebody of the unit (law 17)."""
        named = {unit.head, unit.liaison, unit.deputy, *unit.handlers}
        members = named | {person.id for person in self.staff.values() if person.unit == unit.id}
        return not members.isdisjoint(complaint.case.staff_involved)

    def _meant(self, to: str, complaint: Complaint) -> Sequence[Staff]:
        case = complaint.case
        named: Mapping[str, str] = {
            Role.HND: case.handler,
            Role.REP: case.first_owner,
            LEAD: case.lead,
            CONTINGENCY_OWNER: case.contingency_owner,
        }
        if to in named:
            return self._those([named[to]])
        if to.startswith(PERSON):
            return self._those([to.removeprefix(PERSON)])
        if to == Role.UH or to.startswith(HEAD):
            unit = self._unit(to, complaint)
            return self._those([self._head(unit, to, complaint)]) if unit else ()
        if to in (LIAISON, PRODUCT_UNIT, RELATIONS) or to.startswith(ASSIST):
            unit = self._unit(to, complaint)
            return self._those([unit.liaison]) if unit else ()
        return tuple(person for person in self.staff.values() if to in person.roles)

    def _head(self, unit: Unit, to: str, complaint: Complaint) -> str:
        replaced = to == Role.UH and unit.head in complaint.case.staff_involved
        return complaint.case.approver if replaced else unit.head

    def _unit(self, to: str, complaint: Complaint) -> Unit | None:
        if to.startswith((ASSIST, HEAD)):
            return self.units.get(to.partition(":")[2])
        if to == PRODUCT_UNIT:
            return self.product_unit(complaint)
        return self.units.get(self.customer_relations if to == RELATIONS else complaint.case.unit)

    def _those(self, ids: Sequence[str]) -> Sequence[Staff]:
        return tuple(self.staff[one] for one in ids if one in self.staff)


def _staff(key: str, table: Mapping[str, Any]) -> Staff:
    where = f"staff.{key}"
    _only(table, {"name", "roles", "unit", "email", "telephone", "wecom"}, where)
    roles = frozenset(role for role in _PEOPLES if role.value in table.get("roles", []))
    if len(roles) != len(set(table.get("roles", []))):
        raise ValueError(f"{where}: roles must be of {', '.join(_PEOPLES)}")
    names = ("name", "unit", "email", "telephone", "wecom")
    words = {name: _text(table, name, where, needed=name == "name") for name in names}
    words["wecom"] = words["wecom"].lower()
    return Staff(id=key, roles=roles, **words)


def _unit(key: str, table: Mapping[str, Any]) -> Unit:
    where = f"units.{key}"
    _only(table, {"name", "head", "liaison", "deputy", "handlers", *_WAYS}, where)
    handlers = table.get("handlers", [])
    if not isinstance(handlers, list) or not all(isinstance(one, str) for one in handlers):
        raise ValueError(f"{where}: handlers must be a list of staff ids")
    words = {name: _text(table, name, where) for name in ("name", "head", "liaison", "deputy")}
    ways = {name: _text(table, name, where, needed=False) for name in _WAYS}
    return Unit(id=key, handlers=tuple(handlers), **words, **ways)


def _route(number: int, table: Mapping[str, Any]) -> Route:
    where = f"routes {number}"
    _only(table, {"unit", "product", "branch", "nature"}, where)
    try:
        product = Product(table["product"]) if "product" in table else None
        nature = Nature(table["nature"]) if "nature" in table else None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    unit, branch = _text(table, "unit", where), _text(table, "branch", where, needed=False)
    return Route(unit=unit, product=product, branch=branch, nature=nature)


def _approvals(table: object) -> Mapping[Level, frozenset[Role]]:
    """Return who signs at each level (A114): of a major case always the unit's head, and never alone (A059)."""
    if not isinstance(table, Mapping):
        raise ValueError("routing: approvals must be a table")
    _only(table, set(Level), "approvals")
    chosen = {Level(name): _signers(roles, f"approvals: {name}") for name, roles in table.items()}
    major = chosen.get(Level.MAJOR, APPROVALS[Level.MAJOR])
    if len(major) < 2 or Role.UH not in major:
        raise ValueError("approvals: major is signed by uh and at least one more")
    return {**APPROVALS, **chosen}


def _signers(roles: object, where: str) -> frozenset[Role]:
    if not isinstance(roles, list) or not roles or not all(role in _SIGNERS for role in roles):
        raise ValueError(f"{where} must be a list of {', '.join(_SIGNERS)}")
    return frozenset(Role(role) for role in roles)


def _amount(value: object) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ValueError("routing: approval_over must be an amount")
    return amount


def _tables(data: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    group = data.get(key, {})
    if not isinstance(group, Mapping) or not all(isinstance(table, Mapping) for table in group.values()):
        raise ValueError(f"routing: {key} must be tables")
    yield from group.items()


def _text(table: Mapping[str, Any], key: str, where: str, *, needed: bool = True) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or (needed and not value):
        raise ValueError(f"{where}: {key} must be a text")
    return value


def _only(table: Mapping[str, Any], allowed: set[str], where: str) -> None:
    if unknown := sorted(table.keys() - allowed):
        raise ValueError(f"{where}: unknown key {', '.join(unknown)}")


def _known(name: str, group: Mapping[str, object], where: str) -> None:
    if name not in group:
        raise ValueError(f"{where}: there is no {name!r}")
