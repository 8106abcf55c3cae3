"""Authentication data removed from text before it is stored or queued (domain D.3: JR/T 0171 C3, and card numbers).

What remains is shown through masks.py. Which fields are redacted, and what the customer is told (N23), is decided by
the callers. A password without a digit, and a secret whose label stands in another field, cannot be recognised here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.rules.card_numbers import card_numbers

MAX_FINDINGS = 1_000


class Kind(StrEnum):
    """What was removed."""

    PASSWORD = "password"
    ONE_TIME_CODE = "one_time_code"
    CARD_SECURITY_CODE = "card_security_code"
    CARD_NUMBER = "card_number"
    CARD_EXPIRY = "card_expiry"
    TRACK_DATA = "track_data"


MARKERS = {
    Kind.PASSWORD: "[已删除-密码]",
    Kind.ONE_TIME_CODE: "[已删除-验证码]",
    Kind.CARD_SECURITY_CODE: "[已删除-安全码]",
    Kind.CARD_NUMBER: "[已删除-卡号尾号{tail}]",
    Kind.CARD_EXPIRY: "[已删除-有效期]",
    Kind.TRACK_DATA: "[已删除-磁道信息]",
}
"""What stands in the place of what was removed; of a card number the last four digits stay as `tail`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """What kind of data was removed, and where its marker begins in the redacted text; never the value."""

    kind: Kind
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A text that may be stored, and what was removed from it; of more than 1,000 findings the first are listed."""

    text: str
    findings: tuple[Redaction, ...]


def redact(text: str) -> Redacted:
    """Replace passwords, one-time and card security codes, card numbers with their expiry, and track data by markers.

    A secret is recognised by its label, before or after it, in Simplified or Traditional Chinese or English; a card
    number by first digits, length and Luhn check. Amounts, dates, phone, identity and complaint numbers stay. A second
    call finds nothing more. Takes time linear in the text.
    """
    if not _may_hold_a_secret(text):
        return Redacted(text=text, findings=())
    folded = _fold(text)
    spans: list[_Span] = []
    for _ in range(_PASSES):
        found: list[_Span] = []
        for search in (_track_data, _cards, _labelled):
            if hits := list(search(folded)):
                folded = _blanked(folded, hits)
                found += hits
        spans += found
        if not found:
            break
    pieces: list[str] = []
    findings: list[Redaction] = []
    length = end = 0
    for span in sorted(spans, key=lambda span: span.start):
        marker = MARKERS[span.kind].format(tail=span.tail)
        findings.append(Redaction(kind=span.kind, start=length + span.start - end))
        pieces += text[end : span.start], marker
        length += span.start - end + len(marker)
        end = span.end
    return Redacted(text="".join([*pieces, text[end:]]), findings=tuple(findings[:MAX_FINDINGS]))


_PASSES = 4  # what is removed can bring the next label and value together; each pass sees the markers of the last


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    kind: Kind
    start: int
    end: int
    tail: str = ""


# --- one folded copy to search in: a character for a character, so that places stay the same --------------------------

_REMOVED, _KEPT = "\0", "\1"

_TRADITIONAL = "碼驗證動態後檢認號數個為簡訊設應發這給隨機確權領圓萬億塊幣點舊現當來銀簽欄條錯輸問鎖沒洩導護處裡"
_SIMPLIFIED = "码验证动态后检认号数个为简讯设应发这给随机确权领圆万亿块币点旧现当来银签栏条错输问锁没泄导护处里"
_FOLDED = {
    **{code: chr(code - 0xFEE0).lower() for code in range(0xFF01, 0xFF5F)},
    **{code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)},
    **dict.fromkeys(map(ord, "‐‑‒–—―−﹣﹘"), "-"),
    **dict.fromkeys(map(ord, "\0\1\t\u00a0\u00ad\u202f\u205f\u2060\u3000\ufeff"), " "),
    **dict.fromkeys(range(0x2000, 0x2010), " "),  # spaces, zero widths, direction marks
    **{ord(traditional): simple for traditional, simple in zip(_TRADITIONAL, _SIMPLIFIED, strict=True)},
}
_FOLDED_RUN = re.compile(f"[{re.escape(''.join(map(chr, _FOLDED)))}]+")
_NUMERALS = "零〇○一二三四五六七八九幺"  # 两 counts, it does not spell
_DIGITS = str.maketrans(_NUMERALS, "0001234567891")
_SPELT_OUT = re.compile(f"[{_NUMERALS}](?:[ ,、-]?[{_NUMERALS}]){{2,}}")

_MARKER = re.compile(
    "|".join(re.escape(marker).replace(re.escape("{tail}"), "[0-9]{4}") for marker in MARKERS.values())
)
# These begin with a plain character: what stands before it is looked at afterwards, or a search is slow.
_COMPLAINT_NUMBER = re.compile(
    r"[a-z](?<![0-9a-z][a-z])[a-z]{1,11}(?:-[a-z]{1,12}){0,2}-[0-9]{6,8}-[0-9]{4,11}-[0-9a-z](?![0-9a-z])"
)
_IDENTITY_NUMBER = re.compile(
    r"[1-9](?<![0-9]{2})[0-9]{5}[ -]?(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[ -]?[0-9]{3}[0-9x]"
    r"(?![0-9])"
)


def _written(characters: str) -> str:
    """Return the expression of one character that is folded to one of these."""
    spellings = [chr(code) for code, folded in _FOLDED.items() if folded in characters]
    return f"[{re.escape(characters + ''.join(spellings))}]"


_ANY_DIGIT = re.compile(_written("0123456789" + _NUMERALS))
_LONG_RUN = re.compile(f"{_ANY_DIGIT.pattern}(?:{_written(' -')}{{0,3}}{_ANY_DIGIT.pattern}){{11}}")
_IN_EVERY_LABEL = re.compile(_written("abcdefghijklmnopqrstuvwxyz码令值背签"))  # one of these at least


def _may_hold_a_secret(text: str) -> bool:
    """Whether searching a folded copy can find anything, seen from the text itself: most texts need no copy.

    A secret has a digit, and either a label, or a dozen digits in a row as cards and tracks have.
    """
    return _ANY_DIGIT.search(text) is not None and (
        _IN_EVERY_LABEL.search(text) is not None or _LONG_RUN.search(text) is not None
    )


def _fold(text: str) -> str:
    # In Chinese text few characters change: translating only those takes half the time.
    folded = _FOLDED_RUN.sub(lambda match: match[0].translate(_FOLDED), text)
    folded = _SPELT_OUT.sub(lambda match: match[0].translate(_DIGITS), folded)
    folded = _MARKER.sub(lambda match: _REMOVED * len(match[0]), folded)
    folded = _COMPLAINT_NUMBER.sub(_kept, folded)
    return _IDENTITY_NUMBER.sub(lambda match: _kept(match) if _is_identity_number(match) else match[0], folded)


def _kept(match: re.Match[str]) -> str:
    return _KEPT * len(match[0])


def _is_identity_number(match: re.Match[str]) -> bool:
    """Tell by GB 11643 (ISO 7064 MOD 11-2): personal, but not authentication data, though one in ten passes Luhn."""
    digits = match[0].replace(" ", "").replace("-", "")
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(digits[:17]))
    return "10x98765432"[total % 11] == digits[17]


def _blanked(folded: str, spans: Sequence[_Span]) -> str:
    pieces: list[str] = []
    end = 0
    for span in sorted(spans, key=lambda span: span.start):
        pieces += folded[end : span.start], _REMOVED * (span.end - span.start)
        end = span.end
    return "".join([*pieces, folded[end:]])


# --- track data and cards ---------------------------------------------------------------------------------------------

_MONEY = (
    " ?(?:元(?!旦)|块|圆|万(?!一)|亿|[多余]元|[美港欧日]元|美金|港币|英镑|人民币|%|(?:rmb|cny|usd|hkd|eur|yuan|dollar))"
)
_END = rf"(?![0-9]|\.[0-9]|{_MONEY})"  # an amount is no code

_TRACK = re.compile(
    r"%?b[0-9]{12,19}\^[^^?\n]{0,40}\^[^?\s]{0,80}\??"  # track 1 of ISO/IEC 7813
    r"|(?<![0-9]);?[0-9]{12,19}=[0-9]{7,30}\??"  # track 2
)

_MONTH = "(?:0[1-9]|1[0-2])"
_YEAR = "(?:20)?[2-9][0-9]"
_EXPIRY = (
    rf"(?<![0-9])(?P<expiry>(?:{_MONTH}|[1-9]) ?[/|.月-] ?{_YEAR}年?|{_YEAR} ?[/|.年-] ?(?:{_MONTH}|[1-9])月?"
    rf"|{_MONTH}[2-9][0-9])(?![0-9]|[-/.][0-9]| ?[日号]|{_MONEY})"
)
_EXPIRY_LABEL = (
    r"(?:有效期|到期|失效|截止|(?<![a-z])(?:exp(?:iry|ires|iration|ired)?|valid(?:ity)?|good thru)(?![a-z]))"
    r"[\s:=(.是为至到限日期止]{0,6}(?:(?:date|thru|through|until|to|is|of)[\s:=]{0,3}){0,2}"
)
_LABELLED_EXPIRY = re.compile(_EXPIRY_LABEL + _EXPIRY)
_BESIDE = r"[\s,;/|]{1,3}"
_AFTER_CARD = re.compile(
    rf"(?:{_BESIDE}(?P<code>[0-9]{{3}}){_END})?{_BESIDE}(?:{_EXPIRY_LABEL})?{_EXPIRY}"
    rf"(?:{_BESIDE}(?P<late_code>[0-9]{{3,4}}){_END})?"
    rf"|{_BESIDE}(?P<only_code>[0-9]{{3}}){_END}"
)
_NEAR = 60  # characters between a card number and the label of its expiry


def _track_data(folded: str) -> Iterator[_Span]:
    for match in _TRACK.finditer(folded) if "^" in folded or "=" in folded else ():
        yield _Span(kind=Kind.TRACK_DATA, start=match.start(), end=match.end())


def _cards(folded: str) -> Iterator[_Span]:
    """Yield the card numbers, and the expiry dates and security codes that stand near one."""
    cards = list(card_numbers(folded))
    limits = [*(card.start for card in cards), len(folded)][1:]
    end = 0
    for card, limit in zip(cards, limits, strict=True):
        before = _LABELLED_EXPIRY.search(folded, max(end, card.start - _NEAR), card.start)
        yield from _beside_card(before)
        yield _Span(kind=Kind.CARD_NUMBER, start=card.start, end=card.end, tail=card.tail)
        after = _AFTER_CARD.match(folded, card.end, limit)
        after = after or _LABELLED_EXPIRY.search(folded, card.end, min(limit, card.end + _NEAR))
        yield from _beside_card(after)
        end = after.end() if after else card.end


def _beside_card(match: re.Match[str] | None) -> Iterator[_Span]:
    if match is None:
        return
    for group, value in match.groupdict().items():
        if value is not None:
            kind = Kind.CARD_EXPIRY if group == "expiry" else Kind.CARD_SECURITY_CODE
            yield _Span(kind=kind, start=match.start(group), end=match.end(group))


# --- secrets with a label ---------------------------------------------------------------------------------------------


def _labels(*expressions: str) -> re.Pattern[str]:
    """Compile alternatives, each of which begins with a plain character: only so is the search for them fast."""
    return re.compile("|".join(expressions))


_LABELS = {
    Kind.ONE_TIME_CODE: _labels(
        "验 {0,4}证 {0,4}码",
        *(f"{name}码" for name in ("校验", "确认", "认证", "核验")),
        *(f"{name}(?:验证)?(?:码|密码|口令)" for name in ("动态", "令牌", "短信", "简讯", "随机", "一次性", "1次性")),
        *(
            f"{name}[ -]?(?:code|passcode)(?![a-z])"
            for name in ("verification", "authentication", "authorisation", "authorization", "auth", "confirmation")
        ),
        *(f"{name}[ -]?(?:code|passcode)(?![a-z])" for name in ("activation", "login", "access", "sms", "text", "2fa")),
        "one[ -]?time[ -](?:code|password|passcode|pin)(?![a-z])",
        "your code(?![a-z])",
        "otp(?![a-z])",
    ),
    Kind.CARD_SECURITY_CODE: _labels(
        "安全代?码",
        "验证值",
        "末[三3]码",
        "后[三3]码",
        *(
            f"{where}[^0-9\n,。;]{{0,4}}[三3四4](?:位|码|个)(?:数字?|号码?)?"
            for where in ("背面", "卡背", "签名栏", "签名条")
        ),
        "cv[vcn](?:2(?![0-9]))?(?![a-z])码?",
        "security code",
        "card verification (?:value|code|number)",
        *(f"{count}[ -]digits?(?: code| number)?(?: on| at)?(?: the)? back" for count in ("three", "four", "3", "4")),
        *(f"{what} on the back" for what in ("code", "number", "digits")),
    ),
    Kind.PASSWORD: _labels(
        "密 {0,4}码(?![器锁箱机本函])",
        "口令",
        *(f"{word}(?:码|[ -]?(?:code|number|no))?(?![a-z])" for word in ("pin", "mpin", "tpin")),
        *(f"{word}(?![a-z])" for word in ("password", "passwd", "passcode", "passphrase", "pwd")),
    ),
}

_MARKS = r"\"'“”‘’「」『』()\[\]【】<>《》*_~\-"
# «密码我设的是…», «密码2：…», «the PIN for my card is …»: between the label and a word that says that the value follows
_SAID_OF_IT = (
    "我你您他她它的们都就设置改好像应该可能大概原来以前旧新现在当时刚"
    "收到发给告诉了已经短信手机上这那个数字位分别一直输入填写"
)
_OF_WHAT = (
    rf"(?:[0-9](?![0-9]))?[ {_MARKS}{_SAID_OF_IT}]{{0,16}}"
    r"(?:(?:for|from|on|my|the|your|this|that|card|bank|account|app|online|banking|atm|debit|credit|i|you|they|we|got"
    r"|get|received|sent|me|was|has|been|number|login|current|old|new|set|changed|reset|back|of)[ .]{1,3}){0,8}"
)
_NAMELY = r"(?:,?就?[是系係]|为|叫|成了?|即|:|=|→|->|(?:is|was|are|to|of)(?![a-z]))"
# «密码是：我生日后6位123456»
_BEFORE_VALUE = (
    rf"[\s:={_MARKS}]{{0,6}}?[ {_MARKS}0-9我你他她的老公婆儿女生日手机号码身份证卡最后前末尾位数字]{{0,16}}?"
    r"(?:(?:my|the|now|still|just) ){0,2}"
)


def _code(shortest: int, longest: int) -> str:
    """Return the expression of a code of so many digits, written together, in groups, or one by one."""
    return (
        r"(?<![0-9])(?!(?:19|20)[0-9]{2} ?(?:年|[-/.][0-9]))"
        rf"(?:[0-9]{{{shortest},{longest}}}|[0-9]{{4}}[ -][0-9]{{4}}|[0-9]{{3}}[ -][0-9]{{3}}"
        rf"|[0-9]{{2}}(?:[ -][0-9]{{2}}){{2}}|[0-9](?:[ ,、-][0-9]){{{shortest - 1},{longest - 1}}}){_END}"
    )


_SERVICE_NUMBER = "(?:95[0-9]{3}|10(?:000|010|086)|123(?:15|21|63|78))(?![0-9])"
# A phone number or a mail address is a secret only where the text says «is».
_NO_CONTACT = (
    rf"(?!{_SERVICE_NUMBER}|(?:\+?86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{{4}}){{2}}(?![0-9])"
    r"|[0-9a-z._+-]{1,64}@[0-9a-z-]{1,63}\.[a-z]|www\.)"
)
# «密码（123456）», and in a transcript «请报一下验证码» «客户：482913»
_BARE = (
    rf"(?:[0-9](?![0-9]))??(?:[\s{_MARKS}]{{0,6}}?"
    r"|[^\n0-9]{0,16}\n ?(?:客户|用户|来电人|customer|c) ?: ?(?:[好嗯是的]{1,3}[, ])?)"
)
# What may stand before a value only if it has just the right number of digits: «验证码，482913», «密码是多少？228866»,
# «问我验证码，我就告诉他了482913», «asked for the OTP and I told them 482913»
_TOLD = (
    r"(?:,\s?|(?:是多少|是什么)?[?呢吗]{1,3}\s{0,2}"
    r"|[^0-9\n]{0,12}?(?:说|告诉|报|念|回复?|发)[了的是给他她它们客服过去:,“\" ]{0,6}"
    r"|[^0-9\n]{0,24}?(?<![a-z])(?:told|gave|said|sent|read)(?: (?:him|her|them|it|you|was|out|to)){0,3} )"
)
# Letters or signs and at least one digit: «abc123», «P@ssw0rd», but not «2026-11-23» and not «2000rmb».
_MIXED = (
    r"(?<![0-9a-z])(?![0-9.,]{1,15}(?:rmb|cny|usd|hkd|eur|yuan|k|w)(?![0-9a-z]))(?=[0-9a-z!@#$%^&*_+=~.?/\\-]{0,127}[0-9])"
    r"(?=[0-9a-z!@#$%^&*_+=~.?/\\-]{0,127}[a-z!@#$%^&*_+=~])[0-9a-z!@#$%^&*_+=~.?/\\-]{3,127}[0-9a-z!@#$%^&*_+=~]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grammar:
    """The four orders in which a label and its value are written."""

    namely: re.Pattern[str]  # from the label's end: «密码是123456»
    bare: re.Pattern[str]  # from the label's end: «密码 123456»
    first: re.Pattern[str]  # up to the label: «123456是我的密码»
    alone: re.Pattern[str]  # up to a label at the end of a phrase: «482913（验证码）»


def _grammar(value: str, *, likely: str, alone: str) -> _Grammar:
    """Compile the orders for a value; `likely` is it in its usual length, `alone` is it before a mere label."""
    values = rf"(?:(?P<value>{value}(?:(?:[、/和及与或]|,? ?and ){value}){{0,3}})|{_REMOVED})"
    begins = rf"(?<![0-9a-z.,¥￥$€£/:@_+-])(?<!尾号)(?<!尾号 )(?<!后四位)(?<!后4位){_NO_CONTACT}"
    whose = (
        rf"[ {_MARKS}我你您他她的这那个银行卡短信手机支付取款登录交易查询新旧老]{{0,8}}"
        r"(?:(?:my|the|your|our|an?) (?:[a-z]{1,15} ){0,2})?"
    )
    return _Grammar(
        namely=re.compile(_OF_WHAT + _NAMELY + _BEFORE_VALUE + values),
        bare=re.compile(rf"(?:{_BARE}{_NO_CONTACT}|{_TOLD}(?={likely}|{_REMOVED})){values}"),
        first=re.compile(
            rf"{begins}(?P<value>{value})[ {_MARKS}]{{0,3}}(?:就?[是系係]|为|即|=|(?:is|was)(?![a-z])){whose}\Z"
        ),
        alone=re.compile(rf"{begins}(?P<value>{alone})[ \t]{{0,3}}[(\[【]? ?\Z"),
    )


_APART = r"(?=[ \t(\[【])"  # «转账2000验证码» is no label behind its value, «2000（验证码）» is
_GRAMMARS = {
    Kind.ONE_TIME_CODE: _grammar(
        rf"(?:[a-z]-)?(?!{_SERVICE_NUMBER}){_code(4, 8)}",
        likely=_code(6, 6),
        alone=f"(?:{_code(6, 6)}|{_code(4, 8)}{_APART})",
    ),
    Kind.CARD_SECURITY_CODE: _grammar(_code(3, 8), likely=_code(3, 3), alone=_code(3, 8) + _APART),
    Kind.PASSWORD: _grammar(f"(?:{_MIXED}|{_code(4, 12)})", likely=_code(6, 6), alone=f"(?:{_MIXED}|{_code(6, 6)})"),
}
_DIGIT = re.compile("[0-9]")
_REACH = 48  # characters before a label in which its value is looked for
_GOES_ON = re.compile(" ?(?:错|输|不|被|忘|问|泄|导|锁|没|失|太|保|重|修|改|设|验|器|收|一直|wrong|reset|error)")
_PHRASE_ENDS = re.compile(r"[ \t]*(?:\Z|[\n,.;!?。)\]】」』\"”])")


def _labelled(folded: str) -> Iterator[_Span]:
    labels = [(kind, label) for kind, expression in _LABELS.items() for label in expression.finditer(folded)]
    end = 0
    for kind, label in sorted(labels, key=lambda found: found[1].start()):
        if label.start() < end or _is_inside_a_word(folded, label.start()):
            continue
        match = _value(_GRAMMARS[kind], folded, label, max(end, label.start() - _REACH))
        end = label.end()
        if match and match["value"]:
            yield _Span(kind=kind, start=match.start("value"), end=match.end("value"))
            end = max(end, match.end())


def _is_inside_a_word(folded: str, place: int) -> bool:
    return place > 0 and "a" <= folded[place] <= "z" and "a" <= folded[place - 1] <= "z"


def _value(grammar: _Grammar, folded: str, label: re.Match[str], reach: int) -> re.Match[str] | None:
    """Find the value of a label, behind it or else before it, not further than `reach`."""
    after = grammar.namely.match(folded, label.end()) or grammar.bare.match(folded, label.end())
    if after:
        return after  # without a value where a marker stands: this label has been dealt with
    if not _DIGIT.search(folded, reach, label.start()):
        return None
    before = None
    if not _GOES_ON.match(folded, label.end()):
        before = grammar.first.search(folded, reach, label.start())
    if before is None and _PHRASE_ENDS.match(folded, label.end()):
        before = grammar.alone.search(folded, reach, label.start())
    return before
