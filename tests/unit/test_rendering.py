"""Notices as customers read them, and templates that must not get as far as a customer.

The whole wording is in golden/n01.<language>.txt, one section a variant: read those files when a text changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import Misconfigured
from gateway.model import ChannelKind, Contact, ContactType, Kind, Language, NoticeFacts, NoticeKind, Text
from gateway.rendering import Rendering
from gateway.settings import Bank

N01 = NoticeKind.ACKNOWLEDGEMENT
GOLDEN = Path(__file__).parent / "golden"
SHIPPED = Path(__file__).parents[2] / "templates"

BANK = Bank(
    names={Language.ZH_HANS: "示例银行", Language.ZH_HANT: "示例銀行", Language.EN: "ExampleBank"}, telephone="00000"
)
FACTS = NoticeFacts(
    number="TS-261123-000123-V",
    kind=Kind.COMPLAINT,
    major=False,
    promised_at=datetime(2026, 11, 26, 15, 59, 59, tzinfo=UTC),  # the last second of 26 November in Shanghai
    received_at=datetime(2026, 11, 23, 1, 15, tzinfo=UTC),
    channel=ChannelKind.EMAIL,
    name="李伟",
)
VARIANTS = {
    "complaint": FACTS,
    "major": replace(FACTS, major=True, promised_at=datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)),
    "inquiry": replace(FACTS, kind=Kind.INQUIRY, promised_at=datetime(2026, 11, 24, 1, 15, tzinfo=UTC)),
    "suggestion": replace(FACTS, kind=Kind.SUGGESTION),
}
VERIFIED = Contact(type=ContactType.EMAIL, value="li@example.com", verified=True)
UNVERIFIED = replace(VERIFIED, verified=False)
GSM_7 = set(  # the basic table of 3GPP TS 23.038: one septet a character
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)

RENDERING = Rendering(bank=BANK, override=None)
ALONE = Rendering(bank=BANK, override=None)
ALONE._is_shipped = False


def render(facts: NoticeFacts = FACTS, *, to: Contact = VERIFIED, language: Language = Language.ZH_HANS) -> Text:
    return RENDERING.render(N01, facts, to=to, language=language)


def everything(language: Language) -> str:
    """All variants of one language in one page."""
    sections = []
    for variant, facts in VARIANTS.items():
        for to in (VERIFIED, UNVERIFIED):
            text = render(facts, to=to, language=language)
            heading = f"#### {variant}, {'verified' if to.verified else 'unverified'}"
            sections.append("\n\n".join((heading, text.subject, text.short, text.text)))
    return "\n\n\n".join(sections) + "\n"


OverrideWith = Callable[..., Path]


@pytest.fixture
def override_with(tmp_path: Path) -> OverrideWith:
    """Make an operator's folder out of a shipped notice with one wording changed."""

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


# what customers read


@pytest.mark.parametrize("language", Language)
def test_every_variant_reads_as_agreed(language: Language) -> None:
    """E.4; also A093: accepted, time limit, contact."""
    assert everything(language) == (GOLDEN / f"n01.{language}.txt").read_text(encoding="utf-8")


def test_the_short_texts_are_those_filed_with_the_carrier() -> None:
    """E.4 N01, N01b, inquiry, suggestion: word for word."""
    no = "TS-261123-000123-V"
    assert [render(facts).short for facts in VARIANTS.values()] == [
        f"【示例银行】您好，您反映的问题已受理，编号{no}，最迟11月26日答复您。补充情况请致电00000。",
        f"【示例银行】您好，您反映的问题已受理，编号{no}，最迟11月24日告知核查进展，之后每天联系您。电话00000。",
        f"【示例银行】您好，您咨询的问题已登记，编号{no}，最迟11月24日09:15答复您。电话00000。",
        f"【示例银行】您好，您的建议已登记，编号{no}，最迟11月26日告诉您评估情况。电话00000。",
    ]


