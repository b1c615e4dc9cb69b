"""
The table that is the cloud API: every action that is served, and every other one that the vendor knows.

Source: reference/tencent-api.md 1 and 1.9; the whole catalogue of the version 2019-09-24.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.cloud import (
    executions,
    images,
    instances,
    namespaces,
    replicas,
    repositories,
    rules,
    service_accounts,
    tokens,
)
from console.cloud.actions import Action

ACTIONS: Mapping[str, Action] = {
    action.name: action
    for module in (
        rules,
        executions,
        replicas,
        instances,
        namespaces,
        repositories,
        images,
        tokens,
        service_accounts,
    )
    for action in module.ACTIONS
}

_REASONS: Mapping[str | Promise, str] = {
    _("Regatta bills nothing, so that nothing is renewed."): "RenewInstance",
    _("Backends belong to the platform's operator; an instance has no storage of its own."): (
        "ModifyInstanceStorage"
    ),
    _("Repositories are made by the first push, and a registry keeps no descriptions."): (
        "CreateRepository ModifyRepository"
    ),
    _("Copying is done by rules. Make one from the instance to itself, with another target namespace."): (
        "DuplicateImage"
    ),
    _("Charts are artifacts like images: pull them from the registry."): (
        "DescribeChartDownloadInfo DownloadHelmChart"
    ),
    _("Regatta manages no networks. Who may reach a registry is decided in front of it."): (
        "CreateInternalEndpointDns CreateMultipleSecurityPolicy CreateSecurityPolicy DeleteInternalEndpointDns "
        "DeleteMultipleSecurityPolicy DeleteSecurityPolicy DescribeExternalEndpointStatus "
        "DescribeInternalEndpointDnsStatus DescribeInternalEndpoints DescribeSecurityPolicies ManageExternalEndpoint "
        "ManageInternalEndpoint ModifySecurityPolicy"
    ),
    _("Regatta manages no domains: an instance has the address of its registry."): (
        "CreateInstanceCustomizedDomain DeleteInstanceCustomizedDomain DescribeInstanceCustomizedDomain"
    ),
    _("Triggers belong to the registry. Regatta receives its push events."): (
        "CreateWebhookTrigger DeleteWebhookTrigger DescribeWebhookTrigger DescribeWebhookTriggerLog "
        "ModifyWebhookTrigger"
    ),
    _("Retention, immutable tags and garbage collection belong to the registry."): (
        "CreateGCJob CreateImmutableTagRules CreateTagRetentionExecution CreateTagRetentionRule "
        "DeleteImmutableTagRules DeleteTagRetentionRule DescribeGCJobs DescribeImmutableTagRules "
        "DescribeTagRetentionExecution DescribeTagRetentionExecutionTask DescribeTagRetentionRules "
        "ModifyImmutableTagRules ModifyTagRetentionRule TerminateGCJob"
    ),
    _("Regatta signs nothing; rules copy the signatures that images have."): (
        "CreateSignature CreateSignaturePolicy DeleteSignaturePolicy"
    ),
    _("Regatta converts no images for faster starts."): (
        "CreateImageAccelerationService DeleteImageAccelerateService DescribeImageAccelerateService"
    ),
    _("Models and skills are artifacts like images: pull them from the registry."): (
        "DeleteAIModel DeleteSkill DescribeAIModelVersionDetail DescribeSkillDetail DescribeSkillDownloadInfo "
        "ListAIModelVersions ListAIModels ListSkillVersions ListSkills"
    ),
    _("There is no Personal Edition here."): (
        "BatchDeleteImagePersonal BatchDeleteRepositoryPersonal CreateApplicationTriggerPersonal "
        "CreateNamespacePersonal CreateRepositoryPersonal CreateUserPersonal DeleteApplicationTriggerPersonal "
        "DeleteImageLifecycleGlobalPersonal DeleteImagePersonal "
        "DeleteNamespacePersonal DeleteRepositoryPersonal DescribeApplicationTriggerLogPersonal "
        "DescribeApplicationTriggerPersonal DescribeFavorRepositoryPersonal DescribeImageFilterPersonal "
        "DescribeImageLifecycleGlobalPersonal DescribeImageLifecyclePersonal DescribeImagePersonal "
        "DescribeNamespacePersonal DescribeRepositoryFilterPersonal DescribeRepositoryOwnerPersonal "
        "DescribeRepositoryPersonal DescribeUserQuotaPersonal DuplicateImagePersonal "
        "ManageImageLifecycleGlobalPersonal ModifyApplicationTriggerPersonal ModifyRepositoryAccessPersonal "
        "ModifyRepositoryInfoPersonal ModifyUserPasswordPersonal ValidateNamespaceExistPersonal "
        "ValidateRepositoryExistPersonal"
    ),
}

UNSUPPORTED: Mapping[str, str | Promise] = {
    name: sentence for sentence, names in _REASONS.items() for name in names.split()
}
"""Action → why it is not served; each is answered with `UnsupportedOperation` and this sentence."""
