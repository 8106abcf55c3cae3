"""Complaint numbers: form and check character (B.1), and finding them in what people write (lessons 27, 38)."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules import numbering
from gateway.rules.numbering import (
    MAX_CANDIDATES,
    MAX_LENGTH,
    MAX_PLACES,
    MAX_SUSPECTS,
    Pattern,
    Patterns,
    check_character,
)

DAY = date(2026, 11, 23)
PATTERN = Pattern.parse("TS-{yymmdd}-{serial:6}-{check}")
PATTERNS = Patterns(current=PATTERN)
SAMPLE = "TS-261123-000123-V"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

days = st.dates(date(2020, 1, 1), date(2099, 12, 31))
serials = st.one_of(st.integers(1, 999_999), st.integers(1, 10**8 - 1))
templates = st.sampled_from(
    [
        "TS-{yymmdd}-{serial:6}-{check}",
        "TS{yymmdd}{serial:5}{check}",
        "HY-HK-{yyyymmdd}-{serial:6}-{check}",
        "OI-{yyyymmdd}{serial:4}-{check}",
    ]
)


@st.composite
def issued(draw: st.DrawFn, pattern: Pattern = PATTERN) -> str:
    """A number that can have been given out."""
    day, serial = draw(days), draw(st.integers(1, 10 ** (pattern.width + 2) - 10))
    return next(number for more in range(9) if (number := pattern.number(day, serial + more)))


def characters(number: str) -> str:
    return number.replace("-", "")


# --- the form -------------------------------------------------------------------------------------------------------


def test_the_check_character_is_that_of_iso_7064_mod_37_36() -> None:
    """The worked example of the Global Release Identifier, and the sample number of the canonical schema (B.1)."""
    assert check_character("A12425GABC1234002") == "M"
    assert check_character("TS261123000123") == "V"


def test_the_sample_pattern_gives_the_sample_number() -> None:
    assert PATTERN.number(DAY, 123) == SAMPLE


def test_serials_restart_with_the_scope_which_is_a_day() -> None:
    assert PATTERN.scope(DAY) == "TS-261123"
    assert PATTERN.scope(DAY + timedelta(days=1)) == "TS-261124"
    assert Pattern.parse("HY-HK-{yyyymmdd}-{serial:6}-{check}").scope(DAY) == "HY-HK-20261123"


@pytest.mark.parametrize("serial", [0, -1, 10**8])
def test_a_serial_beyond_counting_is_an_error_and_never_a_duplicate(serial: int) -> None:
    with pytest.raises(OverflowError):
        PATTERN.number(DAY, serial)


@pytest.mark.parametrize("day", [date(2019, 12, 31), date(2100, 1, 1)])
def test_a_day_whose_date_part_would_be_ambiguous_is_an_error(day: date) -> None:
    with pytest.raises(ValueError, match="year"):
        PATTERN.number(day, 1)


def test_the_millionth_complaint_of_a_day_gets_a_longer_number_that_is_found_again() -> None:
    numbers = [number for serial in range(999_990, 1_000_020) if (number := PATTERN.number(DAY, serial))]
    assert max(map(len, numbers)) == len(SAMPLE) + 1
    for number in numbers:
        assert PATTERNS.normalise(number) == number
        assert PATTERNS.find(f"编号{characters(number).lower()}，谢谢").numbers == (number,)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "TS-{serial:6}-{check}",  # without a date serials cannot restart
        "TS-{yymmdd}-{serial:6}",
        "TS-{yymmdd}-{check}",
        "TS-{yymmdd}-{serial}-{check}",
        "TS-{yymmdd}-{serial:3}-{check}",
        "TS-{yymmdd}-{check}-{serial:6}",
        "TS-{mmdd}-{serial:6}-{check}",  # repeats within a year
        "TS/{yymmdd}/{serial:6}/{check}",
        "投诉-{yymmdd}-{serial:6}-{check}",
        "ts-{yymmdd}-{serial:6}-{check}",
        "{yymmdd}-{serial:6}-{check}",
        "T-{yymmdd}-{serial:6}-{check}",
        "COMPLAINTS-{yyyymmdd}-{serial:9}-{check}",  # could grow beyond 32 characters
        "TS-{yymmdd}-{serial:6}-{check}\n",
    ],
)
def test_a_pattern_that_could_not_work_is_refused_by_name(template: str) -> None:
    with pytest.raises(ValueError, match="number pattern"):
        Pattern.parse(template)


@given(templates, days, serials)
def test_numbers_are_short_ascii_and_never_end_in_a_letter_read_as_a_digit(
    template: str, day: date, serial: int
) -> None:
    pattern = Pattern.parse(template)
    number = pattern.number(day, serial % 10 ** (pattern.width + 2) or 1)
    if number is not None:
        assert number.isascii()
        assert len(number) <= MAX_LENGTH
        assert number[-1] not in "OI"
        assert number.startswith(pattern.scope(day))


@given(templates, days, st.integers(1, 900_000))
def test_numbers_are_unique_and_few_serials_are_left_out(template: str, day: date, start: int) -> None:
    """Lesson 26: dashes or none, no two serials of a day and no two days share a number."""
    pattern = Pattern.parse(template)
    start = start % 10**pattern.width or 1
    numbers = [pattern.number(at, serial) for at in (day, date(2026, 2, 28)) for serial in range(start, start + 200)]
    given_out = [characters(number) for number in numbers if number]
    assert len(set(given_out)) == len(given_out) // (2 if day == date(2026, 2, 28) else 1)
    assert len(given_out) > 0.8 * len(numbers)


# --- mistakes -------------------------------------------------------------------------------------------------------


@given(issued(), st.data())
def test_one_wrong_character_is_never_read_as_another_number(number: str, data: st.DataObject) -> None:
    """What MOD 37,36 promises for every single substitution."""
    place = data.draw(st.integers(0, len(number) - 1).filter(lambda place: number[place] != "-"))
    typed = number[:place] + data.draw(st.sampled_from(ALPHABET.replace(number[place], ""))) + number[place + 1 :]
    assert PATTERNS.normalise(typed) in (None, number)  # O for 0 is the same number
    assert set(PATTERNS.find(typed).numbers) <= {number}


@given(issued(), st.data())
def test_two_exchanged_characters_are_another_number_only_where_the_check_character_must_miss_them(
    number: str, data: st.DataObject
) -> None:
    """ISO 7064 does not promise transpositions: what slips through are neighbours in the alphabet, and nothing else."""
    compact = characters(number)
    place = data.draw(st.integers(0, len(compact) - 2))
    left, right = compact[place : place + 2]
    typed = compact[:place] + right + left + compact[place + 2 :]
    if abs(ALPHABET.index(left) - ALPHABET.index(right)) not in (1, 35):
        assert PATTERNS.normalise(typed) in (None, number)
        assert set(PATTERNS.find(typed).numbers) <= {number}


def test_the_check_character_misses_one_exchange_in_630() -> None:
    """All pairs in all states: which of the 36 states a pair is met in depends on what stands before it."""
    states: dict[int, str] = {}
    for before in map("".join, product(ALPHABET, repeat=2)):
        states.setdefault(_state(before), before)
    missed = [
        (before, left, right)
        for before in states.values()
        for left, right in permutations(ALPHABET, 2)
        if check_character(before + left + right) == check_character(before + right + left)
    ]
    assert (len(states), len(missed)) == (36, 72)
    assert {(ALPHABET.index(left) - ALPHABET.index(right)) % 36 for _, left, right in missed} == {1, 35}


def _state(text: str) -> int:
    return ALPHABET.index(check_character(text))


def test_the_sample_number_has_a_twin_that_nothing_but_the_sender_can_tell_apart() -> None:
    """Lesson 38: a right number proves nothing, so a stranger's becomes a pending link."""
    assert PATTERN.number(DAY, 132) == "TS-261123-000132-V"