@pytest.mark.parametrize("language", [Language.ZH_HANS, Language.ZH_HANT])
def test_chinese_fits_one_sms_and_the_major_one_two(language: Language) -> None:
    """E.3: 70 characters in one part, 67 in each of more."""
    lengths = {variant: len(render(facts, language=language).short) for variant, facts in VARIANTS.items()}
    assert lengths.pop("major") <= 2 * 67
    assert max(lengths.values()) <= 70


@pytest.mark.parametrize("facts", VARIANTS.values(), ids=VARIANTS)
def test_english_fits_one_gsm_sms(facts: NoticeFacts) -> None:
    short = render(facts, language=Language.EN).short
    assert set(short) <= GSM_7
    assert len(short) <= 160


@pytest.mark.parametrize("language", Language)
def test_an_unverified_contact_learns_number_date_and_phone_only(language: Language) -> None:
    """E.2 rule 10: whoever typed that address, it may be somebody else's; kind and date stand in for the matter."""
    planted = replace(FACTS, name="Zhuge Liang", channel=ChannelKind.OPINION_BOOK)
    verified, unverified = (render(planted, to=to, language=language) for to in (VERIFIED, UNVERIFIED))
    secrets = ("Zhuge", "09:15", {"en": "comment book"}.get(language, "意見簿" if language == "zh-Hant" else "意见簿"))
    for secret in secrets:
        assert secret in verified.text
        assert secret in verified.html
        assert secret not in "".join((unverified.subject, unverified.short, unverified.text, unverified.html))


def test_two_people_at_unverified_contacts_read_the_same() -> None:
    """E.2 rule 10, for whatever a name or a channel may be."""
    other = replace(FACTS, name="王芳", channel=ChannelKind.HOTLINE, received_at=datetime(2026, 11, 22, tzinfo=UTC))
    assert render(to=UNVERIFIED) == render(other, to=UNVERIFIED)


def test_a_promise_in_the_next_year_names_the_year() -> None:
    facts = replace(FACTS, promised_at=datetime(2027, 1, 4, 15, 59, 59, tzinfo=UTC))
    assert "最迟2027年1月4日答复您" in render(facts).short
    assert "on or before 4 January 2027." in render(facts, language=Language.EN).short


def test_dates_are_those_of_the_banks_zone() -> None:
    """A promise until the end of a day in New York is already the next day in UTC."""
    new_york = Rendering(bank=BANK.model_copy(update={"zone": "America/New_York"}), override=None)
    facts = replace(FACTS, promised_at=datetime(2026, 11, 27, 4, 59, 59, tzinfo=UTC))
    text = new_york.render(N01, facts, to=VERIFIED, language=Language.EN)
    assert "26 November (Thursday)" in text.text
    assert "on 22 November, 20:15" in text.text


def test_a_major_inquiry_is_promised_a_plan_by_a_date() -> None:
    """A.13 rule 6: what is promised follows the grade, whatever the kind."""
    assert "最迟11月26日告知核查进展" in render(replace(FACTS, major=True, kind=Kind.INQUIRY)).short


@pytest.mark.parametrize("language", Language)
def test_every_channel_has_a_word_of_its_own(language: Language) -> None:
    assert len({render(replace(FACTS, channel=channel), language=language).text for channel in ChannelKind}) == len(
        ChannelKind
    )


@pytest.mark.parametrize("language", [Language.ZH_HANS, Language.ZH_HANT])
def test_chinese_sentences_are_short(language: Language) -> None:
    """E.2 rule 4: 30 characters a sentence on average."""
    for facts in VARIANTS.values():
        body = render(facts, language=language).text.split("\n\n")[1:-1]
        sentences = [sentence for sentence in re.split("[。；]", "".join(body)) if sentence]
        assert sum(map(len, sentences)) / len(sentences) <= 30


# names from outside


