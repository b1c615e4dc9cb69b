"""Copies artifacts between two registry clients: no Django, no knowledge of rules or jobs."""
