"""
Django admin, for the platform's staff: everything can be looked at, little can be changed.

What a service does is not done here; the few things that can be edited are saved through their services.
"""

from console.admin import platform, tenants, work

__all__ = ["platform", "tenants", "work"]