@pytest.mark.parametrize("name", ["李伟", "Li Wei", "J. Smith", "Jean-Luc O’Neill", "买买提·阿不都热依木", "José"])
def test_a_name_is_used_in_the_salutation(name: str) -> None:
    assert render(replace(FACTS, name=name)).text.startswith(f"尊敬的{name}：")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "李\r\nBcc: all@example.com",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "<b>李</b>",
        "<script>alert(1)</script>",
        "evil.example",
        "http://evil.example",
        "致电13800138000领奖",
        "李\u202e伟",
        "李" * 41,
    ],
)
def test_what_is_not_a_name_is_left_out(name: str) -> None:
    """A name is free text from outside; in the bank's mail it must not become markup, a header or an advertisement."""
    assert render(replace(FACTS, name=name)) == render(replace(FACTS, name=""))


@given(name=st.text(max_size=60), number=st.text(min_size=1, max_size=40), language=st.sampled_from(Language))
def test_no_value_breaks_out_of_subject_or_html(name: str, number: str, language: Language) -> None:
    text = render(replace(FACTS, name=name, number=number), language=language)
    assert len(text.subject.splitlines()) == 1
    shipped = set(re.findall("<[^>]*>", render(language=language).html))
    assert set(re.findall("<[^>]*>", text.html)) - {"<br>"} == shipped - {"<br>"}  # a line break in a value stays one


@given(
    facts=st.builds(
        NoticeFacts,
        number=st.from_regex("[A-Z]{2}-[0-9]{6}-[0-9]{6}-[0-9A-Z]", fullmatch=True),
        kind=st.sampled_from(Kind),
        major=st.booleans(),
        promised_at=st.datetimes(datetime(2026, 11, 1), datetime(2027, 1, 9), timezones=st.just(UTC)),  # noqa: DTZ001
        received_at=st.datetimes(datetime(2026, 11, 1), datetime(2027, 1, 9), timezones=st.just(UTC)),  # noqa: DTZ001
        channel=st.sampled_from(ChannelKind),
        name=st.text(max_size=40) | st.sampled_from(["李伟", " Zoë  Müller-Lüdenscheidt", "\ue000", ""]),
    ),
    to=st.sampled_from([VERIFIED, UNVERIFIED]),
    language=st.sampled_from(Language),
)
@example(facts=replace(FACTS, name="O'Brien"), to=VERIFIED, language=Language.EN)
def test_a_notice_worded_together_with_others_reads_like_one_worded_alone(
    facts: NoticeFacts, to: Contact, language: Language
) -> None:
    """The shipped templates put number and name where they belong and ask nothing of them."""
    assert RENDERING.render(N01, facts, to=to, language=language) == ALONE.render(N01, facts, to=to, language=language)


def test_a_template_of_the_operator_may_ask_something_of_a_number(override_with: OverrideWith) -> None:
    folder = override_with("n01.en.j2", "[{{ number }}]", "[{{ number | lower }}{{ salutation | length }}]")
    rendering = Rendering(bank=BANK, override=folder)
    text = rendering.render(N01, FACTS, to=VERIFIED, language=Language.EN)
    assert text.subject == "[ts-261123-000123-v7] Received"


@pytest.mark.parametrize("language", Language)
def test_the_html_names_its_language_and_fetches_nothing(language: Language) -> None:
    html = render(language=language).html
    assert f'<html lang="{language}">' in html
    assert not re.search("src=|href=|url[(]|http|<img|<link|<script", html)


def test_a_bank_with_an_ampersand_is_escaped_in_html_only() -> None:
    names = {**BANK.names, Language.EN: "Marks & <Co>"}
    rendering = Rendering(bank=BANK.model_copy(update={"names": names}), override=None)
    text = rendering.render(N01, FACTS, to=VERIFIED, language=Language.EN)
    assert text.short.startswith("Marks & <Co>: ")
    assert "<p>Marks &amp; &lt;Co&gt;</p>" in text.html


# templates an operator may bring


