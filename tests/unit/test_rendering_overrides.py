"""Templates an operator may bring, and how those that break a rule are refused at start-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Misconfigured
from gateway.model import (
    Language,
)
from gateway.rendering import Rendering
from tests.unit.rendering_samples import BANK, FACTS, OUTCOME, SHIPPED, VERIFIED, K

OverrideWith = Callable[..., Path]


@pytest.fixture
def override_with(tmp_path: Path) -> OverrideWith:
    """Make an operator's folder out of a shipped template with one wording changed."""

    def make(name: str, old: str, new: str) -> Path:
        shipped = (SHIPPED / "notices" / name).read_text(encoding="utf-8")
        assert old in shipped
        (tmp_path / "notices").mkdir(exist_ok=True)
        (tmp_path / "notices" / name).write_text(shipped.replace(old, new), encoding="utf-8")
        return tmp_path

    return make


def refusal(override: Path) -> str:
    """What the operator of this folder is told at start-up."""
    with pytest.raises(Misconfigured) as refused:
        Rendering(bank=BANK, override=override).check()
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("n09.zh-Hans.j2", "原因：{{ reason }}", "", "block text does not say reason"),
        ("n09.en.j2", "on or before {{ old }}", "before", "block text does not say old"),
        ("n11.zh-Hans.j2", "{{ remedies }}", "", "block text does not say remedies"),
        ("n11.en.j2", "How we will stop it happening again: {{ improvement }}", "-", "block text does not say improve"),
        ("n12.zh-Hant.j2", "依據：{{ basis }}", "", "block text does not say basis"),
        ("n16.en.j2", "Decision on or before {{ review }}", "Soon", "block short does not say review"),
        ("n05.en.j2", "{{ way }}", "", "block html does not say way"),
        ("n24.en.j2", "accept by {{ accept }}", "accept it", "block short does not say accept"),
        ("n36.en.j2", "[{{ number }}] Closed", "Closed", "block subject does not say number"),
        ("n13.zh-Hans.j2", "我们已安排重新核查", "我们已升级处理", "block short says '升级'"),
        ("n37.en.j2", "Thank you for taking the time.", "This ticket is done.", "says 'ticket'; write 'case'"),
        ("n23.zh-Hans.j2", "已在记录中隐去。", "回复验证码即可。", "block short says '回复验证码'"),
        ("n25.en.j2", "[Not accepted]", "[Not accepted](https://case.example)", "block short has a link"),
    ],
)
def test_an_override_that_leaves_out_or_adds_too_much_is_refused(
    override_with: OverrideWith, name: str, old: str, new: str, reason: str
) -> None:
    """A093, A069, A096, law 19 and 20; E.2 rules 1, 4 and 11."""
    told = refusal(override_with(name, old, new))
    assert f"templates/notices/{name}: block " in told
    assert reason in told


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        # free text in a text message (E.2 rule 1)
        ("n11.en.j2", "Findings, action,", "{{ findings }}, action,", "block short: 'findings' is undefined"),
        ("n09.en.j2", "needs longer.", "needs longer: {{ reason }}.", "block short: 'reason' is undefined"),
        # more than an unverified contact may read (E.2 rule 10)
        ("n12.en.j2", "There is a result in", "{{ findings }} in", "block text: 'findings' is undefined"),
        # what no customer is told (E.2 rule 1)
        ("n13.en.j2", "Tel {{", "({{ level }}) Tel {{", "block short: 'level' is undefined"),
        # who the customer is, in what staff are told
        ("n24.en.j2", "[Dispatch]", "[Dispatch] {{ name }}", "block short: 'name' is undefined"),
    ],
)
def test_a_template_cannot_use_what_its_reader_may_not_know(
    override_with: OverrideWith, name: str, old: str, new: str, reason: str
) -> None:
    assert f"templates/notices/{name}: {reason}" in refusal(override_with(name, old, new))


def test_a_shared_part_that_is_broken_is_named_by_the_notices_that_use_it(override_with: OverrideWith) -> None:
    told = refusal(override_with("closing.en.j2", "{{ telephone }}", "{{ phone }}"))
    assert "templates/notices/n36.en.j2: block text: 'phone' is undefined" in told


def test_a_bank_names_its_own_review_office(override_with: OverrideWith) -> None:
    """Law 20: with its address, in the one place every outcome takes its remedies from."""
    office = "向示例银行总行（示例路1号）书面申请核查"
    own = Rendering(
        bank=BANK, override=override_with("words.zh-Hans.j2", "向作出处理决定的机构的上级机构书面申请核查", office)
    )
    own.check()
    text = own.render(
        K.OUTCOME_REJECTED, replace(FACTS, details=OUTCOME), to=VERIFIED, language=Language.ZH_HANS, where=None
    )
    assert office in text.text
