"""The OCI distribution protocol, spoken to one registry at a time. Imports no Django and copies nothing."""
