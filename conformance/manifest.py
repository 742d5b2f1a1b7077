"""The manifest of a report: a digest of every message and of every file, signed apart from it (spec 07.8).

``manifest.json`` names what a report consists of; ``manifest.sig`` holds an Ed25519 signature over its bytes with the public
key it was made with.  Who verifies should hold that key from elsewhere: the one in the signature only says that nothing has
changed since somebody signed it.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EEXIST
from importlib import import_module
from os import strerror
from pathlib import Path
from typing import Any

from conformance.files import put
from conformance.results import JSON_FILE, ResultsInvalid, read

MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"
_ALGORITHM = "Ed25519"
_FORMAT = 1


class KeyInvalid(Exception):
    """A key or signature file cannot be used; both languages."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as the manifest says: ``what`` names a file, a case, one message of it, or the signature."""

    what: str
    zh: str
    en: str

    @property
    def text(self) -> str:
        """One line in both languages."""
        return f"{self.what}: {self.zh} / {self.en}"


@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome of ``verify``: nothing found means untouched. ``key`` is the signer's fingerprint, empty without one."""

    findings: tuple[Finding, ...]
    files: int
    messages: int
    key: str


def write_manifest(directory: Path, private: Path | None = None) -> list[Path]:
    """The manifest of the report in a directory, signed with the key in a file where one is given.

    A signature of an earlier manifest is removed: it would be of something else.  Raises ResultsInvalid, KeyInvalid, OSError.
    """
    signing = None if private is None else _private(private)
    text = json.dumps(_manifest(directory), ensure_ascii=False, indent=1) + "\n"
    path, signature = directory / MANIFEST_FILE, directory / SIGNATURE_FILE
    signature.unlink(missing_ok=True)
    put({path: text})
    if signing is None:
        return [path]
    public = signing.public_key().public_bytes_raw()
    signed = {
        "format": _FORMAT,
        "algorithm": _ALGORITHM,
        "public_key": b64encode(public).decode(),
        "signature": b64encode(signing.sign(text.encode())).decode(),
    }
    put({signature: json.dumps(signed, indent=1) + "\n"})
    return [path, signature]


def verify(directory: Path, public: Path | None = None) -> Verified:
    """Hold a report against its manifest. ``public`` is the file of the key it must be signed with.

    Raises KeyInvalid (the given key), OSError (there is no manifest at all).
    """
    text = (directory / MANIFEST_FILE).read_bytes()
    trusted = None if public is None else _public(public)
    findings, key = _signature(directory, text, trusted)
    try:
        told = json.loads(text)
        files, strays = dict(told["files"]), list(told["strays"])
        cases = {name: {"case": one["case"], "messages": list(one["messages"])} for name, one in dict(told["cases"]).items()}
        count = sum(len(one["messages"]) for one in cases.values()) + len(strays)
    except (ValueError, KeyError, TypeError):
        findings.append(Finding(MANIFEST_FILE, "不是清单", "is no manifest"))
        return Verified(tuple(findings), 0, 0, key)
    findings += _files(directory, files)
    findings += _messages(directory, cases, strays)
    return Verified(tuple(findings), len(files), count, key)


def make_key(path: Path) -> tuple[Path, str]:
    """A new key pair: the private key at ``path`` (readable by its owner only), the public one beside it as ``.pub``.

    Returns the public file and its fingerprint.  Raises FileExistsError rather than overwrite a key; KeyInvalid, OSError.
    """
    key = _ed25519().Ed25519PrivateKey.generate()
    forms = _library("serialization")
    secret = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise FileExistsError(EEXIST, strerror(EEXIST), str(public))
    path.touch(0o600, exist_ok=False)
    path.write_bytes(secret)
    public.write_bytes(key.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo))
    return public, fingerprint(key.public_key().public_bytes_raw())


def fingerprint(public: bytes) -> str:
    """A public key as people compare it: SHA-256 in groups of four."""
    text = hashlib.sha256(public).hexdigest()
    return " ".join(text[n : n + 4] for n in range(0, 32, 4))


def _manifest(directory: Path) -> dict[str, Any]:
    files = {
        path.name: _digest(path.read_bytes())
        for path in sorted(directory.iterdir())
        if path.is_file() and path.name not in (MANIFEST_FILE, SIGNATURE_FILE)
    }
    data = read(directory)
    return {"format": _FORMAT, "digest": "SHA-256", "files": files, "cases": _cases(data), "strays": _log(data["strays"])}


def _cases(data: dict[str, Any]) -> dict[str, Any]:
    """Digests of each case: its verdict and texts, and each of its messages. A sanity case is named by its turn, too."""
    named = [(f"sanity {n} {case['id']}", case) for n, case in enumerate(data["sanity"], 1)]
    named += [(case["id"], case) for case in data["cases"]]
    return {name: {"case": _plain({**case, "log": []}), "messages": _log(case["log"])} for name, case in named}


