"""WeCom drops what is over its limits for one member, and says that it was sent (path/90236): it is counted here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wecom_app.pace import Pace
from gateway.errors import Temporary
from tests.adapters.wecom_app.branch import SECRET, Branch, branch, card, config, message
from tests.factories import START, Clock
from tests.shared import MemoryShared


async def sends(opened: Branch, times: int, *, urgent: bool = False, to: str = "chenjing") -> list[Temporary]:
    """Try to send so many; return how the others were put off."""
    put_off = []
    for _ in range(times):
        try:
            await opened.send(message(card(urgent=urgent), to=to))
        except Temporary as failure:
            put_off.append(failure)
    return put_off


async def test_what_wecom_would_drop_waits_for_its_turn() -> None:
    """channels.md, trap 9."""
    async with branch() as opened:
        put_off = await sends(opened, 40)
        shown = len(opened.wecom.cards("chenjing"))
    assert shown + len(put_off) == 40
    assert {failure.reason for failure in put_off} == {"paced"}
    assert opened.wecom.dropped == []


async def test_all_that_wait_arrive_when_they_come_again_as_told() -> None:
    async with branch() as opened:
        left, seconds = 60, 0.0
        while left:
            put_off = await sends(opened, left)
            left = len(put_off)
            if put_off and put_off[0].retry_after is not None:
                seconds += put_off[0].retry_after.total_seconds()
                opened.clock.later(seconds=put_off[0].retry_after.total_seconds())
        assert len(opened.wecom.cards("chenjing")) == 60
        assert opened.wecom.dropped == []
    assert seconds < 300


async def test_a_red_alert_does_not_wait_behind_ordinary_notices() -> None:
    """A102: part of every minute is kept for what is urgent."""
    async with branch() as opened:
        assert await sends(opened, 40)
        before = len(opened.wecom.cards("chenjing"))
        assert await sends(opened, 1, urgent=True) == []
        assert len(opened.wecom.cards("chenjing")) == before + 1


async def test_urgent_notices_too_never_exceed_the_limit() -> None:
    async with branch() as opened:
        for _ in range(12):
            await sends(opened, 10, urgent=True)
            opened.clock.later(seconds=10)
        assert opened.wecom.dropped == []


async def test_one_member_does_not_use_up_the_room_of_another() -> None:
    async with branch(staff=("ChenJing", "LiLi")) as opened:
        assert await sends(opened, 40)
        assert await sends(opened, 1, to="lili") == []


async def test_an_hour_is_counted_as_well() -> None:
    async with branch(per_hour=40, per_minute=1000) as opened:
        assert await sends(opened, 60)
        assert len(opened.wecom.cards("chenjing")) <= 40


class _Watched(MemoryShared):
    """Remembers the names that were counted."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    async def spend(self, name: str, *, limit: int, seconds: int) -> bool:
        self.names.add(name)
        return await super().spend(name, limit=limit, seconds=seconds)


async def test_a_count_does_not_name_the_member() -> None:
    shared = _Watched()
    await Pace(config(), SECRET, shared, lambda: START).spend("chenjing", urgent=False)
    assert len(shared.names) == 4
    assert [name for name in shared.names if "chenjing" in name] == []


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(min_value=0, max_value=25), st.booleans()), min_size=1, max_size=60),
    st.integers(min_value=4, max_value=60),
    st.integers(min_value=20, max_value=100),
)
async def test_whenever_they_are_sent_no_minute_and_no_hour_holds_too_many(
    pauses: Sequence[tuple[int, bool]], per_minute: int, per_hour: int
) -> None:
    """Nobody knows when a minute of WeCom's begins: none may hold more, wherever it does."""
    clock = Clock()
    pace = Pace(config(per_minute=per_minute, per_hour=per_hour), SECRET, MemoryShared(clock), clock)
    left: list[float] = []
    for pause, urgent in pauses:
        clock.later(seconds=pause)
        for _ in range(10):
            with suppress(Temporary):
                await pace.spend("chenjing", urgent=urgent)
                left.append(clock().timestamp())
    for span, most in ((60, per_minute), (3600, per_hour)):
        assert all(sum(0 <= other - at < span for other in left) <= most for at in left)
