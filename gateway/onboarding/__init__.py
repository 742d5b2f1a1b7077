"""Connecting a peer: its rows, whether they can work, a link test beside the gateway (spec 01.2, 02.1)."""
