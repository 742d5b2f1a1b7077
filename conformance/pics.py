"""The questionnaire: what an implementation supports, and its addresses, ids, timers and test values (spec 07.3); a file is
read by questionnaire.py.

It selects cases and fills their values.  Without a file everything is taken to be supported, with the defaults below; the
template ``bssgw conformance pics`` writes is made of the same rows, so it cannot differ from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.accounts import TEMPLATE, Account, AccountWrong
from conformance.prompting import PROMPT
from conformance.values import span_ms
from schemas.loader import NATIVE, Catalogue, load
from schemas.wsdl import TEXT_OPERATIONS


@dataclass(frozen=True, slots=True)
class Row:
    """One thing asked: its default, and what it means in both languages."""

    default: Any
    zh: str
    en: str


FEATURES: dict[str, Row] = {
    "heartbeat": Row(True, "长连接心跳", "heartbeats on long connections"),
    "segments": Row(True, "分段报文的接收", "documents received in segments"),
    "ttl": Row(True, "检查报文有效期 TTL", "the time to live is checked"),
    "checksum": Row(True, "检查校验值", "checksums are checked"),
    "remembers_serials": Row(True, "按流水号查重并重发原应答", "repeats are found by serial and get the stored answer"),
    "retransmits": Row(True, "无收条时重发同样的字节", "the same bytes go again when no receipt comes"),
    "report_seq": Row(True, "报告带序号", "reports carry report_seq (04.1)"),
    "long_connections": Row(True, "保持长连接", "connections stay open"),
    "address_check": Row(True, "检查地址是否覆盖", "addresses are checked for coverage"),
    "refuses_frozen": Row(True, "割接冻结的实例拒绝新定单，而非排队", "a frozen instance refuses new orders, not queues them"),
    "foreign_reservations": Row(
        True, "受理渠道所报、非本系统所做的预留", "orders may name reservations that were not made here"
    ),
    "foreign_schemes": Row(True, "受理渠道所报、非本系统所请的方案", "orders may name schemes that were not asked for here"),
    "login": Row(False, "系统 pixit.login_system 须先登录 (LN01)", "the system pixit.login_system must log in first (LN01)"),
    "load": Row(False, "判定负载：values 的 load_rate、load_p99_ms", "load is judged: load_rate and load_p99_ms of the values"),
    "future_orders": Row(True, "处理未来日期的定单", "orders for a later day"),
}
"""Options of an implementation."""

TIMERS: dict[str, Row] = {
    "connect": Row("5s", "建立连接", "a connection stands"),
    "receipt": Row("15s", "收条", "a receipt is here (01.1.5)"),
    "answer": Row("30s", "阻塞请求的应答", "the answer of a blocking request is here (01.1.5)"),
    "accept": Row("30s", "从派单到签收", "an order is accepted after its dispatch"),
    "resources": Row("60s", "从签收到请求资源", "resources are asked for after acceptance"),
    "complete": Row("120s", "从签收到报竣", "a plain order is reported complete after acceptance"),
    "result": Row("60s", "命令的结果", "the result of a command is here"),
    "settle": Row("3s", "确认不再有报文", "how long nothing may come to be sure that nothing comes"),
    "heartbeat": Row("60s", "心跳间隔", "silence after which a heartbeat is sent (01.1.5)"),
    "idle": Row("300s", "空闲关闭", "silence after which a connection is closed (01.1.5)"),
    "partial": Row("30s", "不完整报文", "how long a packet may be incomplete (01.1.5)"),
    "reassembly": Row("120s", "分段收齐", "how long segments may take (01.1.3)"),
    "close": Row("5s", "出错后关闭连接", "a connection is closed after a fault that calls for it"),
    "reconnect": Row("60s", "断线后重连", "a lost connection is opened again"),
}
"""Times a case may name, with defaults."""

VALUES: dict[str, Row] = {
    "area": Row("025", "本地网", "local network"),
    "bureau": Row("NJGL01", "局向", "bureau"),
    "product": Row("POTS", "需要资源的产品", "a product whose installation needs resources"),
    "plan": Row("POTS25", "上述产品的资费", "a plan of that product"),
    "plain_product": Row("CLIP", "不需要资源的产品", "a product whose installation needs none"),
    "unoffered_product": Row("CLIP", "没有流程的产品与动作之一", "a product that has no process for pixit.unoffered_action"),
    "unoffered_action": Row("survey", "没有流程的动作，不涉及已有实例", "an action pixit.unoffered_product has none for"),
    "heir_customer": Row("CUSTOMER", "过户：新客户的属性代码", "attribute of a transfer that names the new customer"),
    "heir_account": Row("ACCOUNT_ID", "过户：新账户的属性代码", "attribute of a transfer that names the new account"),
    "unknown_product": Row("SDH", "没有流程的产品与动作之一", "a product that has no process for pixit.unknown_action"),
    "uncovered_area": Row("0900", "不存在的本地网", "a local network there is not"),
    "scheme_product": Row("ETH", "做方案设计的产品", "a product that schemes are designed for"),
    "unknown_action": Row("change_number", "没有流程的动作", "an action without process for pixit.unknown_product"),
    "cancel_reason": Row("10C001", "撤单原因", "a reason of type 10C"),
    "change_reason": Row("10Q001", "改单原因", "a reason of type 10Q"),
    "defer_reason": Row("10P001", "缓装原因", "a reason of type 10P"),
    "wait_reason": Row("10W001", "待装原因", "a reason of type 10W"),
    "auto_reason": Row("10W004", "待装自动的原因", "a reason of type 10W that starts again by itself"),
    "login_system": Row("LGN001", "须先登录的系统编号", "id of a system that must log in first"),
    "login_user": Row("SUITE", "其登录用户", "as whom it logs in"),
    "login_secret": Row("example-shared-secret", "其共享密钥", "the secret it shares"),
    "load_rate": Row(50, "每秒链路测试数", "link tests a second"),
    "load_seconds": Row(10, "负载持续秒数", "seconds the load lasts"),
    "load_p99_ms": Row(1_000, "99% 的应答须在此时间内（毫秒）", "99 of 100 answers come within so many ms"),
    "max_packet": Row(1 << 20, "报文上限（字节）", "the largest packet taken, in bytes"),
}
"""Test values a case may name as ``${pixit.name}``."""

SYSTEMS: dict[str, Row] = {
    "CRM": Row("CRM001", "客户关系管理", "customer relationship management"),
    "PF": Row("PF0001", "服务开通", "service provisioning"),
    "RM": Row("RM0001", "网络资源管理", "network resource management"),
    "BILL": Row("BIL001", "计费", "billing"),
    "channel": Row("CH0001", "渠道", "a sales channel"),
}
"""System ids by role."""

TLS: dict[str, Row] = {
    "ca_file": Row("", "所信任的 CA 证书（PEM），空为系统的", "the authority trusted (PEM); empty: the system's"),
    "certificate_file": Row("", "本套件的客户端证书（PEM）", "the suite's own certificate (PEM)"),
    "key_file": Row("", "其私钥（PEM，无口令）", "its private key (PEM, without password)"),
    "server_name": Row("", "证书须有的名称，空为地址中的主机", "the name its certificate bears; empty: the host"),
}
"""How ``tls://`` and ``https://`` systems are met; files stand beside the questionnaire."""

