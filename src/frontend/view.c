/*
 * view.c - CLM's resource and its adapters' reports as one cluster object.
 *
 * Four conditions are shown: Reconciled and LastKnownReconciled as CLM aggregates them, Placed (the
 * placement adapter has found room) and Available (the hosted control plane answers and its node
 * pools are complete, as the hypershift adapter reports). The phase follows from them.
 */
#include "frontend/view.h"

#define PLACEMENT STR("placement")
#define HYPERSHIFT STR("hypershift")

static const struct json *find_by(const struct json *list, const char *key, struct str value)
{
	const struct json *item;

	json_for_each (list, i, item)
		if (str_eq(json_get_text(item, key), value))
			return item;
	return NULL;
}

static const struct json *report_of(const struct json *reports, struct str adapter)
{
	return find_by(reports, "adapter", adapter);
}

/* A report's Available condition. */
static const struct json *available(const struct json *report)
{
	return find_by(json_get(report, "conditions"), "type", STR("Available"));
}

static bool is_true(const struct json *condition)
{
	return str_eq(json_get_text(condition, "status"), STR("True"));
}

/* From snake_case, under another type name. */
static struct json *condition_view(struct arena *arena, struct str type,
	const struct json *condition, const struct json *observed_generation)
{
	struct json *view = json_new_object(arena);

	json_set_text(view, "type", type);
	json_set_text(view, "status", json_get_text(condition, "status"));
	json_set_text(view, "reason", json_get_text(condition, "reason"));
	json_set_text(view, "message", json_get_text(condition, "message"));
	json_set(view, "observedGeneration", (struct json *)observed_generation);
	json_set_text(view, "lastTransitionTime", json_get_text(condition, "last_transition_time"));
	return view;
}

static struct json *conditions_view(struct arena *arena, const struct json *resource,
	const struct json *placement, const struct json *hypershift)
{
	static const struct str aggregated[] = {STR("Reconciled"), STR("LastKnownReconciled")};
	const struct json *given = json_find(resource, "status", "conditions", NULL);
	struct json *views = json_new_array(arena);

	for (size_t i = 0; i < sizeof(aggregated) / sizeof(aggregated[0]); i++) {
		const struct json *condition = find_by(given, "type", aggregated[i]);
		if (condition)
			json_append(views, condition_view(arena, aggregated[i], condition,
						   json_get(condition, "observed_generation")));
	}
	if (available(placement))
		json_append(views, condition_view(arena, STR("Placed"), available(placement),
					   json_get(placement, "observed_generation")));
	if (available(hypershift))
		json_append(views, condition_view(arena, STR("Available"), available(hypershift),
					   json_get(hypershift, "observed_generation")));
	return views;
}

static struct str phase_of(
	const struct json *resource, const struct json *placement, const struct json *hypershift)
{
	const struct json *reconciled = find_by(
		json_find(resource, "status", "conditions", NULL), "type", STR("Reconciled"));

	if (!json_is_null(json_get(resource, "deleted_time")))
		return STR("Deleting");
	if (!is_true(available(placement)))
		return STR("WaitingForPlacement");
	return is_true(available(hypershift)) && is_true(reconciled) ? STR("Ready")
								     : STR("Provisioning");
}

static struct json *placement_view(
	struct arena *arena, const struct json *resource, const struct json *placement)
{
	struct str management_cluster =
		json_str(json_find(placement, "data", "managementCluster", NULL));
	struct json *view = management_cluster.len ? json_new_object(arena) : NULL;

	json_set_text(view, "name",
		arena_printf(
			arena, "%" STR_F "-placement", STR_A(json_get_text(resource, "name"))));
	json_set_text(view, "managementCluster", management_cluster);
	return view;
}

static struct json *status_view(
	struct arena *arena, const struct json *resource, const struct json *reports)
{
	const struct json *placement = report_of(reports, PLACEMENT);
	const struct json *hypershift = report_of(reports, HYPERSHIFT);
	const struct json *data = json_get(hypershift, "data");
	struct json *status = json_new_object(arena);

	const struct json *reconciled = find_by(
		json_find(resource, "status", "conditions", NULL), "type", STR("Reconciled"));
	json_set(status, "observedGeneration", json_get(reconciled, "observed_generation"));
	json_set(status, "conditions", conditions_view(arena, resource, placement, hypershift));
	json_set_text(status, "phase", phase_of(resource, placement, hypershift));
	if (json_str(json_find(data, "controlPlaneEndpoint", "host", NULL)).len)
		json_set(status, "controlPlaneEndpoint", json_get(data, "controlPlaneEndpoint"));
	if (json_get_text(data, "version").len)
		json_set(status, "version", json_get(data, "version"));
	if (json_count(json_get(data, "nodePools")))
		json_set(status, "nodePools", json_get(data, "nodePools"));
	json_set(status, "placementRef", placement_view(arena, resource, placement));
	json_set_text(status, "lastUpdateTime", json_get_text(resource, "updated_time"));
	return status;
}

struct json *view_cluster(
	struct arena *arena, const struct json *resource, const struct json *reports)
{
	const struct json *spec = json_get(resource, "spec");
	struct json *view = json_new_object(arena);

	json_set_text(view, "id", json_get_text(resource, "id"));
	json_set_text(view, "name", json_get_text(resource, "name"));
	json_set_text(view, "target_project_id", json_get_text(spec, "accountId"));
	json_set_text(view, "created_by", json_get_text(spec, "creatorARN"));
	json_set(view, "oidc_issuer_url", json_find(spec, "hostedCluster", "issuerURL", NULL));
	json_set(view, "generation", json_get(resource, "generation"));
	json_set_text(view, "resource_version",
		arena_str(arena, json_number_text(json_get(resource, "generation"))));
	json_set(view, "spec", (struct json *)spec);
	json_set(view, "status", status_view(arena, resource, reports));
	json_set_text(view, "created_at", json_get_text(resource, "created_time"));
	json_set_text(view, "updated_at", json_get_text(resource, "updated_time"));
	return view;
}
