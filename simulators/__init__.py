"""Simulated peers: provisioning (PF), resource management (RM) and billing (BILL), for developers, testers and the proof."""
