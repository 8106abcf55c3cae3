"""The body of a mail: its text, and its attachments with readable names. Bounded, and never raises on content."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import InvalidBase64LengthDefect
from email.message import Message
from email.parser import BytesParser
from html import unescape

import inscriptis
import puremagic
from inscriptis.model.config import ParserConfig

from adapters.email import charset, headers
from gateway.model import Attachment

DEPTH_LIMIT = 30
PART_LIMIT = 1000
TEXT_LIMIT = 1_000_000  # characters of the whole text
LAYOUT_LIMIT = 200_000  # characters of HTML that are laid out; time grows faster than length beyond it

_CONTAINER = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.MULTILINE)
_LONG_FIELD = re.compile(rb"content-(?<![^\n]content-)[a-z-]{1,40}:(?:[^\r\n]|\r?\n[ \t]){20000}")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
_DELIMITER = re.compile(rb"^--([0-9A-Za-z'()+_,./:=? -]{1,70}?)[ \t]*\r?$", re.MULTILINE)
_BLOCK = re.compile(r"</(?:p|div|tr|li|h[1-6]|table|blockquote)\s*>|<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_PLAIN_LAYOUT = ParserConfig(display_images=False, display_links=False, display_anchors=False)
# Path signs, and the marks that reverse writing direction ("gpj.exe" would show as "exe.jpg").
# What customers mostly attach. puremagic says the same of them, after comparing them with 1 400 other beginnings.
_USUAL = (
    ((".jpg", ".jpeg"), b"\xff\xd8\xff", "image/jpeg"),
    (".png", b"\x89PNG\r\n\x1a\n", "image/png"),
    (".pdf", b"%PDF", "application/pdf"),
)
_UNSAFE = re.compile(r'[\\/:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]')


@dataclass(slots=True)
class Body:
    """What was found, in the order of the mail."""

    texts: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    problems: set[str] = field(default_factory=set)
    parts: int = 0
    text_is_known: bool = False  # from a plainer alternative: laying out HTML is the dearest step, so it is left out

    @property
    def text(self) -> str:
        text = "\n\n".join(filter(None, (text.strip() for text in self.texts)))
        if len(text) > TEXT_LIMIT:
            self.problems.add("text_cut")
        return text[:TEXT_LIMIT]


def too_complex(raw: bytes) -> bool:
    """Say whether the standard library's parser would take far longer, or more memory, than the mail's size warrants.

    It compares every line with every enclosing boundary, recurses once for each container, keeps an object for each
    part, and scans a field's parameters in quadratic time.
    """
    low = raw.lower()
    containers = low.count(b"multipart/") + low.count(b"message/")
    if containers > 10:  # not each mention is a container, but looking closer takes a tenth of the parser's own time
        containers = sum(1 for _ in _CONTAINER.finditer(low))
    lines = raw.count(b"\n") + raw.count(b"\r") + 1
    is_long = lines > 20_000
    dashes = raw.count(b"\n--") + raw.count(b"\r--") if is_long else 0
    blocks = sum(map(raw.count, (b"\n\n", b"\r\r", b"\r\n\r\n"))) if is_long and b"delivery-status" in low else 0
    return (
        containers > 200
        or containers * lines > 20_000_000
        or lines > 600_000
        or dashes > 20_000
        or blocks > 20_000
        or _LONG_FIELD.search(low) is not None
    )


def read(message: Message) -> Body:
    """Collect text and attachments. Plain text is preferred to HTML where the sender offers both."""
    body = Body()
    _collect(message, body, 0)
    return body


def entities(message: Message, depth: int = 0) -> Iterator[Message]:
    """Walk the entity tree to the same bounds, entering attached messages too."""
    yield message
    if depth < DEPTH_LIMIT and isinstance(payload := message.get_payload(), list):
        for part in payload[:PART_LIMIT]:
            if isinstance(part, Message):
                yield from entities(part, depth + 1)


def _collect(part: Message, body: Body, depth: int) -> None:
    body.parts += 1
    if depth > DEPTH_LIMIT or body.parts > PART_LIMIT:
        body.problems.add("too_many_parts")
        return
    fields = headers.Headers(part)
    main, _, sub = media_type(fields).partition("/")
    if main == "multipart":
        _collect_children(_children(part, body), sub, body, depth + 1)
    elif main == "text" and sub in {"plain", "html"} and not _is_file(fields):
        if not body.text_is_known:
            body.texts.append(_text(part, fields, sub, body))
    else:
        body.attachments.append(_attachment(part, fields, len(body.attachments) + 1))


def _children(part: Message, body: Body) -> list[Message]:
    """Return the parts of a multipart; where its boundary is not the declared one, by the one it uses."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [child for child in payload if isinstance(child, Message)]
    body.problems.add("broken_multipart")
    content = _bytes(part)
    used = _DELIMITER.search(content)
    frame = b'Content-Type: multipart/mixed; boundary="%b"\n\n' % used[1] if used else b"\n"
    again = BytesParser().parsebytes(frame + content).get_payload()
    if isinstance(again, list):
        return [child for child in again if isinstance(child, Message)]
    return [BytesParser().parsebytes(b"\n" + content)]


