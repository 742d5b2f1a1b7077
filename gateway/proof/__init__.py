"""What proves the gateway: simulated worlds under one clock, the auditor, the model check (spec 06.4, 06.5, 04.4)."""
