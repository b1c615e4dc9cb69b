"""Kills Regatta's processes at random moments while it works, and looks whether anything was lost or doubled."""
