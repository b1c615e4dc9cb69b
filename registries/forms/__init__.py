"""Every way in validates its input here: pages, REST, admin, files."""

from registries.forms.access_credential import AccessCredentialForm
from registries.forms.account import AccountForm, StaffForm, UserForm
from registries.forms.instance import InstanceForm
from registries.forms.platform import BackendForm, RegionForm

__all__ = [
    "AccessCredentialForm",
    "AccountForm",
    "BackendForm",
    "InstanceForm",
    "RegionForm",
    "StaffForm",
    "UserForm",
]
