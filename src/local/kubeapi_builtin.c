/*
 * kubeapi_builtin.c - the table of built-in kinds.
 */
#include "local/kubeapi_builtin.h"

#define NAME_COLUMN                                                 \
	{                                                           \
		"Name", "string", ".metadata.name", 0, "name", NULL \
	}
#define AGE_COLUMN                                                          \
	{                                                                   \
		"Age", "date", ".metadata.creationTimestamp", 0, NULL, NULL \
	}
#define WORKLOAD_SCALE ".spec.replicas", ".status.replicas", "=selector"

static const struct kubeapi_builtin kinds[] = {
	{"", "v1", "Namespace", "namespaces", "ns", NULL, false, true, false, NULL, NULL, NULL,
		"status.phase", NULL,
		{NAME_COLUMN, {"Status", "string", ".status.phase"}, AGE_COLUMN}},
	{"", "v1", "ConfigMap", "configmaps", "cm", NULL, true, false, false, NULL, NULL, NULL,
		NULL, NULL, {NAME_COLUMN, {"Data", "string", "=data"}, AGE_COLUMN}},
	{"", "v1", "Secret", "secrets", NULL, NULL, true, false, false, NULL, NULL, NULL, "type",
		"type",
		{NAME_COLUMN, {"Type", "string", ".type"}, {"Data", "string", "=data"},
			AGE_COLUMN}},
	{"", "v1", "Service", "services", "svc", "all", true, true, false, NULL, NULL, NULL,
		"spec.clusterIP spec.type", NULL,
		{NAME_COLUMN, {"Type", "string", ".spec.type"},
			{"Cluster-IP", "string", ".spec.clusterIP"},
			{"External-IP", "string", "=external"}, {"Port(s)", "string", "=ports"},
			AGE_COLUMN, {"Selector", "string", "=selector", 1}}},
	{"", "v1", "ServiceAccount", "serviceaccounts", "sa", NULL, true, false, false, NULL, NULL,
		NULL, NULL, NULL, {NAME_COLUMN, {"Secrets", "string", "=secrets"}, AGE_COLUMN}},
	{"", "v1", "Pod", "pods", "po", "all", true, true, false, NULL, NULL, NULL,
		"spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName "
		"status.phase status.podIP status.nominatedNodeName",
		NULL,
		{NAME_COLUMN, {"Ready", "string", "=podready"}, {"Status", "string", "=podstatus"},
			{"Restarts", "string", "=restarts"}, AGE_COLUMN,
			{"IP", "string", ".status.podIP", 1},
			{"Node", "string", ".spec.nodeName", 1}}},
	{"", "v1", "Event", "events", "ev", NULL, true, false, false, NULL, NULL, NULL,
		"involvedObject.kind involvedObject.namespace involvedObject.name "
		"involvedObject.uid involvedObject.apiVersion involvedObject.resourceVersion "
		"involvedObject.fieldPath reason reportingComponent source type",
		NULL,
		{{"Last Seen", "date", "=lastseen"}, {"Type", "string", ".type"},
			{"Reason", "string", ".reason"}, {"Object", "string", "=involved"},
			{"Message", "string", ".message"}, {"Count", "integer", ".count", 1},
			{"Name", "string", ".metadata.name", 1, "name"}}},
	{"", "v1", "Node", "nodes", "no", NULL, false, true, false, NULL, NULL, NULL,
		"spec.unschedulable", NULL,
		{NAME_COLUMN, {"Status", "string", "=nodestatus"}, {"Roles", "string", "=roles"},
			AGE_COLUMN, {"Version", "string", ".status.nodeInfo.kubeletVersion"}}},
	{"", "v1", "Endpoints", "endpoints", "ep", NULL, true, false, false, NULL, NULL, NULL, NULL,
		NULL, {NAME_COLUMN, AGE_COLUMN}},
	{"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", NULL, true, true,
		false, NULL, NULL, NULL, NULL, NULL,
		{NAME_COLUMN, {"Status", "string", ".status.phase"},
			{"Volume", "string", ".spec.volumeName"},
			{"Capacity", "string", ".status.capacity.storage"},
			{"StorageClass", "string", ".spec.storageClassName"}, AGE_COLUMN}},
	{"apps", "v1", "Deployment", "deployments", "deploy", "all", true, true, true,
		WORKLOAD_SCALE, NULL, "spec.selector",
		{NAME_COLUMN, {"Ready", "string", "=replicas"},
			{"Up-to-date", "integer", "=updated"},
			{"Available", "integer", "=available"}, AGE_COLUMN,
			{"Containers", "string", "=containers", 1},
			{"Images", "string", "=images", 1},
			{"Selector", "string", "=selector", 1}}},
	{"apps", "v1", "ReplicaSet", "replicasets", "rs", "all", true, true, true, WORKLOAD_SCALE,
		"status.replicas", "spec.selector",
		{NAME_COLUMN, {"Desired", "integer", ".spec.replicas"},
			{"Current", "integer", "=current"}, {"Ready", "integer", "=ready"},
			AGE_COLUMN, {"Containers", "string", "=containers", 1},
			{"Images", "string", "=images", 1}}},
	{"apps", "v1", "StatefulSet", "statefulsets", "sts", "all", true, true, true,
		WORKLOAD_SCALE, NULL, "spec.selector spec.serviceName",
		{NAME_COLUMN, {"Ready", "string", "=replicas"}, AGE_COLUMN,
			{"Containers", "string", "=containers", 1},
			{"Images", "string", "=images", 1}}},
	{"apps", "v1", "DaemonSet", "daemonsets", "ds", "all", true, true, true, NULL, NULL, NULL,
		NULL, "spec.selector",
		{NAME_COLUMN, {"Desired", "integer", ".status.desiredNumberScheduled"},
			{"Current", "integer", ".status.currentNumberScheduled"},
			{"Ready", "integer", ".status.numberReady"}, AGE_COLUMN,
			{"Images", "string", "=images", 1}}},
	{"batch", "v1", "Job", "jobs", NULL, "all", true, true, true, NULL, NULL, NULL,
		"status.successful", "spec.selector spec.completionMode",
		{NAME_COLUMN, {"Status", "string", "=jobstatus"},
			{"Completions", "string", "=completions"}, AGE_COLUMN,
			{"Images", "string", "=images", 1}}},
	{"batch", "v1", "CronJob", "cronjobs", "cj", "all", true, true, true, NULL, NULL, NULL,
		NULL, NULL,
		{NAME_COLUMN, {"Schedule", "string", ".spec.schedule"},
			{"Suspend", "boolean", ".spec.suspend"},
			{"Last Schedule", "date", ".status.lastScheduleTime"}, AGE_COLUMN}},
	{"rbac.authorization.k8s.io", "v1", "Role", "roles", NULL, NULL, true, false, false, NULL,
		NULL, NULL, NULL, NULL,
		{NAME_COLUMN, {"Created At", "string", ".metadata.creationTimestamp"}}},
	{"rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", NULL, NULL, true, false,
		false, NULL, NULL, NULL, NULL, "roleRef",
		{NAME_COLUMN, {"Role", "string", "=role"}, AGE_COLUMN}},
	{"rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", NULL, NULL, false, false,
		false, NULL, NULL, NULL, NULL, NULL,
		{NAME_COLUMN, {"Created At", "string", ".metadata.creationTimestamp"}}},
	{"rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", NULL, NULL,
		false, false, false, NULL, NULL, NULL, NULL, "roleRef",
		{NAME_COLUMN, {"Role", "string", "=role"}, AGE_COLUMN}},
	{"apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
		"crd crds", "api-extensions", false, true, true, NULL, NULL, NULL, NULL,
		"spec.group spec.names.plural spec.names.kind spec.scope",
		{NAME_COLUMN, {"Created At", "string", ".metadata.creationTimestamp"}}},
	{"coordination.k8s.io", "v1", "Lease", "leases", NULL, NULL, true, false, false, NULL, NULL,
		NULL, NULL, NULL,
		{NAME_COLUMN, {"Holder", "string", ".spec.holderIdentity"}, AGE_COLUMN}},
};

size_t kubeapi_builtins(const struct kubeapi_builtin **ret)
{
	*ret = kinds;
	return sizeof(kinds) / sizeof(kinds[0]);
}
