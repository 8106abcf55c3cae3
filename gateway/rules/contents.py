"""What each notice has to say (E.1), and what of it an unverified contact may be told (E.2 rule 10). Pure data.

The names are those of a template's variables (docs/reference/notices.md). When a notice is sent is in reactions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.model import NoticeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The variables of one notice.

    `everywhere`: said in every block, to every contact. `in_full`: said in text and html to a verified contact, as far
    as they are given. `to_anybody`: details that an unverified contact may be told beside, for the choice of words.
    """

    everywhere: tuple[str, ...]
    in_full: tuple[str, ...] = ()
    to_anybody: tuple[str, ...] = ()


K = NoticeKind
_WHO = ("bank", "number", "telephone")  # E.2 rule 2
_DATED = (*_WHO, "promised")
_OUTCOME = (
    "findings",
    "cause",
    "measures",
    "improvement",
    "basis",
    "reason",
    "alternative",
    "remedies",
)  # law 19, A096

CONTENTS: Mapping[NoticeKind, Contents] = {
    # until when and by which phone (S1-5-7, A093), the number (S0-6(4)), and who writes (E.2 rule 2)
    K.ACKNOWLEDGEMENT: Contents(everywhere=_DATED, to_anybody=("overdue", "ask_phone")),
    K.BROUGHT_FORWARD: Contents(everywhere=_DATED),  # A.13 rule 8
    K.ANSWER: Contents(everywhere=_WHO, in_full=("answer",)),  # S0-6(3)
    K.INQUIRY_ANSWER: Contents(everywhere=_WHO, in_full=("answer",)),
    K.MERGED: Contents(everywhere=_DATED),  # law 18
    K.INFORMATION_REQUEST: Contents(everywhere=_WHO, in_full=("items", "way")),  # law 13
    K.FIRST_PROGRESS: Contents(everywhere=(*_WHO, "next_contact"), in_full=("progress", "promised")),  # A097, A100
    K.PROGRESS: Contents(everywhere=_DATED, in_full=("done", "waiting", "next"), to_anybody=("overdue",)),  # A099
    K.DAILY_PROGRESS: Contents(everywhere=(*_WHO, "again"), in_full=("done", "waiting", "next")),  # A067
    K.EXTENSION: Contents(everywhere=_DATED, in_full=("old", "reason", "done", "next")),  # A069, law 18
    K.CLOCK_PAUSED: Contents(everywhere=_WHO, in_full=("body", "promised"), to_anybody=("ends",)),  # law 18, 23
    K.OUTCOME_UPHELD: Contents(everywhere=_WHO, in_full=(*_OUTCOME, "amount", "arrival", "account_tail")),  # A101
    K.OUTCOME_REJECTED: Contents(everywhere=_WHO, in_full=_OUTCOME),
    K.LOOKING_AGAIN: Contents(everywhere=_DATED),  # A106
    K.SURVEY: Contents(everywhere=_WHO, to_anybody=("one_way",)),  # A111, A122
    K.CALLBACK_SCRIPT: Contents(everywhere=_WHO, in_full=("measures",)),  # A117
    K.REVIEW_ACCEPTED: Contents(everywhere=(*_WHO, "review")),  # law 20
    K.REVIEW_DECISION: Contents(everywhere=_WHO, in_full=("process", "time_limit", "result", "remedies")),  # law 20
    K.SUGGESTION_REPLY: Contents(everywhere=_WHO, in_full=("reason", "live")),
    K.WITHDRAWN: Contents(everywhere=(*_WHO, "ended")),  # law 15
    K.NOT_FOR_US: Contents(everywhere=_WHO, in_full=("reason", "who_can_help")),  # law 18
    K.MEDIATION_OFFER: Contents(everywhere=_WHO, in_full=("body",)),  # law 23
    K.SECURITY_NOTE: Contents(everywhere=("bank", "telephone"), in_full=("number", "kinds")),  # PIPL 51
    K.CLOSED_UNANSWERED: Contents(everywhere=_WHO),  # A112
    K.CALLBACK_FEEDBACK: Contents(everywhere=_WHO, in_full=("feedback",)),  # A118
    K.STAY_IN_TOUCH: Contents(everywhere=_DATED, to_anybody=("overdue",)),  # S0-9(1)
    K.CONTACT_NOTED: Contents(everywhere=_WHO),  # S0-9(1)
    K.DISPATCH: Contents(everywhere=("number", "level", "flags", "product", "branch", "accept", "promised")),  # A028
    K.NOT_ACCEPTED: Contents(everywhere=("number", "minutes")),  # A055
    K.DEADLINE: Contents(everywhere=("number", "clock", "due", "state", "owner")),  # A077
    K.RED_ALERT: Contents(everywhere=("number", "reason", "flags", "lead", "plan")),  # A053
    K.CLUSTER_ALERT: Contents(everywhere=("number", "flags", "product", "branch")),  # S0-3
    K.ASSIST: Contents(everywhere=("number", "asked", "question", "answer", "meeting")),  # A056
    K.APPROVAL: Contents(everywhere=("number", "decision", "responsibility", "band", "promised")),  # A059, C13
    K.SENT_BACK: Contents(everywhere=("number", "missing", "until")),  # A092
}

STAFF = frozenset(
    {
        K.DISPATCH,
        K.NOT_ACCEPTED,
        K.DEADLINE,
        K.RED_ALERT,
        K.CLUSTER_ALERT,
        K.ASSIST,
        K.APPROVAL,
        K.SENT_BACK,
    }
)
"""Notices to the bank's own people: they say level and flags, never the customer's name, contacts or text (A028)."""

LONG = frozenset(
    kind
    for kind, contents in CONTENTS.items()
    if contents.in_full and kind not in {*STAFF, K.CALLBACK_SCRIPT, K.SECURITY_NOTE}
)
"""Notices whose long form says more than the short one: free text never goes into a text message (E.2 rules 1, 6)."""
