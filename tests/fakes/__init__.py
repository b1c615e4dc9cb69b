"""Stand-ins for what Regatta talks to; the registry among them is a real HTTP server."""
