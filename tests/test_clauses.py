"""How a test cites a clause (clauses.py), and that every clause it can cite is in the table."""

from __future__ import annotations

import pytest

from tests import clauses  # as a whole: pytest would take tests_by_clause for a test
from tests.clauses import GOVERNANCE, citations, cited, listed


def test_ids_lists_and_ranges_are_read() -> None:
    assert cited("A065, A067; also A080/A081.") == {"A065", "A067", "A080", "A081"}
    assert cited("A071-A073, C15, law 2") == cited("A071 to A073") == {"A071", "A072", "A073"}
    assert cited("按A028编号") == {"A028"}


def test_other_codes_and_numbers_are_no_clause() -> None:
    for text in ("S0-6(4), S1-3-三-3, A.13 rule 8", "A0285 BA028 U+A028 TS-A028 A028x a028", "JR/T 0169 A, A4"):
        assert cited(text) == set()
    assert cited("A021 to 300 people, A022 - 3 days") == {"A021", "A022"}


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="A073-A071"):
        cited("A073-A071")


def test_only_what_a_test_says_cites_not_what_it_handles() -> None:
    source = '''
"""The module (A001)."""
def helper():
    """A002."""
@mark("A003")
def test_one():
    """A004."""
    value = "A005"  # A006
class TestAll:
    async def test_A007(self):
        A008 = 1
'''
    assert citations(source) == [
        ("test_one", {"A003", "A004", "A006"}, {"A001"}),
        ("test_A007", set(), {"A001"}),
    ]


def test_the_table_has_every_clause_once_in_order_and_in_few_words() -> None:
    table = [(clause, *said) for _, part in listed() for clause, said in part.items()]
    assert [clause for clause, _, _ in table] == [f"A{number:03d}" for number in range(1, 155)]
    assert [clause for clause, source, words in table if not source or not 10 < len(words) <= 140 or "|" in words] == []


def test_no_test_cites_a_clause_that_is_not_there_or_not_for_software() -> None:
    provable = {c for _, part in listed() for c, (_, words) in part.items() if not words.startswith(GOVERNANCE)}
    assert sorted(clauses.tests_by_clause().keys() - provable) == []