def test_a_number_is_not_read_from_a_day_that_does_not_exist() -> None:
    compact = "TS261332000123"
    assert PATTERNS.normalise(compact + check_character(compact)) is None


@pytest.mark.parametrize(
    "typed",
    [
        "TS-261123-000123-W",
        "TS-261123-000124-V",
        "TS-261123-001023-V",
        "TS-261132-000123-V",
        "TS-261123-000123",  # the check character forgotten
        "ts 261123 000123 w",
    ],
)
def test_a_mistyped_number_is_a_suspect_with_the_number_meant_and_never_a_match(typed: str) -> None:
    found = PATTERNS.find(f"我的投诉{typed}还没有回复")
    assert found.numbers == ()
    (suspect,) = found.suspects
    assert suspect.text == typed
    assert SAMPLE in suspect.did_you_mean


@given(issued(), st.data())
def test_a_wrong_digit_always_has_the_number_meant_among_few_candidates(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(2, len(number) - 1).filter(lambda place: number[place] != "-"))
    typed = number[:place] + data.draw(st.sampled_from("0123456789".replace(number[place], ""))) + number[place + 1 :]
    if typed.split("-")[2].startswith("0") and len(typed) > len(SAMPLE):
        return  # a grown serial never begins with 0: not the form of a number
    (suspect,) = PATTERNS.find(typed).suspects
    assert number in suspect.did_you_mean
    assert len(suspect.did_you_mean) <= MAX_CANDIDATES


