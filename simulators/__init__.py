"""Real listening peers with deterministic behaviour: PF, RM, BILL (spec 07, Simulators)."""
