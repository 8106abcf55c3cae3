"""Five lives of a complaint, played through the real core on a real SQLite file: docs/reference/stories.md.

The clock is set, people and texts are fixed, so the page is the same every time. How it is written is in chronicle.py.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateway.model import (
    ChannelKind,
    Compensation,
    Contact,
    ContactType,
    EvidenceType,
    Finding,
    FindingType,
    Flag,
    Improvement,
    Kind,
    Level,
    Nature,
    Product,
    Result,
)
from gateway.rules import commands
from gateway.storage import schema
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.bank import Gateway, directory
from tests.chronicle import ZONE, Chronicle
from tests.factories import Clock, email_contact

PEOPLE = directory({"cards": "信用卡中心", "it": "科技部"}, [{"unit": "cards"}])
HANDLER, HEAD, SECOND = "cards-h1", "cards-head", "cards-liaison"
EMAIL = email_contact("li@example.com", verified=True)
MOBILE = Contact(type=ContactType.MOBILE, value="+8613800000001", verified=True)
HASH = "0" * 64

Life = Callable[[Chronicle], Awaitable[None]]


def _grade(level: Level, *, flags: frozenset[Flag] = frozenset(), reason: str = "") -> commands.Grade:
    return commands.Grade(
        kind=Kind.COMPLAINT,
        nature=Nature.SERVICE,
        level=level,
        flags=flags,
        product=Product.CREDIT_CARD,
        branch="朝阳支行",
        reason=reason,
    )


def _investigate(direction: str, next_contact: str) -> commands.Investigate:
    at = datetime.fromisoformat(next_contact).replace(tzinfo=ZONE)
    return commands.Investigate(direction=direction, next_contact_at=at)


def _evidence(id: str, description: str, type: EvidenceType = EvidenceType.LOG) -> commands.AddEvidence:
    return commands.AddEvidence(id=id, type=type, sha256=HASH, description=description)


def _upheld(until: date, paid: Compensation | None, **words: str) -> commands.Conclude:
    return commands.Conclude(
        finding=Finding.SUBSTANTIATED,
        finding_type=FindingType.WORK_ERROR,
        result=Result.UPHELD,
        findings=words["findings"],
        cause=words["cause"],
        measures=words["measures"],
        improvement=Improvement(
            measure=words["improvement"], owner="科技部", due=until, verification="连续两周没有同类投诉"
        ),
        feedback_plan="用客户选择的方式告知",
        evidence=("e1",),
        compensation=paid,
    )


def _rejected(*evidence: str, reason: str) -> commands.Conclude:
    return commands.Conclude(
        finding=Finding.NOT_SUBSTANTIATED,
        finding_type=FindingType.CUSTOMER_MISUNDERSTANDING,
        result=Result.REJECTED_WITH_BASIS,
        findings="这笔年费按约定收取，账单和短信都提前告知过",
        cause="激活短信里写明了年费，客户没有留意",
        measures="向您逐条解释年费的约定",
        improvement=Improvement(
            measure="激活短信把年费放在第一句", owner="信用卡中心", due=date(2026, 12, 11), verification="新短信已上线"
        ),
        feedback_plan="用客户选择的方式告知",
        evidence=evidence,
        basis=("《信用卡领用合约》第12条",),
        reason=reason,
        alternative="全年刷卡满五次，可以免次年年费",
    )


async def ordinary(c: Chronicle) -> None:
    """一般. A double charge, found and paid back; the customer accepts, is called back, and says one more thing."""
    await c.at("2026-11-23 10:15")
    text = "手机银行缴费扣了两次，共2300元，请退回一笔"
    await c.writes(text, channel=ChannelKind.APP, from_name="李四", contacts=(EMAIL, MOBILE))
    await c.at("2026-11-23 10:40")
    await c.does(_grade(Level.GENERAL), "mgr")
    await c.at("2026-11-23 11:05")
    await c.does(commands.Accept(), HANDLER)
    await c.does(_investigate("核对这笔缴费的交易流水", "2026-11-24 17:00"), HANDLER)
    await c.at("2026-11-24 15:00")
    await c.does(_evidence("e1", "缴费流水，两笔相隔40秒"), HANDLER)
    conclusion = _upheld(
        date(2026, 11, 27),
        Compensation(amount="1150.00", currency="CNY", arrival=date(2026, 11, 26), account_tail="6789"),
        findings="同一笔缴费提交了两次，多扣1150元",
        cause="系统超时后重复提交",
        measures="多扣的钱原路退回",
        improvement="提交前检查是否重复",
    )
    await c.does(conclusion, HANDLER)
    await c.at("2026-11-24 16:00")
    await c.does(commands.Approve(), HEAD)
    await c.at("2026-11-24 16:10")
    await c.does(commands.Reply(), HANDLER)
    await c.at("2026-11-25 09:30")
    await c.writes("认可")
    await c.at("2026-11-26 14:00")
    await c.does(_evidence("e2", "退款凭证", EvidenceType.VOUCHER), "fin")
    executed_at = datetime(2026, 11, 26, 5, 50, tzinfo=UTC)
    await c.does(commands.ProveExecution(evidence="e2", executed_at=executed_at), "fin")
    await c.at("2026-11-30 10:00")
    await c.calls("cb", proof="录音 1130-07")
    scores = {"overall": 5, "efficiency": 5, "quality": 4, "attitude": 5, "process": 4}
    await c.does(commands.RecordCallback(solved=True, scores=scores, remarks="希望扣款短信写明商户"), "cb")
    await c.at("2026-12-02 11:00")
    await c.does(commands.GiveFeedback(text="从下个月起，扣款短信会写明商户名称"), "cb")
    await c.at("2026-12-07 10:00")
    await c.does(commands.Archive(), "mgr")


async def major(c: Chronicle) -> None:
    """重大. A journalist has called: red alert, a plan within a day, news every day, two signatures, a case report."""
    await c.at("2026-11-24 09:05")
    text = "存折少了30万，柜台说查不到，我已经找了记者"
    await c.writes(text, channel=ChannelKind.APP, from_name="王芳", contacts=(EMAIL,))
    await c.at("2026-11-24 09:20")
    await c.does(_grade(Level.MAJOR, flags=frozenset({Flag.MEDIA, Flag.LARGE_LOSS}), reason="有记者来电核实"), "mgr")
    await c.at("2026-11-24 09:25")
    await c.calls("mgr", proof="已电话告知")
    await c.at("2026-11-24 09:35")
    await c.does(commands.Accept(), HANDLER)
    await c.does(_investigate("调取账户流水和柜台录像", "2026-11-24 17:00"), HANDLER)
    await c.at("2026-11-24 11:00")
    meeting = datetime(2026, 11, 24, 14, 0, tzinfo=ZONE)
    await c.does(commands.Coordinate(units=("it",), question="请核对11月20日的系统日志", meeting_at=meeting), HANDLER)
    await c.at("2026-11-24 15:30")
    await c.does(commands.AnswerAssist(unit="it", answer="当日批量入账失败，30万元在过渡账户"), "it-liaison")
    await c.does(commands.CloseCoordination(minutes="会议确认：钱在过渡账户，今天补入"), HANDLER)
    await c.does(
        commands.SavePlan(
            plan="今天补入30万元，明天起逐户核对同批次", told="今天先把30万元补入您的账户，明天起核对同批次的其他账户"
        ),
        HANDLER,
    )
    await c.at("2026-11-24 17:00")
    progress = commands.ReportProgress(done="已经找到这30万元，今天补入账户", waiting="", next="明天核对利息")
    await c.does(progress, HANDLER)
    await c.at("2026-11-26 10:00")  # the next day nobody wrote: the alarms of 16:00 and of the day's end sounded
    await c.does(
        commands.ReportProgress(done="30万元和利息已经入账", waiting="等科技部的报告", next="今天给您书面答复"), HANDLER
    )
    await c.does(_evidence("e1", "过渡账户流水"), HANDLER)
    conclusion = _upheld(
        date(2026, 12, 4),
        None,
        findings="11月20日批量入账失败，30万元停在过渡账户",
        cause="批量失败后没有人核对",
        measures="本金和利息已经全部入账",
        improvement="批量失败当天自动报警",
    )
    await c.does(conclusion, HANDLER)
    await c.at("2026-11-26 11:00")
    await c.does(commands.Approve(), HEAD)
    await c.at("2026-11-26 11:20")
    await c.does(commands.Approve(), "cp")
    await c.does(commands.Reply(), HANDLER)
    await c.at("2026-11-26 15:00")
    await c.writes("认可", from_name="王芳")
    await c.at("2026-12-04 15:00")
    await c.does(_evidence("e2", "报警上线记录"), "fin")
    await c.does(commands.ProveExecution(evidence="e2", executed_at=c.clock()), "fin")
    await c.at("2026-12-07 15:00")
    await c.does(commands.ClearRedAlert(reason="已解决，媒体没有报道", agreed_by="cp"), "mgr")
    await c.does(commands.RecordCallback(solved=True, scores={"overall": 4}), "cb")
    await c.at("2026-12-14 10:00")
    report = "案例分析报告：批量失败没有报警"
    await c.does(commands.Archive(root_cause="批量失败没有报警", case_report=report), "mgr")


async def extended(c: Chronicle) -> None:
    """延期. Another bank has to answer first: the date moves before it has passed; the customer does not reply."""
    await c.at("2026-11-25 11:00")
    text = "跨行转账2,000元成功了，对方没收到"
    await c.writes(text, channel=ChannelKind.APP, from_name="张伟", contacts=(EMAIL, MOBILE))
    await c.at("2026-11-25 11:30")
    await c.does(_grade(Level.GENERAL), "mgr")
    await c.at("2026-11-25 11:40")
    await c.does(commands.Accept(), HANDLER)
    await c.does(_investigate("核对转账流水，请收款行协查", "2026-11-26 17:00"), HANDLER)
    await c.at("2026-11-27 09:30")
    ask = commands.AskCustomer(items=("收款人账户当天的明细截图",), way="回复这封邮件", bank_has_none=True)
    await c.does(ask, HANDLER)
    await c.at("2026-11-27 20:15")
    await c.writes("截图见附件，当天没有入账", from_name="张伟")
    await c.at("2026-11-30 10:00")
    extension = commands.Extend(
        until=date(2026, 12, 7),
        reason_internal="收款行五个工作日内答复",
        reason="收款行还没有答复",
        done="已经确认钱从本行转出",
        next="收到答复后当天告诉您",
    )
    await c.does(extension, HEAD)
    await c.at("2026-12-04 10:00")
    await c.does(_evidence("e1", "收款行回函"), HANDLER)
    conclusion = _upheld(
        date(2026, 12, 8),
        Compensation(amount="2000.00", currency="CNY", arrival=date(2026, 12, 7), account_tail="4321"),
        findings="户名少写一个字，收款行退回时没有通知",
        cause="退回的钱停在本行的待处理账户",
        measures="2000元退回原账户",
        improvement="退汇当天短信通知",
    )
    await c.does(conclusion, HANDLER)
    await c.at("2026-12-04 11:00")
    await c.does(commands.SendBack(missing="补上待处理账户的流水", until=date(2026, 12, 4)), HEAD)
    await c.at("2026-12-04 14:00")
    await c.does(commands.Resume(note="已补流水"), HANDLER)
    await c.does(conclusion, HANDLER)
    await c.at("2026-12-04 15:00")
    await c.does(commands.Approve(), HEAD)
    await c.does(commands.Reply(), HANDLER)
    await c.at("2026-12-07 15:00")
    await c.does(_evidence("e2", "退款凭证", EvidenceType.VOUCHER), "fin")
    await c.does(commands.ProveExecution(evidence="e2", executed_at=c.clock()), "fin")
    await c.at("2026-12-21 10:00")
    await c.does(commands.Archive(), "mgr")


async def rejected(c: Chronicle) -> None:
    """不支持, 核查. Refused with its basis, looked at again by another person, and reviewed by the superior branch."""
    await c.at("2026-11-26 14:00")
    text = "年费80元没提前说，请退"
    await c.writes(text, channel=ChannelKind.APP, from_name="陈静", contacts=(EMAIL,))
    await c.at("2026-11-26 14:30")
    await c.does(_grade(Level.GENERAL), "mgr")
    await c.at("2026-11-26 14:45")
    await c.does(commands.Accept(), HANDLER)
    await c.does(_investigate("核对合约和告知记录", "2026-11-27 17:00"), HANDLER)
    await c.at("2026-11-27 10:00")
    await c.does(_evidence("e1", "领用合约签字页", EvidenceType.CONTRACT), HANDLER)
    await c.does(_rejected("e1", reason="您在申请卡片时签过合约，里面写明了年费"), HANDLER)
    await c.at("2026-11-27 11:00")
    await c.does(commands.Approve(), HEAD)
    await c.does(commands.Reply(), HANDLER)
    await c.at("2026-11-27 16:20")
    await c.writes("不认可", from_name="陈静")
    await c.at("2026-11-30 09:30")
    await c.does(_investigate("由另一位同事重新核对短信记录", "2026-11-30 17:00"), SECOND)
    await c.does(_evidence("e2", "激活短信发送记录"), SECOND)
    await c.at("2026-12-01 10:00")
    await c.does(_rejected("e1", "e2", reason="激活短信里写明了年费，短信显示送达"), SECOND)
    await c.at("2026-12-01 11:00")
    await c.does(commands.Approve(), HEAD)
    await c.does(commands.Reply(), SECOND)
    await c.at("2026-12-03 10:00")
    await c.does(commands.RequestReview(received_at=c.clock(), superior="分行"), "mgr")
    await c.at("2026-12-11 10:00")
    await c.does(_evidence("e3", "新短信的上线记录"), "fin")
    await c.does(commands.ProveExecution(evidence="e3", executed_at=c.clock()), "fin")
    await c.at("2026-12-16 15:00")
    decision = commands.DecideReview(
        process="处理程序符合规定，由两位同事先后核查",
        time_limit="两次答复都在承诺的日期之前",
        result="维持原处理结果；同意按活动规则减免次年年费",
        upheld=True,
    )
    await c.does(decision, "cp")
    await c.at("2026-12-28 10:00")
    await c.does(commands.Archive(), "mgr")


async def withdrawn(c: Chronicle) -> None:
    """撤回. The money has come back, and nobody need look into it any more: it ends the same day (law 15)."""
    await c.at("2026-11-27 19:40")
    text = "取款机吞了500元，没有出钞"
    await c.writes(text, channel=ChannelKind.EMAIL, from_name="刘洋", contacts=(email_contact("li@example.com"),))
    await c.at("2026-11-27 20:05")
    await c.does(_grade(Level.GENERAL), "mgr")
    await c.at("2026-11-27 20:20")
    await c.does(commands.Accept(), HANDLER)
    await c.at("2026-11-28 10:30")
    await c.does(commands.RecordCall(reached=True, proof="客户来电：钱当晚已退回，要求撤回"), "rep")
    await c.does(commands.Withdraw(request="钱已经退回来了，不用查了"), "rep")
    await c.at("2026-12-07 10:00")
    await c.does(commands.Archive(), "mgr")


LIVES: Mapping[str, Life] = {
    "Ordinary": ordinary,
    "Major": major,
    "Extended": extended,
    "Rejected, reviewed": rejected,
    "Withdrawn": withdrawn,
}
HEAD_OF_PAGE = """# Five complaints, from the first word to the last

