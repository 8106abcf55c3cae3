"""The one normal form of a phone number and of a mail address: what is sent to, and what a blind index is made of.

Whether a contact may be used, and in which order, is decided elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna
import phonenumbers

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_EXTENSION = re.compile(r" ?(?:转|轉|ext\.?|x|#) ?[0-9]{1,6}$", re.IGNORECASE)
_DIALLED = re.compile(r"[+0-9 ()./-]{5,30}")
_CHINESE_MOBILE = re.compile(r"\+861[3-9][0-9]{9}")
_LOCAL_PART = re.compile(r"[^\s\"(),:;<>@\[\\\]]{1,64}")
_MAX_MAIL_ADDRESS = 254  # octets, RFC 5321 4.5.3.1.3 less the brackets of a path


def is_landline(number: str) -> bool:
    """Say whether a number in E.164 form takes no texts. Only mainland China's numbers tell; others count as mobile."""
    return number.startswith("+86") and not _CHINESE_MOBILE.fullmatch(number)


def normal_phone(value: str, default_country: str = "CN") -> str | None:
    """Return a number in E.164 form (+8613812345678), or None for what is no number that can be called from abroad.

    Accepts full-width digits, blanks, dashes, brackets and 00 or + before the country; a number without one belongs to
    `default_country` (ISO 3166). An extension is dropped. Service numbers such as 95588 have no such form.
    """
    typed = _EXTENSION.sub("", unicodedata.normalize("NFKC", value).translate(_DASHES).strip())
    if not _DIALLED.fullmatch(typed):
        return None
    try:
        number = phonenumbers.parse(typed, default_country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_email(value: str) -> str | None:
    """Return a mail address in small letters with its domain in ASCII (IDNA 2008), or None for what is not exactly one.

    Compatibility characters are folded (NFKC), so that full-width input finds the same customer. Control characters,
    line breaks above all, are never let through to a mail header.
    """
    local, at, domain = unicodedata.normalize("NFKC", value.strip()).lower().rpartition("@")
    if not at or not local.isascii() or not _LOCAL_PART.fullmatch(local) or not local.isprintable():
        return None  # a local part beyond ASCII needs SMTPUTF8 all the way (RFC 6531): such an address is not reached
    try:
        domain = _ascii_domain(domain.removesuffix("."))
    except (idna.IDNAError, UnicodeError):
        return None
    address = f"{local}@{domain}"
    return address if "." in domain and len(address.encode()) <= _MAX_MAIL_ADDRESS else None


@lru_cache(maxsize=4096)  # most customers share a few providers, and the encoding walks tables for each character
def _ascii_domain(domain: str) -> str:
    return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
