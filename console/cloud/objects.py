"""
The objects inside requests and responses, as the vendor's API definition has them.

In responses, required fields are never null: clients dereference them without looking.

Source: reference/tencent-api.md 1 and tencent-api-actions.json, objects.
"""

from __future__ import annotations

from console.cloud.shapes import Shape, flag, many, number, one, text, texts

PLACE: Shape = {
    "RegistryId": text(required=True),
    "NamespaceName": text(required=True),
    "RepositoryName": text(required=True),
}
"""The fields that name a repository, of requests about one."""
TAG: Shape = {
    "Key": text(required=True),
    "Value": text(required=True),
}
TAG_SPECIFICATION: Shape = {
    "ResourceType": text(required=True),
    "Tags": many(TAG, required=True),
}
FILTER: Shape = {
    "Name": text(required=True),
    "Values": texts(required=True),
}
REGISTRY_CHARGE_PREPAID: Shape = {
    "Period": number(required=True),
    "RenewFlag": number(required=True),
}
REPLICATION_FILTER: Shape = {
    "Type": text(required=True),
    "Value": text(),
}
REPLICATION_RULE: Shape = {
    "Name": text(required=True),
    "DestNamespace": text(required=True, blank=True),
    "Override": flag(required=True),
    "Filters": many(REPLICATION_FILTER, required=True),
    "Deletion": flag(),
}
MODIFY_REPLICATION_RULE: Shape = {
    "DestNamespace": text(),
    "Override": flag(),
    "Deletion": flag(),
    "Filters": many(REPLICATION_FILTER),
    "Enabled": flag(),
}
PEER_REPLICATION_OPTION: Shape = {
    "PeerRegistryUin": text(required=True, blank=True),
    "PeerRegistryToken": text(required=True, blank=True),
    "EnablePeerReplication": flag(required=True),
}
PERMISSION: Shape = {
    "Resource": text(required=True),
    "Actions": texts(required=True),
}
CVE_WHITELIST_ITEM: Shape = {
    "CVEID": text(),
}
KEY_VALUE_STRING: Shape = {
    "Key": text(required=True),
    "Value": text(required=True),
}
REGION: Shape = {
    "Alias": text(required=True),
    "RegionId": number(required=True),
    "RegionName": text(required=True),
    "Status": text(required=True),
    "Remark": text(required=True),
    "CreatedAt": text(required=True),
    "UpdatedAt": text(required=True),
    "Id": number(required=True),
}
REGISTRY_CONDITION: Shape = {
    "Type": text(required=True),
    "Status": text(required=True),
    "Reason": text(required=True),
}
REGISTRY_STATUS: Shape = {
    "RegistryId": text(required=True),
    "Status": text(required=True),
    "Conditions": many(REGISTRY_CONDITION, required=True),
}
REGISTRY: Shape = {
    "RegistryId": text(required=True),
    "RegistryName": text(required=True),
    "RegistryType": text(required=True),
    "Status": text(required=True),
    "PublicDomain": text(required=True),
    "CreatedAt": text(required=True),
    "RegionName": text(required=True),
    "RegionId": number(required=True),
    "EnableAnonymous": flag(required=True),
    "TokenValidTime": number(required=True),
    "InternalEndpoint": text(required=True),
    "TagSpecification": one(TAG_SPECIFICATION, required=True),
    "ExpiredAt": text(required=True),
    "PayMod": number(required=True),
    "RenewFlag": number(required=True),
    "DeletionProtection": flag(required=True),
    "AIFeature": flag(),
    "EnableCosMAZ": flag(required=True),
    "EnableCosVersioning": flag(required=True),
}
POLICY_FILTER: Shape = {
    "Type": text(),
    "Value": text(),
}
REPLICATION_POLICY_INFO: Shape = {
    "ID": number(),
    "Name": text(),
    "Description": text(),
    "Filters": many(POLICY_FILTER),
    "Override": flag(),
    "Enabled": flag(),
    "SrcResource": text(),
    "DestResource": text(),
    "CreationTime": text(),
    "UpdateTime": text(),
}
REPLICATION_EXECUTION: Shape = {
    "ExecutionID": number(),
    "PolicyID": number(),
    "Status": text(),
    "Total": number(),
    "Succeed": number(),
    "StartTime": text(),
    "EndTime": text(),
}
REPLICATION_TASK: Shape = {
    "ResourceType": text(),
    "SrcResource": text(),
    "DstResource": text(),
    "JobID": text(),
    "Status": text(),
    "StartTime": text(),
    "EndTime": text(),
}
REPLICATION_REGISTRY: Shape = {
    "RegistryId": text(required=True),
    "ReplicationRegistryId": text(required=True),
    "ReplicationRegionId": number(required=True),
    "ReplicationRegionName": text(required=True),
    "Status": text(required=True),
    "CreatedAt": text(required=True),
}
TASK_DETAIL: Shape = {
    "TaskName": text(required=True),
    "TaskUUID": text(required=True),
    "TaskStatus": text(required=True),
    "TaskMessage": text(required=True),
    "CreatedTime": text(required=True),
    "FinishedTime": text(required=True),
}
REPLICATION_LOG: Shape = {
    "ResourceType": text(required=True),
    "Source": text(required=True),
    "Destination": text(required=True),
    "Status": text(required=True),
    "StartTime": text(required=True),
    "EndTime": text(required=True),
}
TCR_NAMESPACE_INFO: Shape = {
    "Name": text(required=True),
    "CreationTime": text(required=True),
    "Public": flag(required=True),
    "NamespaceId": number(required=True),
    "TagSpecification": one(TAG_SPECIFICATION, required=True),
    "Metadata": many(KEY_VALUE_STRING, required=True),
    "CVEWhitelistItems": many(CVE_WHITELIST_ITEM, required=True),
    "AutoScan": flag(required=True),
    "PreventVUL": flag(required=True),
    "Severity": text(required=True),
}
TCR_REPOSITORY_INFO: Shape = {
    "Name": text(required=True),
    "Namespace": text(required=True),
    "CreationTime": text(required=True),
    "Public": flag(required=True),
    "Description": text(required=True),
    "BriefDescription": text(required=True),
    "UpdateTime": text(required=True),
}
TCR_IMAGE_INFO: Shape = {
    "Digest": text(required=True),
    "Size": number(required=True),
    "ImageVersion": text(required=True),
    "UpdateTime": text(required=True),
    "Kind": text(required=True),
    "KmsSignature": text(required=True),
}
TCR_INSTANCE_TOKEN: Shape = {
    "Id": text(required=True),
    "Desc": text(required=True),
    "RegistryId": text(required=True),
    "Enabled": flag(required=True),
    "CreatedAt": text(required=True),
    "ExpiredAt": number(required=True),
}
SERVICE_ACCOUNT: Shape = {
    "Name": text(required=True),
    "Description": text(required=True),
    "Disable": flag(required=True),
    "ExpiresAt": number(required=True),
    "CreateTime": text(required=True),
    "UpdateTime": text(required=True),
    "Permissions": many(PERMISSION, required=True),
}
