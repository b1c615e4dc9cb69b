"""Notifications of registries: the way in for events. Formats are read here, what they mean is syncjobs' affair."""
