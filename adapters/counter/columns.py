"""The columns of the sheet: header, what may stand there, and how it is explained. Headers are found by their text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from gateway.model import ChannelKind, Demand, IdType, Kind, PreferredChannel, Product, Represents

SHEET = "投诉登记"
EXAMPLE = "示例"
"""The serial of the template's example: a row that has it is never taken in."""
REFERRAL = ("body", "reference", "due")
"""The columns of a regulator's referral (A132)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `limit` counts characters; one with choices takes only those, by their Chinese or stable word."""

    header: str
    chinese: str
    english: str
    required: bool = False
    limit: int = 200
    choices: Mapping[str, StrEnum] = field(default_factory=dict)
    many: bool = False
    cell: str = "@"  # the spreadsheet's number format: text, so that 0012 stays 0012
    width: int = 16
    example: str | date | datetime = ""


COLUMNS: Mapping[str, Column] = {
    "channel": Column(
        header="收到方式",
        required=True,
        chinese="投诉怎样到达本行。系统故障期间的登记表填“离线导入”。",
        english="How it came. Forms filled in while the system was down: 离线导入.",
        choices={
            "网点柜面": ChannelKind.BRANCH_COUNTER,
            "网点意见簿": ChannelKind.OPINION_BOOK,
            "信函": ChannelKind.LETTER,
            "监管转办": ChannelKind.REGULATOR,
            "离线导入": ChannelKind.OFFLINE_IMPORT,
        },
        example="网点意见簿",
    ),
    "received": Column(
        header="收到时间",
        required=True,
        chinese="客户交来或本行收到的真实时间，不是录入时间；期限从此刻起算。只写日期按当天 0 时计。",
        english="When the bank really had it, not when it was typed in: every limit counts from here. A day alone "
        "counts from its first minute. Local time of the bank, unless an offset such as +08:00 is written.",
        cell="yyyy-mm-dd hh:mm",
        width=18,
        example=datetime.fromisoformat("2026-11-23T10:15"),
    ),
    "serial": Column(
        header="原始编号",
        chinese="意见簿页号、登记表号或来文编号，同一网点同一年内不重复。强烈建议填写：重复导入同一行时靠它识别。",
        english="The book's, form's or letter's own serial, unique in a branch and year. Do fill it in: by it a row is "
        "known when the file comes again.",
        limit=100,
        example=EXAMPLE,
    ),
    "kind": Column(
        header="类型",
        chinese="不填按投诉处理。",
        english="Empty means a complaint.",
        choices={"投诉": Kind.COMPLAINT, "建议": Kind.SUGGESTION, "咨询": Kind.INQUIRY},
        width=8,
        example="投诉",
    ),
    "name": Column(
        header="客户姓名", chinese="客户自己写的姓名。", english="As the customer gave it.", limit=100, example="张三"
    ),
    "phone": Column(
        header="联系电话",
        chinese="一个号码，固定电话请带区号。",
        english="One number; a landline with its area code.",
        example="13800000000",
    ),
    "email": Column(header="邮箱", chinese="一个邮箱地址。", english="One address.", limit=254, width=22),
    "address": Column(
        header="通讯地址", chinese="用于寄信答复。", english="Where a letter reaches the customer.", width=26
    ),
    "preferred": Column(
        header="偏好沟通方式",
        chinese="客户希望怎样得到答复；须填相应的联系方式。",
        english="How the customer wants to be told; that contact must be filled in.",
        choices={
            "电话": PreferredChannel.PHONE,
            "短信": PreferredChannel.SMS,
            "电子邮件": PreferredChannel.EMAIL,
            "信函": PreferredChannel.LETTER,
        },
        example="电话",
    ),
    "represents": Column(
        header="身份",
        chinese="客户以什么身份投诉。",
        english="For whom the customer speaks.",
        choices={
            "本人": Represents.SELF,
            "受托人": Represents.AGENT,
            "继承人": Represents.HEIR,
            "监护人": Represents.GUARDIAN,
            "企业": Represents.COMPANY,
            "群体代表": Represents.GROUP_REP,
        },
        width=10,
    ),
    "id_type": Column(
        header="证件类型",
        chinese="只填类型，不要填证件号码。",
        english="The kind of document, never its number.",
        choices={
            "居民身份证": IdType.ID_CARD,
            "护照": IdType.PASSPORT,
            "港澳居民证件": IdType.HK_MO_PERMIT,
            "台湾居民证件": IdType.TW_PERMIT,
            "统一社会信用代码": IdType.USCC,
            "其他": IdType.OTHER,
        },
    ),
    "product": Column(
        header="业务类别",
        chinese="不确定可不填。",
        english="Leave it empty when in doubt.",
        choices={
            "人民币储蓄": Product.DEPOSIT,
            "贷款": Product.LOAN,
            "借记卡": Product.DEBIT_CARD,
            "信用卡": Product.CREDIT_CARD,
            "支付结算": Product.PAYMENT,
            "自营理财": Product.WEALTH,
            "银行代理业务": Product.AGENCY,
            "其他中间业务": Product.OTHER_INTERMEDIARY,
            "外汇": Product.FX,
            "贵金属": Product.PRECIOUS_METAL,
            "国库、国债": Product.TREASURY,
            "人民币管理": Product.RMB,
            "个人金融信息": Product.PERSONAL_INFO,
            "债务催收": Product.COLLECTION,
            "其他": Product.OTHER,
        },
        example="信用卡",
    ),
    "branch": Column(
        header="网点",
        chinese="收到投诉的网点，机构号或名称；网点柜面受理必填。",
        english="The branch that took it, by id or name; required for a visit to a counter (A027).",
        example="示例支行",
    ),
    "receptionist": Column(
        header="接待人工号",
        chinese="谁接待、谁登记；网点柜面受理必填。",
        english="Who took it down, by staff number; required for a visit to a counter (A027).",
        limit=40,
        example="A00001",
    ),
    "occurred": Column(
        header="发生时间", chinese="客户所说的事发时间，可写文字。", english="When it happened, in words."
    ),
    "text": Column(
        header="投诉内容",
        required=True,
        chinese="照客户原话抄录。请勿填写密码、验证码。",
        english="The customer's own words. No passwords, no codes.",
        limit=20_000,
        width=60,
        example="示例：年费80元没有提前告知，请退还。（本行不会导入，可删除）",
    ),
    "demand": Column(
        header="诉求",
        chinese="可填多个，用顿号或分号隔开。",
        english="One or several, with 、 or ; between them.",
        many=True,
        choices={
            "道歉": Demand.APOLOGY,
            "整改": Demand.RECTIFY,
            "赔偿": Demand.COMPENSATE,
            "解释": Demand.EXPLAIN,
            "恢复": Demand.RESTORE,
            "解冻": Demand.RESTORE,
            "退款": Demand.REFUND,
            "其他": Demand.OTHER,
        },
        example="退款",
    ),
    "amount": Column(
        header="涉及金额", chinese="写明币种和单位。", english="With its currency.", limit=100, example="80元"
    ),
    "body": Column(
        header="转办单位",
        chinese="监管转办必填，其他方式不填。",
        english="The regulator that referred it; for 监管转办, and only there.",
    ),
    "reference": Column(
        header="转办文号",
        chinese="监管部门的文号，仅限监管转办。",
        english="The regulator's own reference; for 监管转办 only.",
        limit=100,
    ),
    "due": Column(
        header="转办期限",
        chinese="监管部门要求的日期，仅限监管转办。",
        english="The day the regulator set; for 监管转办 only.",
        cell="yyyy-mm-dd",
    ),
}
