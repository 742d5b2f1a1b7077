"""Simulated provisioning (PF): runs each order through the process of its product and action."""