LISTEN: dict[str, str] = {
    "CRM": "tcp://0.0.0.0:7100",
    "PF": "tcp://0.0.0.0:7121",
    "RM": "tcp://0.0.0.0:7122",
    "BILL": "tcp://0.0.0.0:7123",
    "channel": "tcp://0.0.0.0:7124",
}
"""Where the suite listens for what the system under test sends to a role it plays."""

_PROMPTS = (
    "[prompts]  # 只有操作员能让被测方发起的报文：命令，标准输入为报文体（JSON）",
    "# messages that only its operator makes it send: a command, with the body as JSON on its standard input",
    '# RC02 = "ssh crm ask-survey"',
)
TABLES: dict[str, dict[str, Row]] = {"features": FEATURES, "timers": TIMERS, "values": VALUES, "systems": SYSTEMS, "tls": TLS}

SOCKET, SOAP, HTTP = "socket", "soap", "http"
CHOICES: dict[str, tuple[str, ...]] = {
    "charset": ("GB18030", "UTF-8"),
    "binding": (SOCKET, SOAP, HTTP),
    "soap": ("1.1", "1.2"),
    "operation": ("document", *TEXT_OPERATIONS),
}
"""What is one of a few words; layout and envelope are those of the catalogue."""
_SCHEMES = {"http": (HTTP, SOAP), "https": (HTTP, SOAP), "soap+http": (SOAP,), "soap+https": (SOAP,)}
"""Schemes of an endpoint and the bindings spoken there, the usual one first."""
_SECURE = ("https", "tls")
PROVES = "accounts"
"""The condition of cases that need parties who prove themselves over HTTP."""