def test_the_shipped_templates_pass() -> None:
    """A093, E.2 rules 1, 2, 4, 11: every language, variant and channel."""
    RENDERING.check()


def test_an_override_replaces_one_file_and_leaves_the_others(override_with: OverrideWith) -> None:
    own = Rendering(bank=BANK, override=override_with("n01.en.j2", "To add anything, call", "More to say? Call"))
    own.check()
    assert "More to say? Call 00000." in own.render(N01, FACTS, to=VERIFIED, language=Language.EN).short
    assert own.render(N01, FACTS, to=VERIFIED, language=Language.ZH_HANT) == render(language=Language.ZH_HANT)


@pytest.mark.parametrize("variable", ["bank", "number", "promised", "telephone"])
@pytest.mark.parametrize("language", Language)
def test_a_template_that_leaves_out_what_it_must_say_is_refused(
    override_with: OverrideWith, language: Language, variable: str
) -> None:
    """A093: accepted, time limit, contact, in every channel version."""
    told = refusal(override_with(f"n01.{language}.j2", f"{{{{ {variable} }}}}", "-"))
    for block in ("short", "text", "html"):
        assert f"templates/notices/n01.{language}.j2: block {block} does not say {variable}" in told


def test_one_variant_without_its_phone_is_enough_to_be_refused(override_with: OverrideWith) -> None:
    told = refusal(override_with("n01.zh-Hans.j2", "之后每天联系您。电话{{ telephone }}。", "之后每天联系您。"))
    assert told == "templates/notices/n01.zh-Hans.j2: block short does not say telephone"


def test_an_unknown_variable_is_named_with_its_block(override_with: OverrideWith) -> None:
    told = refusal(override_with("n01.en.j2", "ref {{ number }}", "ref {{ reference }}"))
    assert told == "templates/notices/n01.en.j2: block short: 'reference' is undefined"


def test_a_template_that_tells_an_unverified_contact_too_much_is_refused(override_with: OverrideWith) -> None:
    """E.2 rule 10: the words are not there to be told."""
    told = refusal(override_with("n01.zh-Hans.j2", "{% if verified %}于", "{% if True %}于"))
    assert told == "templates/notices/n01.zh-Hans.j2: block text: 'received' is undefined"


def test_a_template_that_fails_is_named_without_the_value_it_failed_on(override_with: OverrideWith) -> None:
    told = refusal(override_with("n01.en.j2", "Received\n", "{{ salutation + 1 }}\n"))
    assert told == "templates/notices/n01.en.j2: block subject: TypeError"


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("n01.zh-Hans.j2", "您反映的问题已受理", "您的工单已受理", "says '工单'; write '您反映的事'"),
        ("n01.zh-Hans.j2", "补充情况", "红色预警", "says '红色预警'"),
        ("n01.zh-Hant.j2", "補充情況", "風控事宜", "says '風控'; write '安全檢查'"),
        ("n01.en.j2", "your complaint, ref", "your Ticket, ref", "says 'ticket'; write 'case'"),
        ("n01.en.j2", "To add anything, call", "See https://example.com or call", "has a link"),
        ("n01.en.j2", "To add anything, call", "We are\nhere; call", "is more than one line"),
        ("n01.zh-Hans.j2", "您好，", "您好，" + "感谢您的来信，" * 10, "is longer than two SMS parts"),
    ],
)
def test_wording_that_breaks_a_rule_is_refused(
    override_with: OverrideWith, name: str, old: str, new: str, reason: str
) -> None:
    """E.2 rules 1, 4 and 11; E.3."""
    assert f"templates/notices/{name}: block short {reason}" in refusal(override_with(name, old, new))


def test_html_that_undoes_the_escaping_is_refused(override_with: OverrideWith) -> None:
    told = refusal(override_with("n01.en.j2", "{{ page(language, subject, text) }}", "{{ text.unescape() }}"))
    assert told == "templates/notices/n01.en.j2: block html does not escape a variable"


