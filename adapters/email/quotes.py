"""The new words of a reply, without the earlier mail below them. For display and triage: the full text is always kept.

A line scanner for the marks Chinese and Western clients write. When in doubt, nothing is cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LOOKED_AT = 500  # characters of a line
_DIVIDER = re.compile(
    r"[-—_=*]{2,}[ \t\xa0]*"
    r"(?:原始邮件|原始郵件|邮件原件|回复的原邮件|原邮件|Original(?: Message| Email)?)"
    r"[ \t\xa0]*[-—_=*]{2,}",
    re.IGNORECASE,
)
_COLON = r"[*\s\xa0\u3000]*[:：]"
_AUTHOR_LINE = re.compile(rf"[>*\s]*(?:发件人|發件人|寄件者|寄件人|From){_COLON}", re.IGNORECASE)
_FIELD_LINE = re.compile(
    r"[>*\s]*(?:发送时间|發送時間|寄件日期|发件日期|日[ \xa0\u3000]*期|时间|收件人|收件者|抄送|副本"
    rf"|主[ \xa0\u3000]*题|主旨|Sent|Date|To|Cc|Subject){_COLON}",
    re.IGNORECASE,
)
_WROTE_START = re.compile(
    r"[>\s]*(?:(?:在|于|於|At|On)\s*\S|[^<>。！？]{0,100}<[^<>\s]{1,250}@[^<>\s]{1,250}>\s*(?:在|于|於))", re.IGNORECASE
)
_WROTE_END = re.compile(r"(?:写道|寫道|wrote)\s*[:：]\s*$", re.IGNORECASE)
_SOMEBODY = re.compile(r"@|\d{1,2}:\d{2}")
_DEVICE = re.compile(r"(?:发自我的|發自我的|从我的|Sent from my|Get Outlook for|获取 ?Outlook)", re.IGNORECASE)
_RULE = re.compile(r"[-_=—*\s\xa0]+")


def new_words(text: str) -> str:
    """Return what the writer added above the quoted mail; everything when that is nothing, or answers stand in it."""
    lines = text.split("\n")
    cut = next((index for index in range(len(lines)) if _starts_quote(lines, index)), None)
    if cut is None:
        cut = _trailing_quote(lines)
    elif _answers_inside(lines, cut):
        return text.strip()
    return _without_tail(lines[:cut]) or text.strip()


def _starts_quote(lines: Sequence[str], index: int) -> bool:
    line = lines[index][:_LOOKED_AT]
    if _DIVIDER.search(line):
        return True
    if _AUTHOR_LINE.match(line):
        following = [later for later in lines[index + 1 : index + 7] if later.strip()]
        return any(_FIELD_LINE.match(later[:_LOOKED_AT]) for later in following[:3])
    return _wrote(lines, index)


def _wrote(lines: Sequence[str], index: int) -> bool:
    """Match `在 2026-11-20 10:00:00，"名" <a@b> 写道：` and its kin, which mail programs fold over up to three lines.

    A sentence of the writer's own may begin and end like that: a time or an address, or a quote below, must be there.
    """
    if not _WROTE_START.match(lines[index]):
        return False
    for last in range(index, min(index + 3, len(lines))):
        if _WROTE_END.search(lines[last][:_LOOKED_AT]):
            whole = " ".join(lines[index : last + 1])[: 3 * _LOOKED_AT]
            below = next((line for line in lines[last + 1 : last + 5] if line.strip()), "")
            return bool(_SOMEBODY.search(whole)) or below.startswith(">")
    return False


def _answers_inside(lines: Sequence[str], cut: int) -> bool:
    """Say whether unquoted words follow `>` lines below the mark: the writer answered point by point."""
    quoted = [index for index in range(cut + 1, len(lines)) if lines[index].startswith(">")]
    if not quoted or any(line.strip() for line in lines[min(cut + 3, quoted[0]) : quoted[0]]):
        return False
    return any(line.strip() and not line.startswith(">") and not _is_tail(line) for line in lines[quoted[0] :])


def _trailing_quote(lines: Sequence[str]) -> int:
    """Return where a block of `>` lines at the end begins, else the length."""
    end = len(lines)
    while end and (lines[end - 1].startswith(">") or not lines[end - 1].strip()):
        end -= 1
    return end


def _without_tail(lines: Sequence[str]) -> str:
    end = len(lines)
    while end and _is_tail(lines[end - 1]):
        end -= 1
    return "\n".join(lines[:end]).strip()


def _is_tail(line: str) -> bool:
    return _RULE.fullmatch(line[:_LOOKED_AT]) is not None or not line.strip() or _DEVICE.match(line.strip()) is not None
