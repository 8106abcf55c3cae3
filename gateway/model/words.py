"""Every list of values a field may hold. They are the same words in Python, SQL and JSON.

The Chinese terms are in docs/reference/glossary.md.
"""

from __future__ import annotations

from enum import StrEnum


class ChannelKind(StrEnum):
    """How the customer came (来源渠道)."""

    HOTLINE = "hotline"
    APP = "app"
    NETBANK = "netbank"
    WEB_FORM = "web_form"
    EMAIL = "email"
    SMS = "sms"
    WECOM = "wecom"
    WECHAT = "wechat"
    BRANCH_COUNTER = "branch_counter"
    OPINION_BOOK = "opinion_book"
    LETTER = "letter"
    REGULATOR = "regulator"
    MEDIA_MONITOR = "media_monitor"
    OFFLINE_IMPORT = "offline_import"


class Kind(StrEnum):
    """投诉 / 建议 / 咨询 (A005)."""

    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"
    INQUIRY = "inquiry"


class Level(StrEnum):
    """一般 / 重要 / 重大 (S0-3). Internal: it never appears in a customer message."""

    GENERAL = "general"
    IMPORTANT = "important"
    MAJOR = "major"


class State(StrEnum):
    """Where a complaint stands (状态, C.1). `received` is missing: it is one commit with `registered`."""

    REGISTERED = "registered"
    TRIAGED = "triaged"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    INVESTIGATING = "investigating"
    NEED_INFO = "need_info"
    COORDINATING = "coordinating"
    APPRAISAL = "appraisal"
    MEDIATION = "mediation"
    CONCLUDED = "concluded"
    REWORK = "rework"
    APPROVED = "approved"
    REPLIED = "replied"
    RESOLVED = "resolved"
    UNSATISFIED = "unsatisfied"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    REVIEW = "review"
    CALLBACK_DONE = "callback_done"
    CLOSED = "closed"
    ARCHIVED = "archived"
    SUGGESTION_REVIEW = "suggestion_review"
    ANSWERED = "answered"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    NOT_HANDLED = "not_handled"
    TRANSFERRED_OUT = "transferred_out"


class Role(StrEnum):
    """Who may do what (C.2)."""

    SYS = "sys"  # the gateway itself
    REP = "rep"  # 客服代表 (首问)
    MGR = "mgr"  # 客户意见管理岗
    HND = "hnd"  # 客户意见处理岗
    UH = "uh"  # 责任单位负责人
    EXE = "exe"  # 分管行领导
    CP = "cp"  # 消保部
    LEG = "leg"  # 法务合规
    PR = "pr"  # 公关
    FIN = "fin"  # 财务运营
    CB = "cb"  # 回访专员
    RL = "rl"  # 监管联络人
    AUD = "aud"  # 审计
    CUS = "cus"  # the customer


class Nature(StrEnum):
    """性质 (A042)."""

    COMPLIANCE = "compliance"
    SERVICE = "service"
    TECHNICAL = "technical"


class Flag(StrEnum):
    """What is special about a complaint (B.4). Internal: none appears in a customer message (E.2 rule 1)."""

    URGENT = "urgent"
    REPEAT = "repeat"
    CLUSTER = "cluster"
    GROUP = "group"
    DIRECT = "direct"  # 直接投诉: the customer went over the handler's head (A026)
    REGULATOR_THREAT = "regulator_threat"
    REGULATOR_REFERRAL = "regulator_referral"
    MEDIA_THREAT = "media_threat"
    MEDIA = "media"
    LEGAL_THREAT = "legal_threat"
    SAFETY = "safety"
    LARGE_LOSS = "large_loss"
    PRIVACY = "privacy"
    FRAUD = "fraud"
    VULNERABLE = "vulnerable"


class Finding(StrEnum):
    """核查结论."""

    SUBSTANTIATED = "substantiated"
    PARTLY = "partly"
    NOT_SUBSTANTIATED = "not_substantiated"
    UNDETERMINED = "undetermined"


class FindingType(StrEnum):
    """责任认定 (A087)."""

    VIOLATION = "violation"
    WORK_ERROR = "work_error"
    PRODUCT_ISSUE = "product_issue"
    SYSTEM_FAULT = "system_fault"
    CUSTOMER_MISUNDERSTANDING = "customer_misunderstanding"
    THIRD_PARTY = "third_party"


