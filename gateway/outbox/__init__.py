"""What leaves: the pump, attempts and their verdicts, retries, answers that come late (spec 06.1)."""