PLAIN = ("layout", "charset", "binding", "envelope", "soap", "operation")
"""Keys that stand by themselves, each a word."""


@dataclass(frozen=True, slots=True)
class PicsFault:
    """Something wrong in a questionnaire: file and line, what is allowed there in both languages, a line that would do."""

    where: str
    zh: str
    en: str
    example: str = ""

    @property
    def text(self) -> str:
        """One line."""
        shown = f"；例 example: {self.example}" if self.example else ""
        return f"{self.where}: {self.zh} / {self.en}{shown}"


class PicsInvalid(Exception):
    """The questionnaire cannot be used; every fault there is."""

    def __init__(self, *faults: PicsFault) -> None:
        super().__init__("\n".join(fault.text for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Pics:
    """A filled questionnaire; times in ms. ``messages`` empty: all. ``prompts``: by code, the command that has it sent.

    ``soap`` and ``operation`` count where ``binding`` is soap; ``codes`` are message codes, ours -> those of the envelope;
    ``secure``: the system under test is reached through TLS; ``accounts``: by role, where it demands login.
    """

    layout: str = "ctif-128"
    charset: str = "GB18030"
    binding: str = SOCKET
    envelope: str = NATIVE
    soap: str = "1.1"
    operation: str = "document"
    messages: tuple[str, ...] = ()
    features: Mapping[str, bool] = field(default_factory=lambda: {name: row.default for name, row in FEATURES.items()})
    timers: Mapping[str, int] = field(default_factory=lambda: {name: _ms(row.default) for name, row in TIMERS.items()})
    values: Mapping[str, Any] = field(default_factory=lambda: {name: row.default for name, row in VALUES.items()})
    systems: Mapping[str, str] = field(default_factory=lambda: {name: row.default for name, row in SYSTEMS.items()})
    tls: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(TLS, ""))
    secure: bool = False
    listen: Mapping[str, str] = field(default_factory=lambda: dict(LISTEN))
    prompts: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)

    @property
    def web(self) -> bool:
        """Whether documents travel over HTTP."""
        return self.binding != SOCKET

    def lacks(self, conditions: tuple[str, ...]) -> str:
        """The first condition that does not hold, or an empty text. ``!x``: x is not supported."""
        for condition in conditions:
            name = condition.removeprefix("!")
            if self._offers(name) is condition.startswith("!"):
                return condition
        return ""

    def time(self, name: str) -> int:
        """A timer by name, or a duration, in ms."""
        found = self.timers.get(name)
        return _ms(name) if found is None else found

    def _offers(self, name: str) -> bool:
        key, _, value = name.partition("=")
        if key == PROMPT:
            return value in self.prompts
        if value:
            return bool(getattr(self, key) == value) and not (key == "layout" and self.web)
        if name == PROVES:
            return self.web and bool(self.accounts)
        if name in FEATURES:
            return bool(self.features[name])
        return not self.messages or name in self.messages

    def plain(self) -> dict[str, Any]:
        """As plain values, for reports."""
        return {
            **{name: getattr(self, name) for name in PLAIN},
            "messages": list(self.messages),
            **{name: dict(getattr(self, name)) for name in (*TABLES, "listen", "prompts", "codes")},
        }


