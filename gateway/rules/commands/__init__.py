"""Every command of a complaint's life with its fields: what somebody has to say to make it happen (C.2). Pure.

Fields of type `Words` or `Line` may hold personal data: an event keeps them in its private part. Who may give a
command, and when, is in transitions.py.
"""

from gateway.rules.commands.ending import (
    Archive,
    CloseUnanswered,
    DecideReview,
    GiveFeedback,
    RecordCallback,
    Reopen,
    ReportReferral,
    RequestReview,
    Score,
    Withdraw,
)
from gateway.rules.commands.grading import (
    Accept,
    ClearRedAlert,
    Dispatch,
    Grade,
    HandOver,
    NameContingencyPlan,
    RecordReferral,
    RefuseDispatch,
    Regrade,
    ReportNoRoute,
    Reroute,
)
from gateway.rules.commands.handling import (
    ActFirst,
    AddEvidence,
    AnswerAssist,
    AskCustomer,
    CloseCoordination,
    Coordinate,
    EndAppraisal,
    EndMediation,
    Extend,
    Investigate,
    LookAt,
    Note,
    OfferMediation,
    RecordCall,
    ReportProgress,
    Resume,
    SavePlan,
    StartAppraisal,
    StartMediation,
)
from gateway.rules.commands.intake import (
    AnswerAtOnce,
    AssessSuggestion,
    DecideSuggestion,
    Decline,
    Merge,
    Register,
    SuggestLink,
    Supplement,
    TakeIn,
    TransferOut,
)
from gateway.rules.commands.outcome import (
    Approve,
    Conclude,
    Confirm,
    Escalate,
    Object,
    OutcomeSent,
    ProveExecution,
    Reply,
    ReportUndelivered,
    SendBack,
)
from gateway.rules.commands.payload import adapter, name_of, parts, read
from gateway.rules.commands.timekeeping import Recompute, SoundAlarm

Command = (
    Register | Supplement | SuggestLink | AnswerAtOnce | Merge | TakeIn | Decline | TransferOut | AssessSuggestion
    | DecideSuggestion | Grade | Regrade | NameContingencyPlan | ClearRedAlert | Dispatch | Accept | Reroute
    | RefuseDispatch | ReportNoRoute | HandOver | RecordReferral
    | Investigate | AskCustomer | Resume | Coordinate | AnswerAssist | CloseCoordination | StartAppraisal
    | EndAppraisal | OfferMediation | StartMediation | EndMediation | Extend | AddEvidence | SavePlan | ReportProgress
    | ActFirst | Note | LookAt | RecordCall | Conclude | Approve | SendBack | Reply | OutcomeSent | Confirm | Object
    | ReportUndelivered | Escalate | ProveExecution | RequestReview | DecideReview | RecordCallback | GiveFeedback
    | Score | CloseUnanswered | ReportReferral | Archive | Withdraw | Reopen | SoundAlarm | Recompute
)  # fmt: skip

__all__ = [
    "Accept",
    "ActFirst",
    "AddEvidence",
    "AnswerAssist",
    "AnswerAtOnce",
    "Approve",
    "Archive",
    "AskCustomer",
    "AssessSuggestion",
    "ClearRedAlert",
    "CloseCoordination",
    "CloseUnanswered",
    "Command",
    "Conclude",
    "Confirm",
    "Coordinate",
    "DecideReview",
    "DecideSuggestion",
    "Decline",
    "Dispatch",
    "EndAppraisal",
    "EndMediation",
    "Escalate",
    "Extend",
    "GiveFeedback",
    "Grade",
    "HandOver",
    "Investigate",
    "LookAt",
    "Merge",
    "NameContingencyPlan",
    "Note",
    "Object",
    "OfferMediation",
    "OutcomeSent",
    "ProveExecution",
    "Recompute",
    "RecordCall",
    "RecordCallback",
    "RecordReferral",
    "RefuseDispatch",
    "Register",
    "Regrade",
    "Reopen",
    "Reply",
    "ReportNoRoute",
    "ReportProgress",
    "ReportReferral",
    "ReportUndelivered",
    "RequestReview",
    "Reroute",
    "Resume",
    "SavePlan",
    "Score",
    "SendBack",
    "SoundAlarm",
    "StartAppraisal",
    "StartMediation",
    "SuggestLink",
    "Supplement",
    "TakeIn",
    "TransferOut",
    "Withdraw",
    "adapter",
    "name_of",
    "parts",
    "read",
]
