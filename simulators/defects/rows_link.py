"""Defects of the link and of documents: framing, header, duplicates, charsets, XML, refusals, link messages (spec 01.1, 01.2,
02.1)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.defects import documents as doc
from simulators.defects import stream
from simulators.defects.flaw import EVERYBODY, Defect, Flaw
from simulators.defects.stream import Packets

_FOREVER = 10 * 365 * 86_400_000


def _row(clause: str, name: str, zh: str, en: str, make: Callable[[], Flaw]) -> Defect:
    return Defect(name, EVERYBODY, "transport", clause, zh, en, make)


_PACKETS = (
    _row("01.1", "forgets-serials", "不查重", "repeats are taken anew", doc.Rereads),
    _row("01.1", "serial-means-nothing", "同号异文照收", "other content under a known serial is taken",
         lambda: doc.Rereads(True)),
    _row("01.1", "answers-repeats-anew", "重到不发原应答", "a repeat gets another answer than the stored one",
         doc.Marks),
    _row("01.1", "answers-other-serial", "应答他人流水号", "answers under another serial",
         lambda: doc.Answering(doc.other_serial)),
    _row("01.1", "receipt-as-reply", "收条类型错误", "receipts travel as replies",
         lambda: doc.Answering(doc.as_reply)),
    _row("01.1", "answers-mixed-up", "应答张冠李戴", "each request gets the answer of the one before", doc.Mixes),
    _row("01.1", "answers-to-nobody", "应答收发方未互换", "answers do not exchange sender and receiver",
         lambda: doc.Answering(doc.to_nobody)),
    _row("01.1", "all-is-well", "报文头结果码恒为 0000", "the packet says 0000 whatever its receipt says",
         lambda: doc.Answering(doc.all_well)),
    _row("01.1", "ignores-ttl", "不看有效期", "ignores the time to live",
         lambda: doc.Hearing(doc.deaf("ttl", _FOREVER // 1000))),
    _row("01.1", "impatient-ttl", "无时钟容差", "the time to live without tolerance of clocks",
         lambda: doc.Hearing(doc.impatient)),
    _row("01.1", "zero-ttl-expires", "TTL 0 当作立即过期", "a time to live of 0 is taken for none",
         lambda: doc.Hearing(doc.never_unlimited)),
    _row("01.1", "unknown-sender-code", "未知发送方拒绝码错误", "an unknown sender is refused 2003",
         lambda: doc.Answering(doc.recoded("2001", "2003"))),
    _row("01.1", "mis-frames", "长度多计一字节", "lengths count a byte too many", lambda: Packets(stream.longer)),
    _row("01.1", "other-magic", "魔数错误", "packets begin with another magic",
         lambda: Packets(stream.other_magic)),
    _row("01.1", "wrong-checksum", "校验值错误", "checksums of its packets are wrong",
         lambda: Packets(stream.other_checksum)),
    _row("01.1", "checks-no-checksum", "不校验", "checksums are not checked",
         lambda: Packets(coming=stream.right_checksum)),
    _row("01.1", "no-send-time", "应答无时间", "answers do not say when they were sent",
         lambda: Packets(stream.blank_time)),
    _row("01.1", "one-packet-a-read", "一次读取只认一个报文", "one read is taken for one packet", stream.OneARead),
    _row("01.1", "segments-apart", "分段当作独立报文", "each segment is taken for a document",
         lambda: Packets(coming=stream.single)),
    _row("01.1", "segments-in-any-order", "不核对段号", "segment numbers are not looked at", stream.Renumbers),
    _row("01.1", "segments-wait-forever", "分段永不超时", "segments are waited for for ever",
         lambda: doc.Limits(reassembly_ms=_FOREVER)),
    _row("01.1", "partial-waits-forever", "不完整报文永不超时", "an incomplete packet is waited for for ever",
         lambda: doc.Limits(partial_ms=_FOREVER)),
    _row("01.1", "no-length-limit", "不限长度", "any length is believed and waited for",
         lambda: doc.Limits(max_packet=10**9, max_document=10**9)),
    _row("01.1", "heartbeats-unanswered", "不应答心跳", "heartbeats get no answer",
         lambda: Packets(stream.drop("heartbeat_reply"))),
    _row("01.1", "never-beats", "从不发心跳", "sends no heartbeats", lambda: Packets(stream.drop("heartbeat"))),
    _row("01.1", "keeps-dead-links", "不识死链路", "a connection without heartbeat answers is kept",
         lambda: doc.Limits(misses=1_000_000)),
    _row("01.1", "keeps-no-connection", "不保持长连接", "connects only when it has something to say",
         lambda: doc.Meets(long=False)),
    _row("01.1", "answers-late", "应答迟到", "answers come a minute late", lambda: stream.Late(60_000)),
    _row("01.1", "no-receipts", "不回收条", "receipts never come", lambda: Packets(stream.drop("receipt"))),
)  # fmt: skip

_DOCUMENTS = (
    _row("01.2", "takes-dtd", "接受 DTD", "a DTD is taken", lambda: doc.Hearing(doc.no_entities)),
    _row("01.2", "expands-entities", "展开实体", "entities are expanded", lambda: doc.Hearing(doc.expands)),
    _row("01.2", "depth-unlimited", "不限嵌套深度", "nesting of any depth is taken",
         lambda: doc.Hearing(doc.text(rb"(<a>){65,}(</a>){65,}", b""))),
    _row("01.2", "takes-unknown-elements", "接受未知元素", "unknown elements are taken",
         lambda: doc.Hearing(doc.text(rb"(?<=</text>)<(\w+)(/>|>1</\1>)", b""))),
    _row("01.2", "takes-xinclude", "接受 XInclude", "XInclude is taken",
         lambda: doc.Hearing(doc.text(rb"<xi:include[^>]*/>", b""))),
    _row("01.2", "refuses-instructions", "拒绝处理指令", "a processing instruction is refused",
         lambda: doc.Hearing(doc.text(rb"<\?xml-stylesheet", b"<?xml"))),
    _row("01.2", "closes-tags", "补全未闭合标签", "a missing closing tag is put in",
         lambda: doc.Hearing(doc.closes)),
    _row("01.2", "well-formed-code", "不合式拒绝码错误", "what is not well-formed is refused 1002",
         lambda: doc.Answering(doc.recoded("1001", "1002"))),
    _row("01.2", "only-the-first-fault", "只报第一个错误", "only the first fault is told",
         lambda: doc.Answering(doc.first_fault)),
    _row("01.2", "tells-no-faults", "不报错误明细", "no fault is told", lambda: doc.Answering(doc.no_faults)),
    _row("01.2", "schema-code", "模式错误拒绝码错误", "schema faults are refused 1001",
         lambda: doc.Answering(doc.recoded("1002", "1001"))),
    _row("01.2", "fills-missing", "自行补缺", "a missing element is made up",
         lambda: doc.Hearing(doc.text(rb'(<LinkTest xmlns="[^"]*")(?:/>|></LinkTest>)', rb"\1><text>0</text></LinkTest>"))),
    _row("01.2", "any-namespace", "不看命名空间", "namespaces are not looked at",
         lambda: doc.Hearing(doc.text(rb"urn:example:other", b"urn:bss:if:message:0.9"))),
    _row("01.2", "any-version", "不看版本", "versions are not looked at",
         lambda: doc.Hearing(doc.text(rb"<Version>[^<]*<", b"<Version>0.9<"))),
    _row("01.2", "header-not-compared", "不核对报文头与文档", "packet and document are not compared",
         lambda: doc.Hearing(doc.believes_document)),
    _row("01.2", "unknown-code", "未知编码拒绝码错误", "an unknown message code is refused 2002",
         lambda: doc.Answering(doc.recoded("1003", "2002"))),
    _row("01.2", "believes-labels", "只信字符集声明", "charset labels are believed before bytes",
         lambda: doc.Hearing(doc.believes_label)),
    _row("01.2", "replaces-undecodable", "替换无法解码的字节", "undecodable bytes are replaced",
         lambda: doc.Hearing(doc.replaces)),
    _row("01.2", "loses-rare-characters", "丢失生僻字", "characters outside GBK are lost",
         lambda: doc.Hearing(doc.common_only)),
    _row("01.2", "splits-before-decoding", "解码前拆分", "bytes are split at | before they are decoded",
         lambda: doc.Hearing(doc.text(rb"\|", b"_"))),
    _row("01.2", "mis-declares-charset", "误称字符集", "answers are called GB18030 and are UTF-8",
         lambda: doc.Answering(doc.misdeclared)),
)  # fmt: skip

_MESSAGES = (
    _row("02.1", "other-text", "链路测试文本有改", "a link test comes back with another text",
         lambda: doc.Answering(doc.said(rb"(<LinkTestAnswer[^>]*><text>)[^<]", rb"\1?"))),
    _row("02.1", "serves-nothing", "服务状态不列所服务报文", "the status names no message that is served",
         lambda: doc.Answering(doc.said(rb"<message>(?!LN04)[A-Z0-9]+</message>", b""))),
    _row("02.1", "knows-every-serial", "未见报文称已收", "a serial never seen is told as stored",
         lambda: doc.Answering(doc.said(rb"<state>unseen<", b"<state>stored<"))),
    _row("02.1", "forgets-fates", "处理过的报文称未见", "a message that was treated is told as unseen",
         lambda: doc.Answering(doc.said(rb"<state>(applied|stored)<", b"<state>unseen<"))),
    _row("02.1", "refused-is-applied", "被拒报文称已处理", "a message that was refused is told as applied",
         lambda: doc.Answering(doc.said(rb"<state>refused<", b"<state>applied<"))),
    _row("02.1", "fate-without-answer", "查询不附原应答", "the fate of a message is told without its answer",
         lambda: doc.Answering(doc.said(rb"<stored_answer>.*?</stored_answer>", b""))),
    _row("02.1", "no-unknown-serials", "重发不列未知流水号", "serials nobody sent are not told as unknown",
         lambda: doc.Answering(doc.said(rb"<unknown_serials>.*?</unknown_serials>", b""))),
    _row("02.1", "reports-of-nobody", "未知定单拒绝码错误", "reports of an unknown order are refused as not permitted",
         lambda: doc.Answering(doc.recoded("3003", "2002"))),
    _row("02.1", "lets-everybody-in", "不要求登录", "lets in who has not logged in",
         lambda: doc.Admits(required=False)),
    _row("02.1", "refuses-every-login", "登录一律拒绝", "every login is refused",
         lambda: doc.Admits(secret="another-secret")),
)  # fmt: skip

LINK = (*_PACKETS, *_DOCUMENTS, *_MESSAGES)
"""Of every role alike."""
