"""An order that builds on a scheme (OH01's and CH01's ``scheme``, spec 5.2, 5.4): only a confirmed one that still stands."""

from __future__ import annotations

from typing import Any

from crm_core.orders.request import Faults
from crm_core.ports import UnitOfWork
from crm_core.schemes.model import Scheme, scheme_key
from crm_core.schemes.operations import in_use


def examine_scheme(named: dict[str, Any] | None, uow: UnitOfWork, faults: Faults) -> Scheme | None:
    """The version an order names. One made elsewhere, of which the CRM has no copy, is taken as it comes: provisioning judges.
    Adds 3017 for a superseded version, 3016 for an expired one, 3004 for one that is not confirmed, is being cancelled or is
    used already, 3020 for an option that is not the confirmed one."""
    if named is None:
        return None
    scheme = uow.scheme(scheme_key(named["scheme_id"], named["version"]))
    if scheme is None:
        return None
    request = uow.scheme_request(scheme.request_id)
    path, found = "/scheme/scheme_id", scheme.id
    if request is not None and (request.scheme_id, request.version) != (scheme.scheme_id, scheme.version):
        faults.add(path, found, "SCHEME_SUPERSEDED", "方案已被新版本取代", "The scheme is superseded", state=scheme.state)
    elif scheme.state == "60" or (scheme.valid_until is not None and scheme.valid_until <= uow.now):
        faults.add(path, found, "SCHEME_EXPIRED", "方案已到期", "The scheme has expired", state=scheme.state)
    elif scheme.state != "40":
        faults.add(path, found, "STATE_CONFLICT", "方案未确认", "The scheme is not confirmed", state=scheme.state)
    elif request is not None and any(row["operation"] == "cancel" for row in request.operations):
        faults.add(path, found, "STATE_CONFLICT", "方案正在取消", "The scheme is being cancelled", state=scheme.state)
    elif in_use(uow, scheme):
        zh, en = f"客户订单 {scheme.used_by} 已使用该方案", f"Customer order {scheme.used_by} uses the scheme already"
        faults.add(path, found, "STATE_CONFLICT", zh, en, state=scheme.state)
    elif named.get("option_no") not in (None, scheme.option_no):
        zh, en = f"确认的选项是 {scheme.option_no}", f"The confirmed option is {scheme.option_no}"
        faults.add("/scheme/option_no", str(named["option_no"]), "ATTRIBUTE_INVALID", zh, en)
    return scheme
