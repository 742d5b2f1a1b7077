"""Simulated resource management (RM): a plant of resource instances and its reservation ledger."""
