"""The telephone number that somebody names in a chat as their own, to be told by. Pure.

Only what cannot be meant otherwise is taken: a number that belongs to another, such as that of whoever cheated them,
must never be told anything.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from gateway.rules.addresses import is_landline, normal_phone

_LOOKED_AT = 2000  # characters
_NUMBER = r"(\+?[0-9](?:[ -]?[0-9]){7,14})(?![0-9])"
_AROUND = (
    r"(?:好的?|您好|你好|我|的|本人|手机|手機|电话|電話|号码?|號碼?|联系|聯繫|聯絡|方式|请|請|打|是|为|為|[:,。.、!~\s]"
    r"|\b(?:ok|yes|hello|hi|my|mobile|phone|cell|number|tel|is|it's|please|call|text|me|at|on)\b)"
)
_THANKS = r"(?:谢谢|謝謝|您|哦|[,。.!~\s]|\b(?:thanks|thank|you|please)\b)"
_ANY = re.compile(rf"(?<![0-9]){_NUMBER}")
_ALONE = re.compile(rf"{_AROUND}{{0,12}}{_NUMBER}{_THANKS}{{0,6}}")
_BEGINS = r"(?:^|(?<=[,。;.!?、\s]))"
_ENDS = r"(?=\s*(?:[,。;.!?\n]|$))"
_NAMED = re.compile(
    rf"{_BEGINS}(?:(?:请|請)?(?:我|本人)的?(?:联系|聯繫|聯絡)?(?:手机|手機|电话|電話|号码|號碼|方式)"
    rf"|my (?:mobile|phone|cell|tel|number)|call me (?:at|on))"
    rf"(?:号码?|號碼?| number| phone)?\s*(?:是|为|為|:|is|)\s*{_NUMBER}{_ENDS}"
)
_SENTENCE_ENDS = re.compile(r"[。.!?;]")
_BY_ANOTHER = re.compile(  # "me" is whoever is quoted
    r"[他她:]|对方|對方|骗|騙|诈|詐|冒充|[说說称稱写寫讲講]|留了|留言"
    r"|\b(?:he|she|they|said|says?|told|wrote|writes?|claims?|claimed|scammers?|fraudsters?|callers?)\b"
)
_NOT_IN_USE = re.compile(  # soon somebody else's, if it is not already
    r"[停换換丢丟盗盜]|注销|註銷|不用|不是|不再|原来|原來|以前|\b(?:not?|old|lost|stolen|changed|cancelled)\b"
)


def named_in(text: str) -> str | None:
    """Return the one mobile number that the writer calls theirs, in E.164 form; None where none is, or several are."""
    words = _plain(text)
    found = _ALONE.fullmatch(words) or next(_called_own(words), None)
    numbers = {number for one in _ANY.findall(words) if (number := _mobile(one))}
    return _mobile(found[1]) if found and len(numbers) == 1 else None


def is_called_own(text: str) -> bool:
    """Say whether the text says of the number whose it is: a bare one may be the answer to another question."""
    return named_in(text) is not None and any(_called_own(_plain(text)))


def is_all_of(text: str) -> bool:
    """Say whether the text names such a number and says nothing else."""
    return _ALONE.fullmatch(_plain(text)) is not None and named_in(text) is not None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_LOOKED_AT]).casefold().strip()


def _called_own(words: str) -> Iterator[re.Match[str]]:
    for found in _NAMED.finditer(words):
        before = _SENTENCE_ENDS.split(words[: found.start()])[-1]
        after = _SENTENCE_ENDS.split(words[found.end() :])[0]
        if not _BY_ANOTHER.search(before) and not _NOT_IN_USE.search(after):
            yield found


def _mobile(said: str) -> str | None:
    number = normal_phone(said)
    return number if number and not is_landline(number) else None
