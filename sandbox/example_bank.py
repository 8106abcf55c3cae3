"""The invented bank of the demonstration: its people, units and routes, and the tokens they use the REST API with."""

from __future__ import annotations

import hashlib
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ADDRESS = "complaints@bank.example.com"
DOMAIN = ADDRESS.partition("@")[2]
GRADER = "m-001"
HOTLINE = "r-001"
HEADS: Mapping[str, str] = {"cards": "u-001", "wealth": "u-002", "retail": "u-003"}
"""Who signs for each unit."""
HANDLERS: Mapping[str, Sequence[str]] = {
    "cards": ("h-101", "h-102"),
    "wealth": ("h-201", "h-202"),
    "retail": ("h-301", "h-302"),
}
CORP, APP_ID = "ww0123456789abcdef", "wx0123456789abcdef"
KF_ACCOUNT, KF_NAME = "wkExampleBank0000000000000000001", "示例银行客服"
CUSTOMERS_APP, STAFF_APP = 1000001, 1000002
"""The apps in its WeCom: one speaks with customers, the other with its own people."""

ROUTING = """
approval_over = 50000

[staff]
r-001 = {name = "钱", roles = ["rep"], email = "r-001@DOMAIN"}
m-001 = {name = "王", roles = ["mgr"], email = "m-001@DOMAIN"}
c-001 = {name = "赵", roles = ["cp"], email = "c-001@DOMAIN", telephone = "010-00000002"}
x-001 = {name = "孙", roles = ["exe"], email = "x-001@DOMAIN", telephone = "010-00000003"}
u-001 = {name = "周", roles = ["uh"], unit = "cards", email = "u-001@DOMAIN"}
h-101 = {name = "陈", roles = ["hnd"], unit = "cards", email = "h-101@DOMAIN", wecom = "chenjing"}
h-102 = {name = "李", roles = ["hnd"], unit = "cards", email = "h-102@DOMAIN", wecom = "lina"}
u-002 = {name = "郑", roles = ["uh"], unit = "wealth", email = "u-002@DOMAIN"}
h-201 = {name = "吴", roles = ["hnd"], unit = "wealth", email = "h-201@DOMAIN", wecom = "wuhao"}
h-202 = {name = "冯", roles = ["hnd"], unit = "wealth", email = "h-202@DOMAIN", wecom = "fengyue"}
u-003 = {name = "卫", roles = ["uh"], unit = "retail", email = "u-003@DOMAIN"}
h-301 = {name = "蒋", roles = ["hnd"], unit = "retail", email = "h-301@DOMAIN", wecom = "jiangtao"}
h-302 = {name = "沈", roles = ["hnd"], unit = "retail", email = "h-302@DOMAIN", wecom = "shenyi"}

[units.cards]
name = "信用卡中心"
head = "u-001"
liaison = "h-101"
deputy = "h-102"
handlers = ["h-101", "h-102"]

[units.wealth]
name = "财富管理部"
head = "u-002"
liaison = "h-201"
deputy = "h-202"
handlers = ["h-201", "h-202"]

[units.retail]
name = "个人金融部"
head = "u-003"
liaison = "h-301"
deputy = "h-302"
handlers = ["h-301", "h-302"]

[[routes]]
product = "credit_card"
unit = "cards"

[[routes]]
product = "wealth"
unit = "wealth"

[[routes]]
unit = "retail"
""".replace("DOMAIN", DOMAIN)

_STAFF: Mapping[str, Mapping[str, Any]] = tomllib.loads(ROUTING)["staff"]
NAMES: Mapping[str, str] = {staff: told["name"] for staff, told in _STAFF.items()}
MEMBERS: Mapping[str, str] = {told["wecom"]: staff for staff, told in _STAFF.items() if "wecom" in told}
"""Who of its people use WeCom: userid and staff number."""

_WORKERS: Mapping[str, tuple[str, str]] = {  # role and unit
    GRADER: ("mgr", ""),
    HOTLINE: ("rep", ""),
    **{head: ("uh", unit) for unit, head in HEADS.items()},
    **{handler: ("hnd", unit) for unit, handlers in HANDLERS.items() for handler in handlers},
}


def make_tokens() -> Mapping[str, str]:
    """Return a new token for everybody who works at the desk of the demonstration."""
    return {staff: secrets.token_urlsafe(24) for staff in _WORKERS}


def settings_of_tokens(tokens: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the `web.tokens` of the settings, which hold only digests."""
    return [
        {
            "name": staff,
            "sha256": hashlib.sha256(token.encode()).hexdigest(),
            "roles": [_WORKERS[staff][0]],
            "staff": staff,
            "unit": _WORKERS[staff][1],
        }
        for staff, token in tokens.items()
    ]


def write_config(folder: Path) -> Path:
    """Write the bank's own rule books into a new folder below; return it."""
    config = folder / "config"
    config.mkdir()
    (config / "routing.toml").write_text(ROUTING, encoding="utf-8")
    return config
