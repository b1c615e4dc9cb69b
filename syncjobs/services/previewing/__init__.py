"""How a preview finds out and says what a run would do; the service is `syncjobs/services/previews.py`."""
