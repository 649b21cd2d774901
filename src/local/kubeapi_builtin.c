/*
 * kubeapi_builtin.c - tables of kinds and types, after the Kubernetes API reference (1.32).
 *
 * The types hold what clients send and read; parts that a stand-in has no use for (affinity,
 * probes' handlers, volume sources) are "any": kept as they come. A type that is complete is better
 * than one that is not, so add fields here when something is pruned that should not be.
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

const char *const kubeapi_builtin_types =
	/* meta/v1 */
	"ObjectMeta: name string, generateName string, namespace string, selfLink string, uid "
	"string, "
	"resourceVersion string, generation long, creationTimestamp time, deletionTimestamp time, "
	"deletionGracePeriodSeconds long, labels {string}, annotations {string}, "
	"ownerReferences [OwnerReference](uid), finalizers [string]*, "
	"managedFields [ManagedFieldsEntry]\n"
	"OwnerReference!: apiVersion+ string, kind+ string, name+ string, uid+ string, "
	"controller bool, blockOwnerDeletion bool\n"
	"ManagedFieldsEntry: manager string, operation string, apiVersion string, time time, "
	"fieldsType string, fieldsV1 any, subresource string\n"
	"LabelSelector!: matchLabels {string}, matchExpressions [LabelSelectorRequirement]\n"
	"LabelSelectorRequirement: key+ string, operator+ string, values [string]\n"
	"Condition: type+ string, status+ string, observedGeneration long, lastTransitionTime "
	"time, "
	"lastUpdateTime time, lastProbeTime time, lastHeartbeatTime time, reason string, message "
	"string\n"
	"LocalObjectReference!: name string\n"
	"ObjectReference!: kind string, namespace string, name string, uid string, apiVersion "
	"string, "
	"resourceVersion string, fieldPath string\n"
	/* core/v1 */
	"Namespace: spec NamespaceSpec, status NamespaceStatus\n"
	"NamespaceSpec: finalizers [string]\n"
	"NamespaceStatus: phase string, conditions [Condition](type)\n"
	"ConfigMap: data {string}, binaryData {bytes}, immutable bool\n"
	"Secret: data {bytes}, stringData {string}, type string, immutable bool\n"
	"Service: spec ServiceSpec, status ServiceStatus\n"
	"ServiceSpec: type string=\"ClusterIP\", selector {string}!, clusterIP string, "
	"clusterIPs [string], externalIPs [string], externalName string, ipFamilies [string], "
	"ipFamilyPolicy string, ports [ServicePort](port protocol), sessionAffinity "
	"string=\"None\", "
	"sessionAffinityConfig any, loadBalancerIP string, loadBalancerClass string, "
	"loadBalancerSourceRanges [string], externalTrafficPolicy string, "
	"internalTrafficPolicy string, healthCheckNodePort int, publishNotReadyAddresses bool, "
	"allocateLoadBalancerNodePorts bool, trafficDistribution string\n"
	"ServicePort: name string, protocol string=\"TCP\", port+ int, targetPort intstr, nodePort "
	"int, "
	"appProtocol string\n"
	"ServiceStatus: loadBalancer LoadBalancerStatus, conditions [Condition](type)\n"
	"LoadBalancerStatus: ingress [LoadBalancerIngress]\n"
	"LoadBalancerIngress: ip string, hostname string, ipMode string, ports [any]\n"
	"ServiceAccount: secrets [ObjectReference](name), "
	"imagePullSecrets [LocalObjectReference], automountServiceAccountToken bool\n"
	"Pod: spec PodSpec, status PodStatus\n"
	"PodTemplateSpec: metadata ObjectMeta, spec PodSpec\n"
	"PodSpec: containers+ [Container](name), initContainers [Container](name), "
	"ephemeralContainers [Container](name), volumes [Volume](name), "
	"restartPolicy string=\"Always\", terminationGracePeriodSeconds long=30, "
	"activeDeadlineSeconds long, dnsPolicy string=\"ClusterFirst\", nodeSelector {string}!, "
	"serviceAccountName string, serviceAccount string, automountServiceAccountToken bool, "
	"nodeName string, hostNetwork bool, hostPID bool, hostIPC bool, hostUsers bool, "
	"shareProcessNamespace bool, securityContext any={}, "
	"imagePullSecrets [LocalObjectReference](name), hostname string, subdomain string, "
	"affinity any, schedulerName string=\"default-scheduler\", tolerations [Toleration], "
	"hostAliases [HostAlias](ip), priorityClassName string, priority int, dnsConfig any, "
	"readinessGates [any], runtimeClassName string, enableServiceLinks bool, "
	"preemptionPolicy string, overhead {quantity}, "
	"topologySpreadConstraints [TopologySpreadConstraint](topologyKey whenUnsatisfiable), "
	"setHostnameAsFQDN bool, os any, schedulingGates [any], resourceClaims [any]\n"
	"Toleration: key string, operator string, value string, effect string, tolerationSeconds "
	"long\n"
	"HostAlias: ip+ string, hostnames [string]\n"
	"TopologySpreadConstraint: maxSkew+ int, topologyKey+ string, whenUnsatisfiable+ string, "
	"labelSelector LabelSelector, minDomains int, nodeAffinityPolicy string, "
	"nodeTaintsPolicy string, matchLabelKeys [string]\n"
	"Container: name+ string, image string, command [string], args [string], workingDir "
	"string, "
	"ports [ContainerPort](containerPort protocol), envFrom [any], env [EnvVar](name), "
	"resources ResourceRequirements={}, volumeMounts [VolumeMount](mountPath), "
	"volumeDevices [VolumeDevice](devicePath), livenessProbe Probe, readinessProbe Probe, "
	"startupProbe Probe, lifecycle any, terminationMessagePath "
	"string=\"/dev/termination-log\", "
	"terminationMessagePolicy string=\"File\", imagePullPolicy string, securityContext any, "
	"stdin bool, stdinOnce bool, tty bool, resizePolicy [any], restartPolicy string, "
	"targetContainerName string\n"
	"ContainerPort: name string, hostPort int, containerPort+ int, protocol string=\"TCP\", "
	"hostIP string\n"
	"EnvVar: name+ string, value string, valueFrom EnvVarSource\n"
	"EnvVarSource: fieldRef any, resourceFieldRef any, configMapKeyRef any, secretKeyRef any\n"
	"ResourceRequirements: limits {quantity}, requests {quantity}, claims [any]\n"
	"VolumeMount: name+ string, readOnly bool, recursiveReadOnly string, mountPath+ string, "
	"subPath string, mountPropagation string, subPathExpr string\n"
	"VolumeDevice: name+ string, devicePath+ string\n"
	"Probe: exec any, httpGet any, tcpSocket any, grpc any, initialDelaySeconds int, "
	"timeoutSeconds int=1, periodSeconds int=10, successThreshold int=1, failureThreshold "
	"int=3, "
	"terminationGracePeriodSeconds long\n"
	"Volume: name+ string, hostPath any, emptyDir any, secret any, configMap any, projected "
	"any, "
	"persistentVolumeClaim any, downwardAPI any, csi any, nfs any, ephemeral any, "
	"awsElasticBlockStore any, iscsi any, fc any, image any\n"
	"PodStatus: phase string, conditions [Condition](type), message string, reason string, "
	"nominatedNodeName string, hostIP string, hostIPs [any], podIP string, podIPs [PodIP](ip), "
	"startTime time, initContainerStatuses [any], containerStatuses [any], qosClass string, "
	"ephemeralContainerStatuses [any], observedGeneration long, resize string\n"
	"PodIP: ip+ string\n"
	"Event: involvedObject ObjectReference, reason string, message string, source any, "
	"firstTimestamp time, lastTimestamp time, count int, type string, eventTime time, series "
	"any, "
	"action string, related ObjectReference, reportingComponent string, "
	"reportingInstance string\n"
	"Node: spec NodeSpec, status NodeStatus\n"
	"NodeSpec: podCIDR string, podCIDRs [string]*, providerID string, unschedulable bool, "
	"taints [any], configSource any, externalID string\n"
	"NodeStatus: capacity {quantity}, allocatable {quantity}, phase string, "
	"conditions [Condition](type), addresses [NodeAddress](type), daemonEndpoints any, "
	"nodeInfo any, "
	"images [any], volumesInUse [string], volumesAttached [any], config any, features any, "
	"runtimeHandlers [any]\n"
	"NodeAddress: type+ string, address+ string\n"
	"Endpoints: subsets [any]\n"
	"PersistentVolumeClaim: spec PersistentVolumeClaimSpec, status "
	"PersistentVolumeClaimStatus\n"
	"PersistentVolumeClaimSpec: accessModes [string], selector LabelSelector, resources any, "
	"volumeName string, storageClassName string, volumeMode string=\"Filesystem\", dataSource "
	"any, "
	"dataSourceRef any, volumeAttributesClassName string\n"
	"PersistentVolumeClaimStatus: phase string, accessModes [string], capacity {quantity}, "
	"conditions [Condition](type), allocatedResources {quantity}, "
	"allocatedResourceStatuses {string}\n"
	/* apps/v1 */
	"Deployment: spec DeploymentSpec, status DeploymentStatus\n"
	"DeploymentSpec: replicas int=1, selector+ LabelSelector, template+ PodTemplateSpec, "
	"strategy DeploymentStrategy={\"type\":\"RollingUpdate\"}, minReadySeconds int, "
	"revisionHistoryLimit int=10, paused bool, progressDeadlineSeconds int=600\n"
	"DeploymentStrategy: type string, rollingUpdate RollingUpdate\n"
	"RollingUpdate: maxUnavailable intstr, maxSurge intstr, partition int\n"
	"DeploymentStatus: observedGeneration long, replicas int, updatedReplicas int, "
	"readyReplicas int, availableReplicas int, unavailableReplicas int, "
	"terminatingReplicas int, conditions [Condition](type), collisionCount int\n"
	"ReplicaSet: spec ReplicaSetSpec, status ReplicaSetStatus\n"
	"ReplicaSetSpec: replicas int=1, minReadySeconds int, selector+ LabelSelector, "
	"template PodTemplateSpec\n"
	"ReplicaSetStatus: replicas int, fullyLabeledReplicas int, readyReplicas int, "
	"availableReplicas int, terminatingReplicas int, observedGeneration long, "
	"conditions [Condition](type)\n"
	"StatefulSet: spec StatefulSetSpec, status StatefulSetStatus\n"
	"StatefulSetSpec: replicas int=1, selector+ LabelSelector, template+ PodTemplateSpec, "
	"volumeClaimTemplates [PersistentVolumeClaimTemplate], serviceName string, "
	"podManagementPolicy string=\"OrderedReady\", "
	"updateStrategy DeploymentStrategy={\"type\":\"RollingUpdate\"}, "
	"revisionHistoryLimit int=10, minReadySeconds int, "
	"persistentVolumeClaimRetentionPolicy any, ordinals any\n"
	"PersistentVolumeClaimTemplate: apiVersion string, kind string, metadata ObjectMeta, "
	"spec PersistentVolumeClaimSpec, status PersistentVolumeClaimStatus\n"
	"StatefulSetStatus: observedGeneration long, replicas int, readyReplicas int, "
	"currentReplicas int, updatedReplicas int, currentRevision string, updateRevision string, "
	"collisionCount int, conditions [Condition](type), availableReplicas int\n"
	"DaemonSet: spec DaemonSetSpec, status DaemonSetStatus\n"
	"DaemonSetSpec: selector+ LabelSelector, template+ PodTemplateSpec, "
	"updateStrategy DeploymentStrategy={\"type\":\"RollingUpdate\"}, minReadySeconds int, "
	"revisionHistoryLimit int=10\n"
	"DaemonSetStatus: currentNumberScheduled int, numberMisscheduled int, "
	"desiredNumberScheduled int, numberReady int, observedGeneration long, "
	"updatedNumberScheduled int, numberAvailable int, numberUnavailable int, "
	"collisionCount int, conditions [Condition](type)\n"
	/* batch/v1 */
	"Job: spec JobSpec, status JobStatus\n"
	"JobSpec: parallelism int=1, completions int, activeDeadlineSeconds long, backoffLimit "
	"int=6, "
	"selector LabelSelector, manualSelector bool, template+ PodTemplateSpec, "
	"ttlSecondsAfterFinished int, completionMode string=\"NonIndexed\", suspend bool=false, "
	"podFailurePolicy any, backoffLimitPerIndex int, maxFailedIndexes int, "
	"podReplacementPolicy string, managedBy string, successPolicy any\n"
	"JobStatus: conditions [Condition](type), startTime time, completionTime time, active int, "
	"succeeded int, failed int, terminating int, ready int, completedIndexes string, "
	"failedIndexes string, uncountedTerminatedPods any\n"
	"CronJob: spec CronJobSpec, status CronJobStatus\n"
	"CronJobSpec: schedule+ string, timeZone string, startingDeadlineSeconds long, "
	"concurrencyPolicy string=\"Allow\", suspend bool=false, jobTemplate+ JobTemplateSpec, "
	"successfulJobsHistoryLimit int=3, failedJobsHistoryLimit int=1\n"
	"JobTemplateSpec: metadata ObjectMeta, spec JobSpec\n"
	"CronJobStatus: active [ObjectReference], lastScheduleTime time, lastSuccessfulTime time\n"
	/* rbac.authorization.k8s.io/v1 */
	"Role: rules [PolicyRule]\n"
	"ClusterRole: rules [PolicyRule], aggregationRule any\n"
	"PolicyRule: verbs+ [string], apiGroups [string], resources [string], resourceNames "
	"[string], "
	"nonResourceURLs [string]\n"
	"RoleBinding: subjects [Subject], roleRef+ RoleRef\n"
	"ClusterRoleBinding: subjects [Subject], roleRef+ RoleRef\n"
	"Subject: kind+ string, apiGroup string, name+ string, namespace string\n"
	"RoleRef!: apiGroup string=\"rbac.authorization.k8s.io\", kind+ string, name+ string\n"
	/* apiextensions.k8s.io/v1 */
	"CustomResourceDefinition: spec+ CustomResourceDefinitionSpec, "
	"status CustomResourceDefinitionStatus\n"
	"CustomResourceDefinitionSpec: group+ string, names+ CustomResourceDefinitionNames, "
	"scope+ string, versions+ [CustomResourceDefinitionVersion], conversion any, "
	"preserveUnknownFields bool\n"
	"CustomResourceDefinitionNames: plural+ string, singular string, shortNames [string], "
	"kind+ string, listKind string, categories [string]\n"
	"CustomResourceDefinitionVersion: name+ string, served+ bool, storage+ bool, "
	"deprecated bool, deprecationWarning string, schema CustomResourceValidation, "
	"subresources CustomResourceSubresources, additionalPrinterColumns [any], "
	"selectableFields [any]\n"
	"CustomResourceValidation: openAPIV3Schema any\n"
	"CustomResourceSubresources: status any, scale any\n"
	"CustomResourceDefinitionStatus: conditions [Condition](type), "
	"acceptedNames CustomResourceDefinitionNames, storedVersions [string], "
	"observedGeneration long\n"
	/* coordination.k8s.io/v1 */
	"Lease: spec LeaseSpec\n"
	"LeaseSpec: holderIdentity string, leaseDurationSeconds int, acquireTime time, "
	"renewTime time, leaseTransitions int, strategy string, preferredHolder string\n";

size_t kubeapi_builtins(const struct kubeapi_builtin **ret)
{
	*ret = kinds;
	return sizeof(kinds) / sizeof(kinds[0]);
}
