"""Keeps a django-q cluster alive: start, watchdog, drain, shutdown. What the workers do is `syncjobs/drain`."""
