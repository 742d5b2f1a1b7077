"""A person asks for a manual survey (RC02, spec 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import KeyReused
from crm_core.ports import Outcome, UnitOfWork
from crm_core.products.orderable import check_area, check_product
from crm_core.surveys.events import SurveyRequested
from crm_core.surveys.model import Survey

_NEED = (
    "product", "action", "quantity", "bandwidth", "access_modes", "a_end", "z_end", "product_instance_id", "required_date",
    "pre_occupy", "contact", "why_manual",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestSurvey:
    """Fields are the message's; ``survey_id`` is the asker's key: the same request again is success without effect."""

    survey_id: str
    area: str
    product: str
    action: str
    quantity: int
    access_modes: list[str]
    a_end: dict[str, Any]
    contact: dict[str, Any]
    why_manual: str
    z_end: dict[str, Any] | None = None
    bandwidth: str | None = None
    product_instance_id: str | None = None
    required_date: str | None = None
    pre_occupy: dict[str, Any] | None = None
    customer_order_id: str | None = None
    operator: str | None = None
    channel: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The key, and the instance if one is named."""
        keys = [("survey", self.survey_id)]
        if self.product_instance_id is not None:
            keys.append(("instance", self.product_instance_id))
        return tuple(keys)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``KeyReused`` (1009), ``AttributeInvalid`` (3020), ``NoProcess`` (3019), ``InstanceUnknown`` (3002)."""
        need = {name: value for name in _NEED if (value := getattr(self, name)) is not None}
        known = uow.survey(self.survey_id)
        if known is not None:
            if known.need != need:
                raise KeyReused(f"勘查号 {known.id} 已用于其他内容", f"Survey {known.id} is known with other content")
            return Outcome("DUPLICATE", state=known.state)
        check_area(uow, self.area)
        check_product(uow, self.product, self.action, self.product_instance_id)
        survey = Survey(self.survey_id, self.area, customer_order_id=self.customer_order_id, need=need, requested_at=uow.now)
        serials = uow.emit(
            SurveyRequested(
                key=survey.id,
                area=self.area,
                survey_id=survey.id,
                customer_order_id=self.customer_order_id,
                operator=self.operator,
                channel=self.channel,
                image=need,
            )
        )
        survey.serial = serials[0] if serials else ""
        uow.add(survey)
        return Outcome("ACCEPTED", state=survey.state, details=(("survey_id", survey.id),))