Every message the customer got (✉) and every ticket the bank's people got (▸), in order, as the gateway rendered and
sent them. Written by `python -m tests.pages`, which plays these lives through the real core; a test fails when the page
is stale. Times are Shanghai's. In brackets is the row of the [lifecycle](lifecycle.md) or the clause behind it; what
every notice says, and when, is in [notices](notices.md). Messages to the customer are shown whole, tickets in their
short form, each with the short English form below. The people and the bank are invented.
"""


async def told(life: Life) -> Sequence[str]:
    """Play a life on a database of its own; return it as lines of Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/huiyin.db"
        await schema.migrate(url)
        vault, clock = Vault.create(Path(folder) / "huiyin.keys"), Clock()
        async with SqliteStorage.open(url, vault) as storage:
            chronicle = Chronicle(Gateway(storage=storage, vault=vault, now=clock, directory=PEOPLE), clock)
            await life(chronicle)
            await chronicle.at(f"{(clock() + timedelta(days=40)).astimezone(ZONE):%Y-%m-%d} 00:00")
            return await chronicle.page()


def stories_page() -> str:
    """Return docs/reference/stories.md."""
    lines = [HEAD_OF_PAGE]
    for title, life in LIVES.items():
        lines += [f"## {title}", "", (life.__doc__ or "").strip(), "", *asyncio.run(told(life))]
    return "\n".join(lines).rstrip() + "\n"