# --- typed and quoted -----------------------------------------------------------------------------------------------

DISGUISES = [
    SAMPLE,
    "TS261123000123V",
    "ts-261123-000123-v",
    "ＴＳ－２６１１２３－０００１２３－Ｖ",
    "ｔｓ２６１１２３０００１２３ｖ",
    "TS 261123 000123 V",
    "TS-261123 000123V",
    "TS - 261123 - 000123 - V",
    "TS–261123–000123–V",
    "TS——261123——000123——V",
    "TS‐261123‑000123−V",
    "T S 2 6 1 1 2 3 0 0 0 1 2 3 V",
    "TS\u3000261123\u00a0000123\u200bV",
    "TS-261123-\r\n000123-V",
    "TS-26II23-OOO123-V",
]


@pytest.mark.parametrize("typed", DISGUISES)
def test_a_number_is_recognised_however_it_is_typed(typed: str) -> None:
    assert PATTERNS.normalise(typed) == SAMPLE
    assert PATTERNS.normalise(f"  {typed}\n") == SAMPLE


@pytest.mark.parametrize("typed", DISGUISES)
@pytest.mark.parametrize(
    "context", ["{}", "我的投诉编号是{}，请查", "编号{}怎么还没回", "Re:{}", "(No.{})", "{}/{}", "a.{}"]
)
def test_a_number_is_found_next_to_anything_but_our_letters_and_digits(typed: str, context: str) -> None:
    """Chinese has no word boundaries."""
    found = PATTERNS.find(context.replace("{}", typed))
    assert found.numbers == (SAMPLE,)
    assert found.suspects == ()


@pytest.mark.parametrize("typed", ["", "投诉", "TS", SAMPLE + "X", "X" + SAMPLE, f"编号{SAMPLE}", f"{SAMPLE} {SAMPLE}"])
def test_the_strict_look_up_takes_exactly_one_number(typed: str) -> None:
    assert PATTERNS.normalise(typed) is None
    assert PATTERNS.normalise(" " * 200 + SAMPLE) is None


