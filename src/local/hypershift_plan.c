/*
 * hypershift_plan.c - conditions, stage by stage.
 *
 * A hosted cluster comes up in four stages, each one write where time allows: accepted,
 * infrastructure and etcd, API server, all. The tables say at which stage a condition gets its
 * final status, and what it says before.
 */
#include "local/hypershift_plan.h"

#include "base/clock.h"

#define PORT 443
#define AS_EXPECTED "AsExpected"
#define UNKNOWN "StatusUnknown"
#define NO_CVO "Condition not found in the CVO."

enum stage { STAGE_ACCEPTED, STAGE_INFRASTRUCTURE, STAGE_API_SERVER, STAGE_COMPLETE, STAGE_NEVER };

struct condition {
	const char *type;
	enum stage stage; /* from which on it has its final status */
	const char *before, *before_reason, *before_message;
	const char *finally, *final_reason, *final_message;
};

/* In the order in which HyperShift writes them. */
static const struct condition cluster_conditions[] = {
	{"ValidAWSIdentityProvider", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"Identity provider is valid"},
	{"PlatformCredentialsFound", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"Required platform credentials are found"},
	{"ClusterVersionSucceeding", STAGE_COMPLETE, "Unknown", UNKNOWN, NO_CVO, "True",
		"FromClusterVersion", ""},
	{"ClusterVersionProgressing", STAGE_COMPLETE, "Unknown", UNKNOWN, NO_CVO, "False",
		"FromClusterVersion", ""},
	{"ClusterVersionReleaseAccepted", STAGE_COMPLETE, "Unknown", UNKNOWN, NO_CVO, "True",
		"PayloadLoaded", ""},
	{"ClusterVersionUpgradeable", STAGE_COMPLETE, "Unknown", UNKNOWN, NO_CVO, "True",
		AS_EXPECTED, ""},
	{"ClusterVersionAvailable", STAGE_COMPLETE, "Unknown", UNKNOWN, NO_CVO, "True",
		"FromClusterVersion", ""},
	{"Degraded", STAGE_INFRASTRUCTURE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "False", AS_EXPECTED,
		"The hosted cluster is not degraded"},
	{"EtcdAvailable", STAGE_INFRASTRUCTURE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", "QuorumAvailable", ""},
	{"KubeAPIServerAvailable", STAGE_API_SERVER, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", AS_EXPECTED,
		"Kube APIServer deployment is available"},
	{"InfrastructureReady", STAGE_INFRASTRUCTURE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", AS_EXPECTED, "All is well"},
	{"ExternalDNSReachable", STAGE_NEVER, "Unknown", UNKNOWN, "External DNS is not configured",
		NULL, NULL, NULL},
	{"ValidHostedControlPlaneConfiguration", STAGE_INFRASTRUCTURE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", AS_EXPECTED,
		"Configuration passes validation"},
	{"ValidReleaseInfo", STAGE_INFRASTRUCTURE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", AS_EXPECTED, "All is well"},
	{"DataPlaneConnectionAvailable", STAGE_COMPLETE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", AS_EXPECTED, "All is well"},
	{"ControlPlaneConnectionAvailable", STAGE_COMPLETE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", AS_EXPECTED, "All is well"},
	{"ConfigOperatorReconciliationSucceeded", STAGE_COMPLETE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", AS_EXPECTED, "All is well"},
	{"AWSDefaultSecurityGroupCreated", STAGE_INFRASTRUCTURE, "Unknown", UNKNOWN,
		"The hosted control plane is not found", "True", AS_EXPECTED, "All is well"},
	{"ValidAWSKMSConfig", STAGE_NEVER, "Unknown", UNKNOWN, "AWS KMS is not configured", NULL,
		NULL, NULL},
	{"Available", STAGE_COMPLETE, "False", "WaitingForAvailable",
		"Waiting for hosted control plane to be healthy", "True", AS_EXPECTED,
		"The hosted control plane is available"},
	{"ValidConfiguration", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"Configuration passes validation"},
	{"SupportedHostedCluster", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"HostedCluster is supported by operator configuration"},
	{"ValidProxyConfiguration", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"Proxy configuration is valid"},
	{"ValidOIDCConfiguration", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"OIDC configuration is valid"},
	{"IgnitionEndpointAvailable", STAGE_API_SERVER, "False", "NotFound",
		"Ignition server deployment not found", "True", AS_EXPECTED,
		"Ignition server deployment is available"},
	{"ReconciliationActive", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"Reconciliation active on resource"},
	{"ValidReleaseImage", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"Release image is valid"},
	{"Progressing", STAGE_COMPLETE, "True", "Progressing",
		"Working towards the desired release", "False", AS_EXPECTED,
		"HostedCluster is at expected version"},
	{"ReconciliationSucceeded", STAGE_ACCEPTED, NULL, NULL, NULL, "True",
		"ReconciliatonSucceeded",
		"Reconciliation completed successfully"}, /* upstream's spelling */
};

static const struct condition pool_conditions[] = {
	{"UpdateManagementEnabled", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED, ""},
	{"ValidReleaseImage", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"Using release image"},
	{"ValidArchPlatform", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED, ""},
	{"ReconciliationActive", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED,
		"Reconciliation active on resource"},
	{"SupportedVersionSkew", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED, ""},
	{"ValidMachineConfig", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED, ""},
	{"UpdatingConfig", STAGE_ACCEPTED, NULL, NULL, NULL, "False", AS_EXPECTED, ""},
	{"UpdatingVersion", STAGE_COMPLETE, "True", "Updating",
		"Bringing nodes to the desired release", "False", AS_EXPECTED, ""},
	{"ValidGeneratedPayload", STAGE_COMPLETE, "False", "WaitingForControlPlane",
		"Waiting for the control plane", "True", AS_EXPECTED,
		"Payload generated successfully"},
	{"ReachedIgnitionEndpoint", STAGE_COMPLETE, "False", "ignitionNotReached", "", "True",
		AS_EXPECTED, ""},
	{"ValidTuningConfig", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED, ""},
	{"AllMachinesReady", STAGE_COMPLETE, "False", "WaitingForMachines", "Waiting for machines",
		"True", AS_EXPECTED, "All is well"},
	{"AllNodesHealthy", STAGE_COMPLETE, "False", "WaitingForNodes", "Waiting for nodes", "True",
		AS_EXPECTED, "All is well"},
	{"AWSSecurityGroupAvailable", STAGE_COMPLETE, "False", "DefaultSGNotReady", "", "True",
		AS_EXPECTED, ""},
	{"ValidPlatformImage", STAGE_ACCEPTED, NULL, NULL, NULL, "True", AS_EXPECTED, ""},
	{"UpdatingPlatformMachineTemplate", STAGE_ACCEPTED, NULL, NULL, NULL, "False", AS_EXPECTED,
		""},
	{"Ready", STAGE_COMPLETE, "False", "WaitingForNodes", "Waiting for nodes", "True",
		AS_EXPECTED, ""},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- reading an object --------------------------------------------------------------------- */

struct str hypershift_version(struct str image)
{
	struct str tag = image, part;
	size_t length = 0;

	while (!str_is_null(tag) && str_index(tag, '/') >= 0)
		str_cut(&tag, '/');
	part = str_cut(&tag, ':');
	tag = str_is_null(tag) ? part : tag;
	while (length < tag.len &&
		((tag.ptr[length] >= '0' && tag.ptr[length] <= '9') || tag.ptr[length] == '.'))
		length++;
	return length > 0 ? str_slice(tag, 0, length) : tag;
}

static const struct json *find_condition(const struct json *status, struct str type)
{
	const struct json *condition;

	json_for_each (json_get(status, "conditions"), i, condition)
		if (str_eq(json_get_text(condition, "type"), type))
			return condition;
	return NULL;
}

static bool is_true(const struct json *status, const char *type)
{
	return str_eq(json_get_text(find_condition(status, str_of(type)), "status"), STR("True"));
}

static bool has_finalizer(const struct json *object)
{
	const struct json *item;

	json_for_each (json_find(object, "metadata", "finalizers", NULL), i, item)
		if (str_eq(json_str(item), STR(HYPERSHIFT_FINALIZER)))
			return true;
	return false;
}

static bool is_deleting(const struct json *object)
{
	return json_find(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

static struct str image_of(const struct json *object)
{
	return json_str(json_find(object, "spec", "release", "image", NULL));
}

static const struct json *newest_release(const struct json *status)
{
	return json_at(json_get(json_get(status, "version"), "history"), 0);
}

/* --- writing a status ---------------------------------------------------------------------- */

struct writing {
	struct arena *arena;
	const struct json *object;
	const struct json *old; /* status */
	int64_t now_us;
	struct str failing, failing_reason;
};

static struct json *new_condition(const struct writing *writing, const char *type, struct str state,
	struct str reason, struct str message)
{
	const struct json *old = find_condition(writing->old, str_of(type));
	struct json *condition = json_new_object(writing->arena);
	bool is_same = old && str_eq(json_get_text(old, "status"), state);

	json_set_text(condition, "type", str_of(type));
	json_set_text(condition, "status", state);
	json_set_text(condition, "reason", reason);
	json_set_text(condition, "message", message);
	json_set(condition, "observedGeneration",
		json_find(writing->object, "metadata", "generation", NULL));
	json_set_text(condition, "lastTransitionTime",
		is_same ? json_get_text(old, "lastTransitionTime")
			: clock_text_seconds(writing->arena, writing->now_us));
	return condition;
}

static struct json *condition_at(
	const struct writing *writing, const struct condition *row, enum stage stage)
{
	if (str_eq_c(writing->failing, row->type))
		return new_condition(writing, row->type, STR("False"), writing->failing_reason,
			STR("Told to fail by annotation " HYPERSHIFT_FAIL_ANNOTATION));
	if (stage >= row->stage)
		return new_condition(writing, row->type, str_of(row->finally),
			str_of(row->final_reason), str_of(row->final_message));
	return new_condition(writing, row->type, str_of(row->before), str_of(row->before_reason),
		str_of(row->before_message));
}

static struct json *conditions_at(
	const struct writing *writing, const struct condition *rows, size_t count, enum stage stage)
{
	struct json *conditions = json_new_array(writing->arena);

	for (size_t i = 0; i < count; i++)
		json_append(conditions, condition_at(writing, &rows[i], stage));
	return conditions;
}

/* The stage of the condition that is told to fail: the cluster stays before it. */
static enum stage ceiling_of(const struct writing *writing)
{
	for (size_t i = 0; i < COUNT(cluster_conditions); i++)
		if (str_eq_c(writing->failing, cluster_conditions[i].type) &&
			cluster_conditions[i].stage <= STAGE_COMPLETE)
			return cluster_conditions[i].stage;
	return STAGE_COMPLETE;
}

static void read_failing(struct writing *writing)
{
	struct str text =
		json_str(json_get(json_find(writing->object, "metadata", "annotations", NULL),
			HYPERSHIFT_FAIL_ANNOTATION));

	if (!text.len)
		return;
	writing->failing = str_cut(&text, '=');
	writing->failing_reason = text.len ? text : STR("ToldToFail");
}

/* version: the newest release first; what was there stays behind it. */
static struct json *version_at(const struct writing *writing, bool is_complete)
{
	struct arena *arena = writing->arena;
	struct str image = image_of(writing->object),
		   now = clock_text_seconds(arena, writing->now_us);
	const struct json *old = json_get(json_get(writing->old, "version"), "history");
	struct json *item;
	bool is_known = str_eq(json_get_text(json_at(old, 0), "image"), image);
	struct json *version = json_new_object(arena), *history = json_new_array(arena);
	struct json *entry = json_new_object(arena), *desired = json_new_object(arena);
	struct str started = is_known ? json_get_text(json_at(old, 0), "startedTime") : now;

	json_set_text(entry, "state", is_complete ? STR("Completed") : STR("Partial"));
	json_set_text(entry, "image", image);
	json_set_text(entry, "startedTime", started);
	json_set_bool(entry, "verified", false);
	if (is_complete) {
		json_set_text(entry, "version", hypershift_version(image));
		json_set_text(entry, "completionTime", now);
	}
	json_append(history, entry);
	json_for_each (old, i, item)
		if (i > 0 || !is_known)
			json_append(history, item);
	json_set_text(desired, "image", image);
	if (is_complete)
		json_set_text(desired, "version", hypershift_version(image));
	json_set(version, "desired", desired);
	json_set(version, "history", history);
	json_set(version, "observedGeneration",
		json_find(writing->object, "metadata", "generation", NULL));
	return version;
}

static void add_endpoint(const struct writing *writing, struct json *status)
{
	struct arena *arena = writing->arena;
	struct str name = json_str(json_find(writing->object, "metadata", "name", NULL));
	struct str domain = json_str(json_find(writing->object, "spec", "dns", "baseDomain", NULL));
	domain = domain.len ? domain : STR("hypershift.local");
	struct json *endpoint = json_new_object(arena), *kubeconfig = json_new_object(arena);
	struct json *password = json_new_object(arena);

	json_set_text(endpoint, "host",
		arena_printf(arena, "api.%" STR_F ".%" STR_F, STR_A(name), STR_A(domain)));
	json_set_int(endpoint, "port", PORT);
	json_set(status, "controlPlaneEndpoint", endpoint);
	json_set_text(kubeconfig, "name",
		arena_printf(arena, "%" STR_F "-admin-kubeconfig", STR_A(name)));
	json_set(status, "kubeconfig", kubeconfig);
	json_set_text(password, "name",
		arena_printf(arena, "%" STR_F "-kubeadmin-password", STR_A(name)));
	json_set(status, "kubeadminPassword", password);
	json_set_text(status, "ignitionEndpoint",
		arena_printf(
			arena, "ignition-server-%" STR_F ".%" STR_F, STR_A(name), STR_A(domain)));
}

static struct json *cluster_status(struct writing *writing, enum stage stage, bool is_updating)
{
	struct json *status = json_new_object(writing->arena);
	struct json *conditions =
		conditions_at(writing, cluster_conditions, COUNT(cluster_conditions), stage);

	if (is_updating)
		for (size_t i = 0; i < json_count(conditions); i++) {
			struct str type = json_get_text(json_at(conditions, i), "type");
			if (str_eq(type, STR("Progressing")) ||
				str_eq(type, STR("ClusterVersionProgressing")))
				json_replace_at(conditions, i,
					new_condition(writing, arena_cstr(writing->arena, type),
						STR("True"), STR("Progressing"),
						STR("Working towards the desired release")));
		}
	json_set(status, "conditions", conditions);
	json_set(status, "version", version_at(writing, stage == STAGE_COMPLETE && !is_updating));
	if (stage >= STAGE_API_SERVER)
		add_endpoint(writing, status);
	if (stage == STAGE_COMPLETE)
		json_set_text(status, "payloadArch", STR("Amd64"));
	return status;
}

/* --- hosted clusters ----------------------------------------------------------------------- */

/* The stage to write next, and whether it is one of an update of a cluster that is up. */
static enum stage next_stage(const struct writing *writing, bool *ret_is_updating)
{
	const struct json *status = writing->old, *newest = newest_release(status);
	bool is_current =
		newest && str_eq(json_get_text(newest, "image"), image_of(writing->object));
	bool was_up = is_true(status, "Available");

	*ret_is_updating = newest && !is_current && was_up;
	if (*ret_is_updating)
		return STAGE_COMPLETE;
	if (!is_current && !newest)
		return STAGE_ACCEPTED;
	if (was_up)
		return STAGE_COMPLETE;
	if (!is_true(status, "InfrastructureReady") || !is_true(status, "EtcdAvailable"))
		return STAGE_INFRASTRUCTURE;
	return is_true(status, "KubeAPIServerAvailable") ? STAGE_COMPLETE : STAGE_API_SERVER;
}

static bool is_up_to_date(const struct writing *writing)
{
	const struct json *newest = newest_release(writing->old), *generation;

	generation = json_get(find_condition(writing->old, STR("Available")), "observedGeneration");
	return newest && str_eq(json_get_text(newest, "image"), image_of(writing->object)) &&
	       str_eq(json_get_text(newest, "state"), STR("Completed")) &&
	       is_true(writing->old, "Available") &&
	       json_equal(generation, json_find(writing->object, "metadata", "generation", NULL)) &&
	       !writing->failing.len;
}

/* Whether two statuses differ in more than the times at which they were written. */
static bool says_the_same(struct arena *arena, const struct json *a, const struct json *b)
{
	struct json *each[] = {json_copy(arena, a), json_copy(arena, b)}, *entry;

	for (size_t i = 0; i < COUNT(each); i++) {
		json_for_each (json_find(each[i], "version", "history", NULL), j, entry)
			json_remove(entry, STR("completionTime"));
	}
	return json_equal(each[0], each[1]);
}

struct hypershift_plan hypershift_plan_cluster(struct arena *arena,
	const struct json *hosted_cluster, size_t node_pools, struct hypershift_moment moment)
{
	struct writing writing = {.arena = arena,
		.object = hosted_cluster,
		.old = json_get(hosted_cluster, "status"),
		.now_us = moment.now_us};
	struct hypershift_plan plan = {HYPERSHIFT_NOTHING, NULL, false};
	bool is_updating;

	if (is_deleting(hosted_cluster)) {
		if (has_finalizer(hosted_cluster))
			plan.action = node_pools ? HYPERSHIFT_DELETE_NODE_POOLS
						 : HYPERSHIFT_REMOVE_FINALIZER;
		return plan;
	}
	if (!has_finalizer(hosted_cluster)) {
		plan.action = HYPERSHIFT_ADD_FINALIZER;
		return plan;
	}
	read_failing(&writing);
	if (is_up_to_date(&writing))
		return plan;
	enum stage stage = next_stage(&writing, &is_updating);
	if (moment.stages > STAGE_COMPLETE - stage)
		stage = STAGE_COMPLETE;
	else if (moment.stages > 1)
		stage += moment.stages - 1;
	if (writing.failing.len && stage >= ceiling_of(&writing)) {
		stage = ceiling_of(&writing) == STAGE_ACCEPTED ? STAGE_ACCEPTED
							       : ceiling_of(&writing) - 1;
		is_updating = false;
	}
	plan.status = cluster_status(&writing, stage, is_updating);
	plan.is_complete = stage == STAGE_COMPLETE && !is_updating;
	plan.action = says_the_same(arena, plan.status, writing.old) ? HYPERSHIFT_NOTHING
								     : HYPERSHIFT_WRITE_STATUS;
	return plan;
}

/* --- node pools ---------------------------------------------------------------------------- */

static int64_t wanted_replicas(const struct json *node_pool)
{
	const struct json *spec = json_get(node_pool, "spec");

	if (json_is(json_get(spec, "autoScaling"), JSON_OBJECT))
		return json_int(json_find(spec, "autoScaling", "min", NULL), 0);
	return json_int(json_get(spec, "replicas"), 0);
}

static struct json *pool_status(struct writing *writing, enum stage stage)
{
	const struct json *spec = json_get(writing->object, "spec");
	struct json *status = json_new_object(writing->arena);
	struct json *conditions =
		conditions_at(writing, pool_conditions, COUNT(pool_conditions), stage);
	bool scales = json_is(json_get(spec, "autoScaling"), JSON_OBJECT);
	bool repairs = json_bool(json_find(spec, "management", "autoRepair", NULL), false);
	bool is_done = stage == STAGE_COMPLETE;

	json_insert_at(conditions, 0,
		new_condition(writing, "AutoscalingEnabled", scales ? STR("True") : STR("False"),
			STR(AS_EXPECTED), STR("")));
	json_append(conditions,
		new_condition(writing, "AutorepairEnabled", repairs ? STR("True") : STR("False"),
			STR(AS_EXPECTED), STR("")));
	json_set_int(status, "replicas",
		is_done ? wanted_replicas(writing->object)
			: json_int(json_get(writing->old, "replicas"), 0));
	if (is_done)
		json_set_text(status, "version", hypershift_version(image_of(writing->object)));
	else
		json_set_text(status, "version", json_get_text(writing->old, "version"));
	json_set(status, "conditions", conditions);
	return status;
}

struct hypershift_plan hypershift_plan_pool(struct arena *arena, const struct json *node_pool,
	const struct json *hosted_cluster, struct hypershift_moment moment)
{
	struct writing writing = {.arena = arena,
		.object = node_pool,
		.old = json_get(node_pool, "status"),
		.now_us = moment.now_us};
	struct hypershift_plan plan = {HYPERSHIFT_NOTHING, NULL, false};

	if (is_deleting(node_pool)) {
		if (has_finalizer(node_pool))
			plan.action = HYPERSHIFT_REMOVE_FINALIZER;
		return plan;
	}
	if (!has_finalizer(node_pool)) {
		plan.action = HYPERSHIFT_ADD_FINALIZER;
		return plan;
	}
	bool is_seen = moment.stages > 1 || find_condition(writing.old, STR("Ready")) != NULL;
	bool may_join = is_true(json_get(hosted_cluster, "status"), "IgnitionEndpointAvailable");
	plan.status = pool_status(&writing, is_seen && may_join ? STAGE_COMPLETE : STAGE_ACCEPTED);
	plan.is_complete = is_seen && may_join;
	if (!json_equal(plan.status, writing.old))
		plan.action = HYPERSHIFT_WRITE_STATUS;
	else
		plan.action = is_seen && may_join ? HYPERSHIFT_NOTHING : HYPERSHIFT_WAIT;
	return plan;
}
