"""Every way in validates its input here: pages, REST, admin, files."""

from registries.forms.access_credential import AccessCredentialForm, CredentialChangeForm
from registries.forms.account import AccountForm, StaffForm, UserForm
from registries.forms.api_token import ApiTokenForm
from registries.forms.instance import InstanceForm
from registries.forms.invitation import InvitationForm
from registries.forms.member import GrantForm, MemberForm
from registries.forms.password import ChosenPasswordForm, OwnPasswordForm
from registries.forms.platform import BackendForm, RegionForm

__all__ = [
    "AccessCredentialForm",
    "AccountForm",
    "ApiTokenForm",
    "BackendForm",
    "ChosenPasswordForm",
    "CredentialChangeForm",
    "GrantForm",
    "InstanceForm",
    "InvitationForm",
    "MemberForm",
    "OwnPasswordForm",
    "RegionForm",
    "StaffForm",
    "UserForm",
]
