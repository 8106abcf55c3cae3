"""What is shown of personal data in place of the whole: the default masks of domain D.3 (C2 data).

Authentication data (C3) is not masked but removed, see redaction.py. A value too short or too strange for its mask is
hidden entirely.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from gateway.model import ContactType

HIDDEN = "***"

_NOT_A_DIGIT = re.compile("[^0-9]")
_SIGNS = re.compile(r"[\s·•.-]")
# Longer figures are no amounts, and take ever longer to count with.
_AMOUNT = re.compile(r"(?<![\d.,])((?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,9})?)(?![\d.,]*\d)\s*([千万萬亿億]?)")
_TIMES = {"": 1, "千": 1000, **dict.fromkeys("万萬", 10_000), **dict.fromkeys("亿億", 100_000_000)}
_DISTRICT = re.compile(
    r".{0,40}?(?:(?<![小社校园街厂])区|县|旗)|.{0,20}?市"
)  # 小区, 园区 stand within a street address


def mask_contact(kind: ContactType, value: str) -> str:
    """Return what is shown of a contact; of an account at WeCom or WeChat the last four characters."""
    masks = {
        ContactType.MOBILE: mask_mobile,
        ContactType.LANDLINE: mask_landline,
        ContactType.EMAIL: mask_email,
        ContactType.ADDRESS: mask_address,
    }
    return masks.get(kind, mask_account)(value)


def mask_mobile(value: str) -> str:
    """138****5678; of a number outside the mainland the country code's place and the last two digits."""
    digits = _digits(value)
    local = digits[2:] if len(digits) == 13 and digits.startswith("86") else digits
    if len(local) == 11 and local.startswith("1"):
        return f"{local[:3]}****{local[-4:]}"
    return _foreign(digits)


def mask_landline(value: str) -> str:
    """010-******78: the area code and the last two digits."""
    digits = _digits(value)
    if value.strip().startswith(("+86", "＋86")):
        digits = "0" + digits[2:].removeprefix("0")
    if not digits.startswith("0"):
        return _foreign(digits)
    area = 3 if digits[1:2] in ("1", "2") else 4
    local = digits[area:]
    return f"{digits[:area]}-{'*' * (len(local) - 2)}{local[-2:]}" if len(local) >= 7 else HIDDEN


def mask_email(value: str) -> str:
    """z***@bank.example: the first character and the domain."""
    local, at, domain = value.strip().rpartition("@")
    if not (local and at and domain):
        return HIDDEN
    return f"{local[0] if len(local) > 1 else ''}{HIDDEN}@{domain}"


def mask_name(value: str) -> str:
    """张*, 张*丰, 欧****德: the first character, and from three characters on the last."""
    name = value.strip()
    if len(name) <= 2:
        return name[:1] + "*" if len(name) == 2 else "*"
    return f"{name[0]}{'*' * (len(name) - 2)}{name[-1]}"


def mask_identity_number(value: str, *, to_handler: bool = False) -> str:
    """The first and the last character; for the person who handles the case the first three and the last four."""
    return _ends(value, *((3, 4) if to_handler else (1, 1)))


def mask_card(value: str, *, outward: bool = False) -> str:
    """The first six and the last four digits; in anything that leaves the bank only the last four."""
    return mask_account(value) if outward else _ends(_digits(value), 6, 4)


def mask_account(value: str) -> str:
    """****5678: the last four characters."""
    account = _plain(value)
    return f"****{account[-4:]}" if len(account) >= 8 else HIDDEN


def mask_passport(value: str) -> str:
    """The first character and the last three."""
    return _ends(value, 1, 3)


def mask_plate(value: str) -> str:
    """京A***12."""
    plate = _plain(value)
    return f"{plate[:2]}***{plate[-2:]}" if len(plate) >= 7 else HIDDEN


def mask_address(value: str) -> str:
    """北京市海淀区***: down to the district or county, or else the city."""
    district = _DISTRICT.match(value.strip())
    return f"{district[0]}{HIDDEN}" if district else HIDDEN


def amount_band(amount: str) -> str:
    """Return the band of a decimal amount, in its own currency (A012; B.3 `amount_band`)."""
    digits = max(len(str(int(Decimal(amount)))), 3)
    return ("lt1k", "1k", "10k", "100k", "1m")[digits - 3] if digits < 8 else "10m_plus"


def mask_amount_note(note: str) -> str:
    """Return the band of the largest amount that a customer named, hidden where no figure is one; "" for nothing."""
    found = _AMOUNT.findall(unicodedata.normalize("NFKC", note))
    amounts = [Decimal(figure.replace(",", "")) * _TIMES[unit] for figure, unit in found]
    return amount_band(str(max(amounts))) if amounts else HIDDEN if note.strip() else ""


def _plain(value: str) -> str:
    return _SIGNS.sub("", unicodedata.normalize("NFKC", value))


def _digits(value: str) -> str:
    return _NOT_A_DIGIT.sub("", unicodedata.normalize("NFKC", value))


def _foreign(digits: str) -> str:
    return f"+{digits[:3]}{'*' * (len(digits) - 5)}{digits[-2:]}" if len(digits) >= 9 else HIDDEN


def _ends(value: str, first: int, last: int) -> str:
    """Return a value with all but its ends starred; nothing of it where the stars would be fewer than three."""
    text = _plain(value)
    stars = len(text) - first - last
    return f"{text[:first]}{'*' * stars}{text[-last:]}" if stars >= 3 else HIDDEN
