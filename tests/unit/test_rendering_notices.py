"""What every notice has, whatever it is about: number, sender, telephone, dates, plain and short words.

No text is compared as a whole: the wording may change, what the clauses ask for may not.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import proofreading
from gateway.model import (
    ContactType,
    Language,
    NoticeKind,
)
from gateway.rendering import Rendering
from gateway.rules.contents import CONTENTS
from tests.unit.rendering_samples import (
    BANK,
    CUSTOMERS,
    FACTS,
    RENDERING,
    SHIPPED,
    UNVERIFIED,
    VERIFIED,
    K,
    blocks,
    first_sample,
    render,
)


def test_it_is_written_down_for_every_notice_what_it_must_say() -> None:
    """E.1."""
    assert set(CONTENTS) == set(NoticeKind)
    assert [kind for kind, contents in CONTENTS.items() if not contents.everywhere] == []


@pytest.mark.parametrize("kind", NoticeKind)
def test_the_samples_of_the_check_give_every_variable_it_asks_for(kind: NoticeKind) -> None:
    """Else a mandatory variable would be looked for as the empty text, and always be found."""
    common = {"bank", "number", "telephone", "promised", "remedies"}
    shown = {
        key.removesuffix("_at").removesuffix("_on")
        for details in proofreading.DETAILS.get(kind, ({},))
        for key, value in details.items()
        if value
    }
    assert set(CONTENTS[kind].everywhere) | set(CONTENTS[kind].in_full) <= shown | common


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", NoticeKind)
def test_the_number_is_in_subject_and_page(kind: NoticeKind, language: Language) -> None:
    """E.3: a mail's subject is «[编号] 状态»; S0-6(4)."""
    text = render(kind, language=language)
    assert text.subject.startswith(f"[{FACTS.number}] ")
    assert FACTS.number in text.text
    assert FACTS.number in text.html


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", CUSTOMERS)
def test_a_customer_is_told_who_writes_and_whom_to_call(kind: NoticeKind, language: Language) -> None:
    """A093, E.2 rule 2: contact and bank, in every channel's version and to every contact."""
    for to in (VERIFIED, UNVERIFIED):
        text = render(kind, to=to, language=language)
        for block in (text.short, text.text, text.html):
            assert BANK.telephone in block
            assert BANK.names[language] in block


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", NoticeKind)
def test_dates_are_calendar_dates_in_words(kind: NoticeKind, language: Language) -> None:
    """E.2 rule 3: never so many working days, never a date as machines write it."""
    for details in proofreading.DETAILS.get(kind, ({},)):
        text = blocks(render(kind, details, language=language))
        assert not re.search(r"20\d\d-\d\d|\d工作日|个工作日|個工作日|working day|\+00:00", text)


@pytest.mark.parametrize("kind", CUSTOMERS)
def test_a_short_text_in_english_needs_no_more_than_two_gsm_parts(kind: NoticeKind) -> None:
    """E.3: 153 septets in each of two parts; none of the characters needs another alphabet."""
    for where in (None, ContactType.EMAIL, ContactType.WECOM):
        short = render(kind, language=Language.EN, where=where).short
        assert short.isascii()
        assert len(short) <= 306


@pytest.mark.parametrize("language", [Language.ZH_HANS, Language.ZH_HANT])
@pytest.mark.parametrize("kind", CUSTOMERS)
def test_chinese_sentences_are_short(kind: NoticeKind, language: Language) -> None:
    """E.2 rule 4: 30 characters a sentence on average."""
    body = render(kind, language=language).text.split("\n\n")[1:-1]
    sentences = [sentence for sentence in re.split("[。；？]|\n", "\n".join(body)) if sentence]
    assert sum(map(len, sentences)) / len(sentences) <= 30


@pytest.mark.parametrize(("language", "charset"), [(Language.ZH_HANS, "gb2312"), (Language.ZH_HANT, "big5")])
def test_each_chinese_is_written_in_its_own_characters(language: Language, charset: str) -> None:
    """E.2 rule 12: traditional characters by own templates; the two character sets tell the two apart."""
    for path in sorted((SHIPPED / "notices").glob(f"*.{language}.j2")):
        path.read_text(encoding="utf-8").encode(charset)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", NoticeKind)
def test_paragraphs_are_separated_by_one_empty_line(kind: NoticeKind, language: Language) -> None:
    for sample in proofreading.samples(kind):
        to = replace(VERIFIED, verified=sample.verified)
        text = RENDERING.render(kind, sample.facts, to=to, language=language, where=sample.where).text
        assert not re.search(r"[^\n]\n[^\n]|\n\n\n| \n|  ", text)


@given(
    typed=st.text(min_size=1, max_size=60)
    | st.sampled_from(['<a href="http://x">', "<script>", "{{ 7 * 7 }}", "&lt;"]),
    kind=st.sampled_from(list(NoticeKind)),
    language=st.sampled_from(Language),
)
def test_no_detail_breaks_out_of_subject_or_html(typed: str, kind: NoticeKind, language: Language) -> None:
    """What staff or a customer typed is escaped, whatever it is; it makes no link and is no template."""
    plain = first_sample(kind)
    known = {"why", "level", "flags", "product", "state", "clock", "decision", "responsibility", "band", "kinds"}
    planted = {
        key: [typed] if isinstance(value, list) else typed
        for key, value in plain.items()
        if isinstance(value, str | list) and not key.endswith(("_at", "_on")) and key not in known
    }
    text = render(kind, {**plain, **planted}, language=language)
    assert len(text.subject.splitlines()) == 1
    tags = set(re.findall("<[^>]*>", text.html)) - {"<br>"}
    assert tags == set(re.findall("<[^>]*>", render(kind, language=language).html))


def test_lines_of_a_detail_stay_lines_on_the_page() -> None:
    text = render(K.ANSWER, {"answer": "第一步\n第二步"})
    assert "第一步\n第二步" in text.text
    assert "第一步<br>\n第二步" in text.html


@pytest.mark.parametrize("at", ["2026-11-26T15:59:59+00:00", "2026-11-26T23:59:59+08:00"])
def test_the_end_of_a_day_is_named_by_its_day_alone(at: str) -> None:
    assert "最迟11月26日作出" in render(K.REVIEW_ACCEPTED, {"review_at": at}).short


@given(day=st.dates(min_value=date(2026, 1, 1), max_value=date(2027, 12, 31)))
def test_a_date_of_another_year_names_the_year(day: date) -> None:
    said = render(K.SUGGESTION_REPLY, {"adopted": True, "reason": "有用", "live_on": day.isoformat()}).text
    year = "" if day.year == 2026 else f"{day.year}年"
    assert f"最迟{year}{day.month}月{day.day}日做到" in said


@pytest.mark.parametrize("kind", [kind for kind in CUSTOMERS if kind not in proofreading.DETAILS])
def test_a_shared_frame_reads_like_a_notice_rendered_alone(kind: NoticeKind, tmp_path: Path) -> None:
    """Shipped templates put number and name into a text as they are, which is why it can be worded once for many."""
    (tmp_path / "notices").mkdir()
    page = (SHIPPED / "notices" / "page.j2").read_text(encoding="utf-8")
    (tmp_path / "notices" / "page.j2").write_text(page, encoding="utf-8")
    alone = Rendering(bank=BANK, override=tmp_path)
    for language in Language:
        for to in (VERIFIED, UNVERIFIED):
            for name in ("O'Neill", "", "<b>"):
                facts = replace(FACTS, name=name)
                assert RENDERING.render(kind, facts, to=to, language=language) == alone.render(
                    kind, facts, to=to, language=language
                )
