"""What a customer's own words mean: an answer to an outcome or a survey, a wish, or words for a person to read. Pure.

Only a short, plain answer is taken as one (E.4 N11, N14): what is longer, asks, or says both is never guessed at.
A wish does nothing by itself: it says to staff why the message should be read at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from gateway.model import State, Wish
from gateway.rules.commands import Confirm, Object, Score

# No 同意 and no 不同意: they answer the offer of a mediation (N22) as well as an outcome.
_ACCEPTS = frozenset({"认可", "我认可", "認可", "我認可", "接受", "accept", "i accept", "accepted"})
_OBJECTS = frozenset(
    {"不认可", "我不认可", "不認可", "我不認可", "不接受"}
    | {"not accept", "i do not accept", "i don't accept", "not accepted"}
)
_SCORES = {  # 1满意 2一般 3不满意, on the scale of 1 to 5
    **dict.fromkeys(("1", "满意", "滿意", "satisfied"), 5),
    **dict.fromkeys(("2", "一般", "neutral"), 3),
    **dict.fromkeys(("3", "不满意", "不滿意", "not satisfied"), 1),
}
_SATISFIED, _NOT_SATISFIED = 5, 1
# Signs around an answer that change nothing of it; a question mark, a minus or a thumb down would.
_EDGES = re.compile(r"""^[\s"'“”‘’「」『』《》【】()\[\].,。、!~～…]+|[\s"'“”‘’「」『』《》【】()\[\].,。、!~～…]+$""")
_LONGEST = 40  # characters, with what stands around it
_LOOKED_AT = 2000  # characters of a message in which a wish is looked for
_WISHES = {
    # A payment is taken back and money withdrawn as well: the words must be about the complaint, or stand alone.
    Wish.WITHDRAWAL: re.compile(
        r"^(?:我?要|我?想|申请|申請|请|請)?(?:撤回|撤销|撤銷)$|撤诉|撤訴|不再?(?:投诉|投訴)了"
        r"|(?:撤回|撤销|撤銷|取消)(?:我的|这个|這個|该|該|本|此)?(?:投诉|投訴)"
        r"|withdraw (?:my|the|this) (?:complaint|case)"
    ),
    Wish.MEDIATION: re.compile(
        r"(?:愿意|願意|同意|接受|申请|申請|要求|希望)(?:第三方)?(?:调解|調解)"
        r"|(?:agree to|accept|want|yes to) (?:the )?mediation"
    ),
}
_DENIES = ("不", "没", "沒", "not", "n't")
_NEAR = 4  # characters in front of a wish, of the same clause, in which it can be denied
_CLAUSE_ENDS = re.compile(r"[,.;:!?。、]")

Answer = Confirm | Object | Score


def read(text: str, state: State, message_id: str, now: datetime) -> Sequence[Answer]:
    """Return the commands that a customer's own words amount to in this state of the case; none when they do not."""
    said = _plain(text)
    accepted = Confirm(how="reply", confirmed_at=now, evidence=message_id, scored=said in _SCORES)
    if said in _ACCEPTS:
        return (accepted,)
    if said in _OBJECTS:
        return (Object(reason=""),)
    if said not in _SCORES:
        return ()
    score = _SCORES[said]
    scored = Score(scores={"overall": score})
    if state is not State.REPLIED or score not in (_SATISFIED, _NOT_SATISFIED):
        return (scored,)
    return (scored, accepted if score == _SATISFIED else Object(reason=said))


def wish(text: str, state: State) -> Wish | None:
    """Return what a customer's own words ask a person for, None where they only tell something."""
    said = _plain(text)
    if state in (State.RESOLVED, State.CALLBACK_DONE) and (said in _OBJECTS or _SCORES.get(said) == _NOT_SATISFIED):
        return Wish.ANOTHER_LOOK
    words = _words(text[:_LOOKED_AT])
    return next((one for one, pattern in _WISHES.items() if _wished(pattern, words)), None)


def _wished(pattern: re.Pattern[str], words: str) -> bool:
    found = pattern.search(words)
    if found is None:
        return False
    clause = _CLAUSE_ENDS.split(words[max(0, found.start() - _NEAR) : found.start()])[-1]
    return not any(no in clause for no in _DENIES)


def _plain(text: str) -> str:
    return _words(text) if len(text.strip()) <= _LONGEST else ""


def _words(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text.strip())
    return " ".join(_EDGES.sub("", plain).casefold().replace("’", "'").split())
