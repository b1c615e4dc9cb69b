"""Starters of real servers for tests: docker-registry, PostgreSQL, and a relay that adds latency."""