@pytest.mark.parametrize(
    "text",
    [
        f"订单号A{SAMPLE}",
        f"订单号7{SAMPLE}",
        f"订单号{SAMPLE}7",
        f"订单号{SAMPLE}XK",
        f"https://bank.example/p/{SAMPLE}",
        f"看 HTTP://bank.example/?no={SAMPLE}&x=1 吧",
        f"www.bank.example/c/{SAMPLE}",
        "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8g/TS261123000123V+dGhpcyBpcyBiYXNlNjQ=",
        "卡号6222021234567890123，订单TS2611",
        "DTS261123000123V00417",
    ],
)
def test_nothing_is_found_inside_longer_runs_and_web_addresses(text: str) -> None:
    assert PATTERNS.find(text).numbers == ()
    assert PATTERNS.find(text).suspects == ()


def test_numbers_come_in_order_and_once() -> None:
    other = PATTERN.number(DAY, 124)
    found = PATTERNS.find(f"先是{other}，后来{SAMPLE}，{characters(str(other))}也是")
    assert found.numbers == (other, SAMPLE)


def test_the_end_of_a_number_is_not_looked_for_in_the_next_word() -> None:
    """The check character is a digit here, and a digit follows."""
    number = next(
        number for serial in range(123_450, 123_999) if (number := PATTERN.number(DAY, serial)) and number[-1].isdigit()
    )
    for typed in (number, characters(number)):
        assert PATTERNS.find(f"{typed} days").numbers == (number,)
    assert PATTERNS.find(f"{number} 2 days ago").numbers == (number,)


chinese = st.text(st.sampled_from("我的投诉编号是怎么还没有回复，。：（）「」\n、"), max_size=12)
english = st.text(st.sampled_from("abcdefgTS0123 .,:;!?#"), max_size=12).map(lambda text: text + " ")
contexts = st.one_of(chinese, english.map(lambda text: text.rstrip("0123456789 abcdefgTS") + ": "), st.text(max_size=5))


@given(issued(), contexts, contexts, st.data())
def test_every_number_given_out_is_found_in_any_context_and_disguise(
    number: str, before: str, after: str, data: st.DataObject
) -> None:
    def touches(text: str, end: int) -> bool:
        return bool(text) and text[end].isalnum() and not "\u4e00" <= text[end] <= "\u9fff"

    if touches(before, -1) or touches(after, 0) or after.startswith(("-", " ", "–")):
        return
    typed = number
    dash = data.draw(st.sampled_from(["-", "", " ", "–", "—", " - ", "－", "\u3000"]))
    typed = typed.replace("-", dash)
    if data.draw(st.booleans()):
        typed = typed.lower()
    if data.draw(st.booleans()):
        typed = "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in typed)
    assert PATTERNS.find(before + typed + after).numbers == (number,)
    assert PATTERNS.normalise(typed) == number


@given(st.text())
def test_no_text_is_too_strange_to_be_searched(text: str) -> None:
    PATTERNS.find(text)
    PATTERNS.normalise(text)


# --- old patterns ---------------------------------------------------------------------------------------------------


def test_numbers_of_every_earlier_pattern_are_still_understood() -> None:
    """Lesson 27: a new number format must not lose the replies to the old one."""
    old = (Pattern.parse("BK{yyyymmdd}{serial:5}{check}"), Pattern.parse("TS-{yymmdd}-{serial:5}-{check}"))
    patterns = Patterns(current=PATTERN, old=old)
    numbers = [str(pattern.number(DAY, 14)) for pattern in (PATTERN, *old)]
    assert patterns.find("、".join(reversed(numbers))).numbers == tuple(reversed(numbers))
    assert [patterns.normalise(number.lower()) for number in numbers] == numbers


def test_a_suspect_of_two_patterns_is_one_suspect_with_the_candidates_of_both() -> None:
    patterns = Patterns(current=PATTERN, old=(Pattern.parse("TS-{yymmdd}-{serial:5}-{check}"),))
    short = str(patterns.old[0].number(DAY, 12_345))
    mistyped = short[:-1] + "7"
    (suspect,) = patterns.find(mistyped).suspects
    assert short in suspect.did_you_mean


