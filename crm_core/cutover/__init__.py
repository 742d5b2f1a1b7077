"""Cutovers as they touch the CRM: freeze of instances, completion applied to them, cancellation (spec 5.12)."""