class Result(StrEnum):
    """处理结果 (B.5 `outcome`)."""

    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    REJECTED_WITH_BASIS = "rejected_with_basis"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"
    NOT_HANDLED = "not_handled"
    ANSWERED = "answered"
    ADOPTED = "adopted"
    NOT_ADOPTED = "not_adopted"


class EvidenceType(StrEnum):
    """证据 (B.3)."""

    SCREENSHOT = "screenshot"
    VOUCHER = "voucher"
    CONTRACT = "contract"
    RECORDING = "recording"
    VIDEO = "video"
    LOG = "log"
    INTERVIEW = "interview"
    APPRAISAL = "appraisal"


class ClockName(StrEnum):
    """What is timed (C.3)."""

    REGISTER = "register"
    TRIAGE = "triage"
    ACCEPT = "accept"
    FIRST_CONTACT = "first_contact"
    PRELIM_PLAN = "prelim_plan"
    RESOLVE = "resolve"
    INQUIRY = "inquiry"
    PROMISED = "promised"
    LEGAL = "legal"
    DAILY = "daily"
    ASSIST = "assist"
    MEETING = "meeting"
    CONFIRM = "confirm"
    EXECUTION = "execution"
    CALLBACK = "callback"
    FEEDBACK = "feedback"
    REFERRAL = "referral"
    REVIEW = "review"
    DISPUTE = "dispute"
    APPROVAL = "approval"
    ACT = "act"
    EVIDENCE = "evidence"
    OUTCOME = "outcome"
    REMEDY = "remedy"
    SURVEY = "survey"
    FOLLOW_UP_ANSWER = "follow_up_answer"
    FINAL_FOLLOW_UP = "final_follow_up"
    NEXT_CONTACT = "next_contact"
    READ = "read"
    REACH = "reach"


class Wish(StrEnum):
    """What a customer's message asks for that only a person can do: the words in which staff hears of it (N26)."""

    WITHDRAWAL = "wants_to_withdraw"
    MEDIATION = "wants_mediation"
    ANOTHER_LOOK = "not_satisfied"


class EventKind(StrEnum):
    """What can happen to a complaint, in the past tense."""

    OPENED = "opened"
    SUPPLEMENTED = "supplemented"  # the customer added to it
    LINK_SUGGESTED = "link_suggested"  # its sender quoted another complaint's number
    ANSWERED = "answered"
    MERGED = "merged"
    DECLINED = "declined"
    TRANSFERRED_OUT = "transferred_out"
    GRADED = "graded"
    REGRADED = "regraded"
    DISPATCHED = "dispatched"
    NO_ROUTE = "no_route"
    ACCEPTED = "accepted"
    REROUTED = "rerouted"
    DISPATCH_REFUSED = "dispatch_refused"  # the unit says it is not responsible
    HANDED_OVER = "handed_over"
    INVESTIGATION_BEGUN = "investigation_begun"
    INFORMATION_REQUESTED = "information_requested"
    RESUMED = "resumed"
    COORDINATION_OPENED = "coordination_opened"
    ASSIST_ANSWERED = "assist_answered"
    COORDINATION_CLOSED = "coordination_closed"
    APPRAISAL_STARTED = "appraisal_started"
    APPRAISAL_ENDED = "appraisal_ended"
    MEDIATION_OFFERED = "mediation_offered"
    MEDIATION_STARTED = "mediation_started"
    MEDIATION_ENDED = "mediation_ended"
    EXTENDED = "extended"
    EVIDENCE_ADDED = "evidence_added"
    PLAN_SAVED = "plan_saved"
    CONTINGENCY_PLANNED = "contingency_planned"
    PROGRESS_REPORTED = "progress_reported"
    CONCLUDED = "concluded"
    APPROVED = "approved"
    SENT_BACK = "sent_back"
    REPLIED = "replied"
    OUTCOME_SENT = "outcome_sent"
    UNDELIVERED = "undelivered"
    CONFIRMED = "confirmed"
    OBJECTED = "objected"
    ESCALATED = "escalated"
    EXECUTION_PROVED = "execution_proved"
    REVIEW_REQUESTED = "review_requested"
    REVIEW_DECIDED = "review_decided"
    CALLED_BACK = "called_back"
    FEEDBACK_GIVEN = "feedback_given"
    SCORED = "scored"
    CLOSED_UNANSWERED = "closed_unanswered"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"
    SUGGESTION_ASSESSED = "suggestion_assessed"
    SUGGESTION_DECIDED = "suggestion_decided"
    REFERRAL_RECORDED = "referral_recorded"
    REFERRAL_REPORTED = "referral_reported"
    TAKEN_IN = "taken_in"
    REOPENED = "reopened"
    RED_ALERT_CLEARED = "red_alert_cleared"
    ACTED_FIRST = "acted_first"
    NOTED = "noted"
    CALL_RECORDED = "call_recorded"
    UNMASKED = "unmasked"  # somebody looked at the customer's own data
    ALARM_SOUNDED = "alarm_sounded"
    DATES_RECOMPUTED = "dates_recomputed"