def test_a_number_is_not_taken_for_a_shorter_one_of_an_old_pattern() -> None:
    """Its first five serial digits and the sixth as check character would be right."""
    old = Pattern.parse("TS-{yymmdd}-{serial:5}-{check}")
    short = next(n for serial in range(12, 999) if (n := old.number(DAY, serial)) and n[-1].isdigit())
    number = PATTERN.number(DAY, int(short[10:15] + short[-1]))
    assert number is not None
    assert Patterns(current=PATTERN, old=(old,)).find(f"编号{number}。").numbers == (number,)


def test_two_patterns_that_differ_in_nothing_but_dashes_are_refused() -> None:
    """Typed without dashes, a number would be found under one form and stored under the other."""
    with pytest.raises(ValueError, match="dashes"):
        Patterns(current=PATTERN, old=(Pattern.parse("TS{yymmdd}-{serial:6}-{check}"),))


# --- hostile texts --------------------------------------------------------------------------------------------------

SPELLINGS = {
    "T": "TtＴｔ",
    "S": "SsＳｓ",
    "-": "-‐‑–—―－ー \u3000\u200b",
    "0": "0０OoＯｏ",
    "1": "1１IiＩｉ",
    "2": "2２",
    "3": "3３",
    "6": "6６",
    "V": "VvＶｖ",
}


@st.composite
def spelt(draw: st.DrawFn) -> str:
    """Write the sample number as people may, at times with a character too many, too few or in another's place."""
    characters = [draw(st.sampled_from(SPELLINGS[character])) for character in SAMPLE]
    if draw(st.booleans()):
        place = draw(st.integers(0, len(characters) - 1))
        characters[place] = draw(st.sampled_from(["", "  ", "9", "中", "ﬆ", "①", "𝟙", "²", "K"]))
    around = st.sampled_from(["", "编号", "x", "http://a.example/", "，", "A" * 40])
    return draw(around) + "".join(characters) + draw(around)


@given(st.lists(spelt() | st.text(max_size=5), max_size=4).map("".join), templates)
def test_a_text_that_is_not_folded_for_speed_quotes_nothing(text: str, template: str) -> None:
    patterns = Patterns(current=PATTERN, old=(Pattern.parse(template),)) if not template.startswith("TS") else PATTERNS
    quick = patterns.find(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbering, "_opening", lambda pattern: re.compile(""))
        assert patterns.find(text) == quick


HOSTILE = {
    "beginnings": "TS-261123-000123-" * 60_000,
    "prefixes": "TS" * 500_000,
    "spread prefixes": "T S - " * 160_000,
    "spread digits": "TS 1 1 1 1 1 1 " * 66_000,
    "letters": "A" * 1_000_000,
    "dots": "a." * 500_000,
    "dashes": "-" * 1_000_000,
    "blanks": " " * 1_000_000,
    "base64": "QUJD/+" * 160_000,
    "addresses": "http://" * 140_000,
    "numbers": f"{SAMPLE} " * 50_000,
    "mistyped": "TS-261123-000123-W " * 50_000,
    "Chinese": "我的投诉编号是什么呢" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_is_searched_in_linear_time(name: str) -> None:
    """Ten times the text takes some ten times as long, not a hundred; a fixed bound would fail on a slow machine."""
    text = HOSTILE[name]
    part = _seconds(text[: len(text) // 10])
    whole = _seconds(text)
    assert whole < 30 * part + 0.5


def test_of_a_text_full_of_numbers_only_the_first_are_read() -> None:
    numbers = [number for serial in range(1, 1_000) if (number := PATTERN.number(DAY, serial))]
    assert PATTERNS.find(" ".join(numbers)).numbers == tuple(numbers[:MAX_PLACES])


def test_a_text_full_of_mistyped_numbers_gives_few_suspects() -> None:
    assert len(PATTERNS.find(HOSTILE["mistyped"]).suspects) == MAX_SUSPECTS


def _seconds(text: str) -> float:
    started = time.process_time()
    PATTERNS.find(text)
    return time.process_time() - started