def _log(entries: list[dict[str, Any]]) -> list[str]:
    return [_plain(entry) for entry in entries]


def _plain(value: Any) -> str:
    return _digest(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _files(directory: Path, files: dict[str, str]) -> list[Finding]:
    found = []
    for name, digest in files.items():
        try:
            same = _digest((directory / Path(name).name).read_bytes()) == digest
        except OSError:
            found.append(Finding(name, "缺失", "is missing"))
            continue
        if not same:
            found.append(Finding(name, "已被改动", "has been changed"))
    present = [path.name for path in sorted(directory.iterdir()) if path.is_file()]
    strange = [name for name in present if name not in (*files, MANIFEST_FILE, SIGNATURE_FILE)]
    return found + [Finding(name, "不在清单中", "is not in the manifest") for name in strange]


def _messages(directory: Path, cases: dict[str, Any], strays: list[str]) -> list[Finding]:
    """Which case and which message of it is another one."""
    try:
        data = read(directory)
        found, their_strays = _cases(data), _log(data["strays"])
    except (ResultsInvalid, OSError, KeyError, TypeError, AttributeError):
        return [Finding(JSON_FILE, "已无法读取", "cannot be read any more")]
    findings = []
    for name, told in cases.items():
        case = found.pop(name, None)
        if case is None:
            findings.append(Finding(name, "用例的结果缺失", "the result of the case is missing"))
            continue
        if case["case"] != told["case"]:
            findings.append(Finding(name, "用例的结论或说明已被改动", "verdict or texts of the case have been changed"))
        findings += _differing(name, told["messages"], case["messages"])
    findings += [Finding(name, "不在清单中", "is not in the manifest") for name in found]
    return [*findings, *_differing("strays", strays, their_strays)]


def _differing(name: str, told: list[str], found: list[str]) -> Iterator[Finding]:
    if len(told) != len(found):
        counts = (f"应有 {len(told)} 条报文，现有 {len(found)}", f"{len(told)} messages were recorded, {len(found)} are there")
        yield Finding(name, *counts)
    for n, (one, other) in enumerate(zip(told, found, strict=False), 1):
        if one != other:
            yield Finding(f"{name} #{n}", "报文已被改动", "the message has been changed")


def _signature(directory: Path, text: bytes, trusted: Any) -> tuple[list[Finding], str]:
    """What is wrong with the signature, and the fingerprint of the key it names."""
    path = directory / SIGNATURE_FILE
    if not path.exists():
        missing = Finding(SIGNATURE_FILE, "没有签名，而要求了公钥", "there is no signature, but a key was asked for")
        return ([missing] if trusted is not None else []), ""
    try:
        signed = json.loads(path.read_bytes())
        raw, signature = b64decode(signed["public_key"], validate=True), b64decode(signed["signature"], validate=True)
        known = signed["algorithm"] == _ALGORITHM and signed["format"] == _FORMAT and len(signed) == 4
        if not known:
            raise ValueError(signed)
        named = _ed25519().Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, KeyError, TypeError):
        return [Finding(SIGNATURE_FILE, "签名文件已损坏", "the signature file is damaged")], ""
    if trusted is not None and trusted.public_bytes_raw() != raw:
        return [Finding(SIGNATURE_FILE, "由另一密钥签名", "is signed with another key")], fingerprint(raw)
    try:
        named.verify(signature, text)
    except import_module("cryptography.exceptions").InvalidSignature:
        return [Finding(MANIFEST_FILE, "与签名不符", "does not fit its signature")], fingerprint(raw)
    return [], fingerprint(raw)


def _private(path: Path) -> Any:
    try:
        key = _library("serialization").load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as fault:
        raise KeyInvalid(f"{path} 不是私钥：{fault} / {path} is no private key: {fault}") from fault
    if not isinstance(key, _ed25519().Ed25519PrivateKey):
        raise KeyInvalid(f"{path} 不是 {_ALGORITHM} 私钥 / {path} is no {_ALGORITHM} private key")
    return key


def _public(path: Path) -> Any:
    try:
        key = _library("serialization").load_pem_public_key(path.read_bytes())
    except ValueError as fault:
        raise KeyInvalid(f"{path} 不是公钥：{fault} / {path} is no public key: {fault}") from fault
    if not isinstance(key, _ed25519().Ed25519PublicKey):
        raise KeyInvalid(f"{path} 不是 {_ALGORITHM} 公钥 / {path} is no {_ALGORITHM} public key")
    return key


def _ed25519() -> Any:
    return _library("asymmetric.ed25519")


def _library(name: str) -> Any:
    """A part of ``cryptography``, when it is needed."""
    try:
        return import_module(f"cryptography.hazmat.primitives.{name}")
    except ImportError as fault:
        raise KeyInvalid("签名需要 cryptography：pip install cryptography / signing needs cryptography") from fault
