"""TLS of listeners and peers: contexts, certificates, handshakes and what went wrong in them, for people (hardening.md T)."""