def _collect_children(children: list[Message], sub: str, body: Body, depth: int) -> None:
    if sub != "alternative":
        for child in children:
            _collect(child, body, depth)
        return
    # The first is the plainest (RFC 2046 section 5.1.4); it counts only if it says something.
    text = ""
    for child in children:
        reading = Body(parts=body.parts, text_is_known=body.text_is_known or bool(text))
        _collect(child, reading, depth)
        text = text or reading.text
        body.parts = reading.parts
        body.attachments += reading.attachments
        body.problems |= reading.problems
    body.texts.append(text)


def media_type(fields: headers.Headers) -> str:
    value = fields.word("content-type")
    return value if re.fullmatch(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+", value) else "text/plain"


def _is_file(fields: headers.Headers) -> bool:
    return fields.word("content-disposition") == "attachment" or bool(_name(fields))


def _name(fields: headers.Headers) -> str:
    disposition = headers.parameters(fields.first("content-disposition"))
    return disposition.get("filename") or headers.parameters(fields.first("content-type")).get("name", "")


def _bytes(part: Message) -> bytes:
    """Return the decoded content. A damaged transfer encoding gives what can be read of it, as the parser left it."""
    if part.is_multipart():
        return b""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return b""
    if any(isinstance(defect, InvalidBase64LengthDefect) for defect in part.defects):
        return binascii.a2b_base64(content.translate(None, _NOT_BASE64)[:-1])  # one character too many to be decoded
    return content


def _text(part: Message, fields: headers.Headers, sub: str, body: Body) -> str:
    declared = headers.parameters(fields.first("content-type")).get("charset", "")
    text, whole = charset.decode(_bytes(part), declared)
    if not whole:
        body.problems.add("charset_unreadable")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return _laid_out(text, body) if sub == "html" else text


def _laid_out(html: str, body: Body) -> str:
    for element in ("style", "script"):
        html = _without(html, element)
    if len(html) <= LAYOUT_LIMIT:
        try:
            text = inscriptis.get_text(html, _PLAIN_LAYOUT)
        except (ValueError, RecursionError, LookupError, AssertionError, TypeError, AttributeError):
            text = ""
        if text.strip() or not _TAG.sub("", html).strip():
            return "\n".join(line.rstrip() for line in text.splitlines())
    body.problems.add("html_flattened")
    return unescape(_TAG.sub("", _BLOCK.sub("\n", html)))


def _without(html: str, element: str) -> str:
    """Drop an element with its content; by searching, since a pattern would take quadratic time on unclosed ones."""
    low, kept, at, search = html.lower(), [], 0, 0
    if len(low) != len(html):  # lower-casing changed lengths (Turkish dotted I): positions would not fit
        return html
    while (start := low.find(f"<{element}", search)) >= 0:
        after = start + len(element) + 1
        end = low.find(f"</{element}", after)
        if end < 0:
            break
        search = after
        if low[after : after + 1] in {">", " ", "\n", "\t"}:
            kept.append(html[at:start])
            at = search = low.find(">", end) + 1 or len(html)
    return "".join(kept) + html[at:]


def _attachment(part: Message, fields: headers.Headers, number: int) -> Attachment:
    declared = media_type(fields)
    if declared.startswith("message/") and part.is_multipart():
        content, name = _attached_message(part)
    else:
        content, name = _bytes(part), ""
    name = safe_name(_name(fields) or name, number)
    return Attachment(name=name, media_type=_recognised(content, name, declared), size=len(content), content=content)


def _attached_message(part: Message) -> tuple[bytes, str]:
    """Return an attached message's bytes and a name for it; a delivery report is written out block by block."""
    blocks = [block for block in part.get_payload() if isinstance(block, Message)][:PART_LIMIT]
    subject = headers.text(headers.Headers(blocks[0]).first("subject")) if blocks else ""
    try:
        return b"\n".join(block.as_bytes() for block in blocks), f"{subject}.eml" if subject else ""
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # The library cannot write back everything it reads; the mail's own raw bytes still hold this message.
        return b"", f"{subject}.eml" if subject else ""


def safe_name(name: str, number: int) -> str:
    """Return a name to show and to offer for saving: no path, no control character, at most 120 characters."""
    name = _UNSAFE.sub("_", headers.one_line(name)).strip(". ")
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension) <= 10:
        return f"{stem[: 119 - len(extension)]}.{extension}" if stem else f"attachment-{number}.{extension}"
    return name[:120] or f"attachment-{number}"


def _recognised(content: bytes, name: str, declared: str) -> str:
    """Return the type the content shows; the declared one where it shows none."""
    for extensions, beginning, media_type in _USUAL:
        if content.startswith(beginning) and name.lower().endswith(extensions):
            return media_type
    try:
        return puremagic.from_string(content, mime=True, filename=name) or declared
    except (LookupError, ValueError):
        return declared
