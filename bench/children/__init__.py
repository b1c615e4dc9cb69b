"""What runs inside the processes that are measured. Each module is run with `python -m`."""
