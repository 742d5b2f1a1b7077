"""Revisions of the database schema under alembic."""
