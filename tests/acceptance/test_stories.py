"""The lives told in docs/reference/stories.md are played here, and the page is what they come to."""

from __future__ import annotations

from functools import cache

import pytest

from tests.lives import LIVES, stories_page
from tests.pages import REFERENCE

STALE = "docs/reference/stories.md is stale: python -m tests.pages writes it"


played = cache(stories_page)


def told() -> dict[str, str]:
    """Return each life's part of the page by its title."""
    return {title: text for title, _, text in (part.partition("\n") for part in played().split("\n## ")[1:])}


def heard(title: str) -> list[str]:
    """Return the notices the customer got, in order."""
    return [line.split("**")[1].split()[0] for line in told()[title].splitlines() if line.startswith("- ✉")]


def test_the_page_is_what_the_lives_come_to() -> None:
    assert played() == (REFERENCE / "stories.md").read_text(encoding="utf-8"), STALE


@pytest.mark.parametrize(
    ("title", "notices"),
    [
        ("Ordinary", ["n01", "n06", "n11", "n14", "n15", "n37"]),
        ("Major", ["n01", "n01c", "n06", "n07", "n08", "n08", "n11", "n14"]),
        ("Extended", ["n01", "n06", "n05", "n09", "n11", "n14", "n36"]),
        ("Rejected, reviewed", ["n01", "n06", "n12", "n13", "n06", "n12", "n16", "n17"]),
        ("Withdrawn", ["n01", "n20"]),
    ],
)
def test_each_customer_hears_what_the_rules_owe_them_in_order(title: str, notices: list[str]) -> None:
    """A107, A112: from the number to the outcome; A069 before the old date, A067 daily, law 15 the same day, law 20."""
    assert heard(title) == notices


@pytest.mark.parametrize("title", LIVES)
def test_every_life_ends_in_the_archive_and_leaves_nobody_untold(title: str) -> None:
    text = told()[title]
    assert text.count("→ **archived**") == 1
    assert "not yet" not in text
    assert "nobody to tell" not in text
