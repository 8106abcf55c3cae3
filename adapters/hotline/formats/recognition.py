"""Which formats in JSON there are. They are told apart by what is in them, never by a file's name.

A reader of JSON says whether a document is of its kind, and reads it into a Transcript; it raises NotReady for a result
without words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.hotline.formats import aliyun, aws, genesys, iflytek, tencent, twilio
from adapters.hotline.transcript import Json, Transcript


@dataclass(frozen=True, slots=True)
class Format:
    name: str  # under which an operator says which label is the customer's
    recognises: Callable[[Json], bool]
    read: Callable[[Json], Transcript]


# The order matters only for documents that nobody writes: each one looks at names that no other has.
OF_JSON = (
    Format("aws", aws.recognises, aws.read),
    Format("genesys", genesys.recognises, genesys.read),
    Format("twilio", twilio.recognises, twilio.read),
    Format("aliyun", aliyun.recognises, aliyun.read),
    Format("tencent", tencent.recognises, tencent.read),
    Format("iflytek", iflytek.recognises, iflytek.read),
)