def test_html_marked_safe_is_escaped_all_the_same(override_with: OverrideWith) -> None:
    override_with("n01.en.j2", "{{ page(language, subject, text) }}", "{{ text | safe }}")
    own = Rendering(bank=BANK, override=override_with("page.j2", "<p>{{ paragraph }}", "<p>{{ paragraph | safe }}"))
    own.check()
    for language in (Language.EN, Language.ZH_HANS):
        facts = replace(FACTS, number="<i>")
        assert "&lt;i&gt;" in own.render(N01, facts, to=VERIFIED, language=language).html


@pytest.mark.parametrize("value", ["bank", "salutation", "number", "subject"])
def test_a_value_put_straight_into_html_is_escaped(override_with: OverrideWith, value: str) -> None:
    override = override_with("n01.en.j2", "{{ page(language, subject, text) }}", f"<p>{{{{ {value} }}}}</p>")
    names = {**BANK.names, Language.EN: "<Bank>"}
    own = Rendering(bank=BANK.model_copy(update={"names": names}), override=override)
    html = own.render(N01, replace(FACTS, number="<1>", name="O'Neill"), to=VERIFIED, language=Language.EN).html
    assert not re.search("[<>']", html.removeprefix("<p>").removesuffix("</p>"))


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("words.en.j2", '  "opinion_book": "through a branch comment book",\n', "", ": 'dict object' has no attribute"),
        ("words.en.j2", "macro weekday(", "macro day_of_week(", " has no macro weekday"),
        ("words.en.j2", '"%02d:%02d"', '"%02d"', ": TypeError"),
        ("page.j2", "macro page(", "macro frame(", " has no macro page"),
        ("page.j2", "{%- macro", "{{ nothing }}{%- macro", ": 'nothing' is undefined"),
    ],
)
def test_words_or_a_frame_that_lack_something_are_refused(
    override_with: OverrideWith, name: str, old: str, new: str, reason: str
) -> None:
    assert refusal(override_with(name, old, new)).startswith(f"templates/notices/{name}{reason}")


def test_a_missing_language_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a damaged installation says: every other file is there."""
    for path in (SHIPPED / "notices").iterdir():
        if path.name != "n01.zh-Hant.j2":
            target = tmp_path / "templates" / "notices" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    monkeypatch.setattr("gateway.share._PACKAGE", tmp_path / "gateway")
    with pytest.raises(Misconfigured, match=r"^there is no file templates/notices/n01\.zh-Hant\.j2$"):
        Rendering(bank=BANK, override=None)


@pytest.mark.parametrize("name", ["n01.zh-CN.j2", "plain-words.toml"])
def test_an_override_of_nothing_is_named(tmp_path: Path, name: str) -> None:
    """A misspelt name would otherwise be ignored in silence."""
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / name).touch()
    assert refusal(tmp_path) == f"{tmp_path}/notices/{name} overrides nothing"


def test_a_missing_block_is_named(override_with: OverrideWith) -> None:
    told = refusal(override_with("n01.en.j2", "{% block short %}", "{% block sms %}"))
    assert told == "templates/notices/n01.en.j2 has no block short"


def test_a_syntax_error_is_named_with_its_line(override_with: OverrideWith) -> None:
    told = refusal(override_with("n01.en.j2", "[{{ number }}]", "[{{ number ]"))
    assert told.startswith("templates/notices/n01.en.j2, line 3: ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("never = [", "is not TOML"),
        ('[en]\nnever = []\njargon = {}\nsometimes = ""', "en.sometimes"),
        ("[en]\nnever = []\njargon = {}", "has no words for zh-Hans, zh-Hant"),
    ],
)
def test_a_damaged_list_of_words_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "plain_words.toml").write_text(content, encoding="utf-8")
    told = refusal(tmp_path)
    assert told.startswith("templates/notices/plain_words.toml")
    assert reason in told
