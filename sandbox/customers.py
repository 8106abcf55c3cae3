"""The invented customers of the demonstration: who they are, what they would say. How they reach the bank: lines.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Way(StrEnum):
    """How a customer and the bank reach each other."""

    MAIL = "mail"
    SMS = "sms"
    CALL = "call"
    WECOM = "wecom"  # 微信客服: a chat in WeChat with the bank's WeCom
    WECHAT = "wechat"  # 公众号


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """An invented person with a phone. `samples` are what they would say first, by way, and `in_english` the same."""

    id: str
    name: str
    english: str
    address: str = ""  # of e-mail
    number: str = ""  # E.164
    external_userid: str = ""  # who they are to the bank's 微信客服
    openid: str = ""  # who they are to its 公众号
    samples: Mapping[Way, str]
    in_english: Mapping[Way, str] = field(default_factory=dict)

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways in the order they are offered: the one this customer would take first."""
        return tuple(self.samples)


WANG = Customer(
    id="wang",
    name="王芳",
    english="Wang Fang",
    address="wang.fang@example.com",
    samples={Way.MAIL: "昨晚转账2,000元显示成功，对方一直没收到。"},
)
LI = Customer(
    id="li",
    name="李小明",
    english="Li Xiaoming",
    address="li.xiaoming@example.com",
    samples={Way.MAIL: "信用卡年费80元没提前说，请退。"},
)
ZHAO = Customer(
    id="zhao",
    name="赵奶奶",
    english="Granny Zhao",
    number="+8613800000002",  # no SMS comes back from mainland China: she calls
    samples={Way.CALL: "我去年在你们那儿买的理财。说好保本，现在亏了。亏了三万多，我不懂这些。"},
)
CHAN = Customer(
    id="chan",
    name="陳嘉欣",
    english="Karen Chan",
    number="+85251230001",
    samples={Way.SMS: "信用卡被盗刷3,200元，有人打电话要验证码，验证码是482913，钱就没了。"},
)
SUN = Customer(
    id="sun",
    name="孙立",
    english="Sun Li",
    number="+8613800000003",  # which WeChat does not tell the bank: he has to leave it
    external_userid="wmSunLi00000000000000000000000003",
    samples={Way.WECOM: "我们12个人短信费都被扣两次。"},
    in_english={Way.WECOM: "All twelve of us were charged twice for SMS alerts."},
)
ZHOU = Customer(
    id="zhou",
    name="周婷",
    english="Zhou Ting",
    openid="oZhouTing000000000000000004",
    samples={Way.WECHAT: "理财到期三天了，钱还没到账。"},
)
GUEST = Customer(
    id="guest",
    name="您自己",
    english="Yourself",
    address="you@example.com",
    number="+85251230009",
    external_userid="wmYourself000000000000000000000009",
    openid="oYourself000000000000000009",
    samples={
        Way.WECOM: "贷款提前还清了，这个月又扣了一期。",
        Way.WECHAT: "信用卡还清了，还显示欠3元。",
        Way.SMS: "手机银行缴费扣了两次，一共2,300元。",
        Way.MAIL: "ATM吞了我的卡，两小时没人管。",
        Way.CALL: "客户经理让我买的基金。说是保本的，现在亏了一半。你们要给个说法。",
    },
    in_english={
        Way.WECOM: "I paid my loan off early, and this month you took one more instalment.",
        Way.WECHAT: "I paid my card in full, and it still says that I owe 3 yuan.",
        Way.SMS: "I paid a bill in your app and was charged twice.",
        Way.MAIL: "Your machine kept my card, and for two hours nobody came.",
        Way.CALL: "Your manager sold me a fund. He said it was safe and half of it is lost. I want an answer.",
    },
)
"""Whoever tries it: what goes to an address that nobody else here has, comes to this phone."""
CUSTOMERS: Mapping[str, Customer] = {one.id: one for one in (WANG, LI, ZHAO, CHAN, SUN, ZHOU, GUEST)}


def whose(contact: str) -> Customer:
    """Return the customer with this address, number or WeChat identity, GUEST where nobody has it."""
    name = contact.rpartition("/")[2]  # in 微信客服 the account, too, is a part of who somebody is
    return next((one for one in CUSTOMERS.values() if name and name in _names(one)), GUEST)


def _names(customer: Customer) -> tuple[str, ...]:
    return (customer.address, customer.number, customer.external_userid, customer.openid)