class Language(StrEnum):
    """The language a customer is answered in."""

    ZH_HANS = "zh-Hans"
    ZH_HANT = "zh-Hant"
    EN = "en"


class ContactType(StrEnum):
    """What kind of address a contact is; each is served by at most one sender."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    EMAIL = "email"
    WECOM = "wecom"
    WECHAT = "wechat"
    ADDRESS = "address"
    WEBHOOK = "webhook"  # a unit's own system (工单系统), by the name of its endpoint
    STREAM = "stream"  # the same, by the name of its stream
    WECOM_STAFF = "wecom_staff"  # one of the bank's people in its own WeCom, by their userid


CHATS = {
    ChannelKind.SMS: ContactType.MOBILE,
    ChannelKind.WECOM: ContactType.WECOM,
    ChannelKind.WECHAT: ContactType.WECHAT,
}
"""Where messages are a conversation, without threads; and the contact by which who writes there is known."""


class MachineKind(StrEnum):
    """Why a mail is machine mail: recorded with its class, never numbered, never answered (RFC 3834)."""

    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LIST = "list"
    LOOP = "loop"
    COLLEAGUE = "colleague"  # somebody of the bank wrote to the customer in the channel's own program
    CONVERSATION = "conversation"  # the provider tells of the conversation itself: recalled, handed over, ended


class Outcome(StrEnum):
    """What became of one inbound event."""

    OPENED = "opened"  # a complaint with a number of its own
    JOINED = "joined"  # added to the sender's own open complaint
    PENDING_LINK = "pending_link"  # quoted somebody else's complaint: opened apart, the link waits for a person
    DUPLICATE = "duplicate"  # a copy of something already held
    MACHINE = "machine"  # recorded, never answered
    RECORDED = "recorded"  # a delivery receipt or a consent: kept, opens nothing
    HEARD = "heard"  # a bell: what it rang for is fetched
    DONE = "done"  # an answer: what was chosen is done
    REFUSED = "refused"  # an answer: it cannot be done, or not by them
    QUARANTINED = "quarantined"  # could not be read or stored as sent: numbered, raw bytes kept, waits for a person


class Product(StrEnum):
    """业务类别 (B.3): the labels of JR/T 0169-2018; a channel such as mobile banking is none of them."""

    DEPOSIT = "deposit"
    LOAN = "loan"
    DEBIT_CARD = "debit_card"
    CREDIT_CARD = "credit_card"
    PAYMENT = "payment"
    WEALTH = "wealth"
    AGENCY = "agency"
    OTHER_INTERMEDIARY = "other_intermediary"
    FX = "fx"
    PRECIOUS_METAL = "precious_metal"
    TREASURY = "treasury"
    RMB = "rmb"
    PERSONAL_INFO = "personal_info"
    COLLECTION = "collection"
    OTHER = "other"


class Demand(StrEnum):
    """诉求 (A009, B.3)."""

    APOLOGY = "apology"
    RECTIFY = "rectify"
    COMPENSATE = "compensate"
    EXPLAIN = "explain"
    RESTORE = "restore"
    REFUND = "refund"
    OTHER = "other"


class IdType(StrEnum):
    """证件类型: the type, never the number (A007)."""

    ID_CARD = "id_card"
    PASSPORT = "passport"
    HK_MO_PERMIT = "hk_mo_permit"
    TW_PERMIT = "tw_permit"
    USCC = "uscc"
    OTHER = "other"


class Represents(StrEnum):
    """身份: for whom the customer speaks (B.2, law 12-14)."""

    SELF = "self"
    AGENT = "agent"
    HEIR = "heir"
    GUARDIAN = "guardian"
    COMPANY = "company"
    GROUP_REP = "group_rep"


class PreferredChannel(StrEnum):
    """偏好沟通方式 (B.2, S0-9(1)): how the customer asks to be told."""

    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    APP = "app"
    WECOM = "wecom"
    WECHAT = "wechat"
    LETTER = "letter"


class NoticeKind(StrEnum):
    """What a notice is for; the ids are those of the notice list (docs/reference/notices.md)."""

    ACKNOWLEDGEMENT = "n01"  # 受理告知
    BROUGHT_FORWARD = "n01c"  # 提前告知
    ANSWER = "n03"  # 即时答复
    MERGED = "n04"  # 合并办理
    INFORMATION_REQUEST = "n05"  # 补充材料
    FIRST_PROGRESS = "n06"  # 首次进展
    PROGRESS = "n07"  # 进展
    DAILY_PROGRESS = "n08"  # 每日进展
    EXTENSION = "n09"  # 延期告知
    CLOCK_PAUSED = "n10"  # 期间不计入
    OUTCOME_UPHELD = "n11"  # 结果 (支持)
    OUTCOME_REJECTED = "n12"  # 结果 (不支持)
    LOOKING_AGAIN = "n13"  # 重新核查
    SURVEY = "n14"  # 满意度调查
    CALLBACK_SCRIPT = "n15"  # 回访话术
    REVIEW_ACCEPTED = "n16"  # 核查申请受理
    REVIEW_DECISION = "n17"  # 核查决定
    SUGGESTION_REPLY = "n18"  # 建议答复
    INQUIRY_ANSWER = "n19"  # 咨询答复
    WITHDRAWN = "n20"  # 撤回确认
    NOT_FOR_US = "n21"  # 不予办理 / 移交
    MEDIATION_OFFER = "n22"  # 调解建议
    SECURITY_NOTE = "n23"  # 安全提示
    DISPATCH = "n24"  # 派单
    NOT_ACCEPTED = "n25"  # 接单催办
    DEADLINE = "n26"  # 临期 / 超期督办
    RED_ALERT = "n27"  # 红色预警
    CLUSTER_ALERT = "n28"  # 聚类 / 群体预警
    ASSIST = "n29"  # 协同
    APPROVAL = "n34"  # 审批
    SENT_BACK = "n35"  # 退回整改
    CLOSED_UNANSWERED = "n36"  # 办结告知
    CALLBACK_FEEDBACK = "n37"  # 回访反馈
    STAY_IN_TOUCH = "n38"  # 保持联系
    CONTACT_NOTED = "n39"  # 登记联系方式


class NoticeState(StrEnum):
    """The one word that says whether the recipient has been told."""

    SENDING = "sending"
    SENT = "sent"
    NO_CHANNEL = "no_channel"  # waits for a sender to be configured
    TO_CALL = "to_call"  # no written way reaches the customer: a person calls (A102, law 21)
    NO_CONTACT = "no_contact"  # the customer left no way to reply: a person must look
    DEAD = "dead"  # every contact failed: a person must look


class DeliveryState(StrEnum):
    """One try by one contact. `sent` means handed over to the provider, not delivered (E.2 rule 9)."""

    QUEUED = "queued"
    UNKNOWN = "unknown"  # the provider may have it
    SENT = "sent"
    FAILED = "failed"  # given up
    DELIVERED = "delivered"  # so says the provider
    READ = "read"  # so says the provider
    UNDELIVERED = "undelivered"  # handed over, and the provider says it did not arrive


class DeliveryStatus(StrEnum):
    """What a provider says became of a message it was handed (送达状态)."""

    ACCEPTED = "accepted"  # on its way
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"


class Speaker(StrEnum):
    """Who speaks in a turn of a call (说话人)."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class AttemptOutcome(StrEnum):
    SENT = "sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