def envelope_of(pics: Pics, catalogue: Catalogue) -> str:
    """The envelope spoken: a layout that encloses its body has one of its own."""
    own = "" if pics.web else catalogue.layout(pics.layout).envelope
    return own or pics.envelope


def bound(pics: Pics, endpoint: str) -> Pics:
    """The questionnaire for a system at ``endpoint``, whose scheme says the binding where the questionnaire does not: ``tcp``,
    ``http`` and ``https`` (plain XML, or SOAP), ``soap+http`` and ``soap+https``. Raises PicsInvalid where they differ."""
    scheme = endpoint.partition("://")[0]
    allowed = _SCHEMES.get(scheme, (pics.binding,) if scheme == "mem" else (SOCKET,))
    pics = replace(pics, secure=scheme.endswith(_SECURE))
    if pics.binding not in allowed:
        if pics.binding != SOCKET:
            said = pics.binding
            zh, en = f"binding 为 {said}，地址却是 {endpoint}", f"binding is {said}, the endpoint {endpoint}"
            raise PicsInvalid(PicsFault("binding", zh, en, f'binding = "{allowed[0]}"'))
        pics = replace(pics, binding=allowed[0])
    return replace(pics, accounts={role: _shown(role, one, pics.binding) for role, one in pics.accounts.items()})


def _shown(role: str, one: Account, binding: str) -> Account:
    """An account as it is shown on a binding. Raises PicsInvalid."""
    try:
        return one.at(role, binding)
    except AccountWrong as fault:
        raise PicsInvalid(PicsFault(one.place or "accounts", fault.zh, fault.en)) from fault


def known_condition(condition: str) -> bool:
    """Whether a case may ask this of the questionnaire."""
    name = condition.removeprefix("!")
    key, _, value = name.partition("=")
    codes = [row.code for row in load().messages()]
    return key in PLAIN if value else name in (*FEATURES, PROVES, *codes)


def template() -> str:
    """A commented questionnaire with every default."""
    rows = [
        "# 一致性测试问卷 PICS/PIXIT。改动与实现不同之处，其余保留。",
        "# Questionnaire of the conformance suite. Change what differs in your implementation, leave the rest.",
        "",
        'layout = "ctif-128"      # 报文头布局 packet layout: ' + ", ".join(row.name for row in load().layouts()),
        'charset = "GB18030"      # 字符集 charset: GB18030, UTF-8',
        'binding = "socket"       # 绑定 binding: socket, soap, http',
        'envelope = "package"     # 封装 envelope: ' + ", ".join(row.name for row in load().envelopes()),
        'soap = "1.1"             # SOAP 版本 SOAP version: 1.1, 1.2',
        'operation = "document"   # SOAP 操作 operation: document, ' + ", ".join(TEXT_OPERATIONS),
        "messages = []            # 支持的报文，空为全部 messages supported; empty: all. messages = [\"OH01\", \"CN01\"]",
    ]
    about = {
        "features": "支持的选项 options supported",
        "timers": "时限 times (ms, s, m, h, d)",
        "values": "测试数据 test values",
        "systems": "系统编号 system ids: 被测方与本套件扮演的各方 the system under test and those the suite plays",
        "tls": "对 tls://、https:// 的被测方 towards a system at tls:// or https://",
    }
    for name, table in TABLES.items():
        rows += ["", f"[{name}]  # {about[name]}"]
        rows += [f"{_key(key)} = {shown(row.default):<14} # {row.zh} · {row.en}" for key, row in table.items()]
    rows += ["", "[listen]  # 被测方向这些地址连接 the system under test connects here"]
    rows += [f"{name} = {shown(address)}" for name, address in LISTEN.items()]
    rows += ["", *_PROMPTS, "", *TEMPLATE]
    rows += ["", "[codes]  # 该封装中的报文编码 message codes of this envelope, ours -> theirs", '# OH01 = "BUS14001/SVC11001"']
    return "\n".join(rows) + "\n"


def _ms(text: str) -> int:
    found = span_ms(text)
    if found is None:
        raise ValueError(f"no duration: {text}")
    return found


def _key(key: str) -> str:
    return f"{key:<20}"


def shown(value: Any) -> str:
    """A value as it is written in a questionnaire."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'
