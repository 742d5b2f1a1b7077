"""Manual surveys asked of provisioning (spec 5.1, RC02-RC04)."""
