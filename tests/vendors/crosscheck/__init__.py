"""Checks the server's verification of webhooks against the vendors' own packages."""
