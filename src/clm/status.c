/*
 * status.c - see status.h.
 */
#include "clm/status.h"

#include "clm/journal.h"

/* Stale: of a generation that is not, or older than what is stored. */
static bool is_stale(const struct report *report, const struct report *stored, int64_t generation)
{
	if (report->observed_generation > generation)
		return true;
	if (stored == NULL)
		return false;
	if (report->observed_generation < stored->observed_generation)
		return true;
	return report->observed_generation == stored->observed_generation &&
	       report->last_report_us < stored->last_report_us;
}

static int check_mandatory(const struct report *report, struct error *err)
{
	static const char *const mandatory[] = {"Available", "Applied", "Health"};

	for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
		if (report_condition(report, mandatory[i]) == NULL)
			return error_set(err, ERROR_INVALID,
				"missing mandatory condition '%s': all adapters must report "
				"Available, Applied, and Health",
				mandatory[i]);
	}
	return 0;
}

/* When each condition came to be as it is: kept while its status is the same. */
static void carry_times(struct report *report, const struct report *stored)
{
	report->created_us = stored != NULL ? stored->created_us : report->last_report_us;
	for (size_t i = 0; i < report->condition_count; i++) {
		struct reported_condition *condition = &report->conditions[i];
		const struct reported_condition *before = NULL;

		for (size_t k = 0; stored != NULL && k < stored->condition_count; k++) {
			if (str_eq(stored->conditions[k].type, condition->type))
				before = &stored->conditions[k];
		}
		condition->last_transition_us =
			before != NULL && str_eq(before->status, condition->status)
				? before->last_transition_us
				: report->last_report_us;
	}
}

/* The reports as they will be once this one is stored. */
static int with_report(struct arena *arena, const struct report_list *stored,
	const struct report *report, struct report_list *ret, struct error *err)
{
	struct report_list list = {.count = stored->count};
	struct report *place;

	list.items = arena_calloc(arena, stored->count + 1, sizeof(*list.items));
	if (list.items == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the reports on a resource");
	if (stored->count > 0)
		memcpy(list.items, stored->items, stored->count * sizeof(*list.items));
	place = report_find(&list, report->adapter);
	if (place == NULL)
		place = &list.items[list.count++];
	*place = *report;
	*ret = list;
	return 0;
}

/* Aggregated conditions follow only from reports that say whether the adapter is available, mapped
 * ones from all; they are written as one list, so both are made anew for either. */
static bool has_bearing(const struct status_put *put, const struct resource *resource, bool is_news)
{
	const struct kind *kind = registry_find(put->change.catalog->registry, resource->kind);
	enum report_status available = report_says(&put->report, "Available");

	return available == REPORT_TRUE || available == REPORT_FALSE ||
	       (is_news && kind != NULL && kind->mapping_count > 0);
}

static int apply(struct status_put *put, struct resource *resource,
	const struct report_list *reports, bool is_news, struct error *err)
{
	enum lifecycle_effect effect = LIFECYCLE_SAME;

	if (has_bearing(put, resource, is_news) &&
		lifecycle_aggregate(&put->change, resource, reports, MAPPING_FAILS, &effect, err) !=
			0)
		return -1;
	if (effect == LIFECYCLE_CHANGED &&
		resource_update_conditions(&put->change, resource, err) != 0)
		return -1;
	if (effect == LIFECYCLE_REFRESHED && resource_refresh(&put->change, resource, err) != 0)
		return -1;
	if (is_news || effect == LIFECYCLE_CHANGED)
		return journal_tell(&put->change, resource, "status",
			journal_of_report(put->change.arena, &put->report), err);
	return 0;
}

static int store(struct status_put *put, struct resource *resource,
	const struct report_list *reports, const struct report *before, struct error *err)
{
	struct change *change = &put->change;
	struct report_list now;
	bool is_news = before == NULL || !report_says_same(&put->report, before);
	bool removed = false;

	carry_times(&put->report, before);
	put->ret_stored = put->report;
	if (with_report(change->arena, reports, &put->report, &now, err) != 0 ||
		report_store(change, resource->id, &put->report, err) != 0)
		return -1;
	if (report_says(&put->report, "Finalized") == REPORT_TRUE &&
		lifecycle_try_remove(change, resource, &now, &removed, err) != 0)
		return -1;
	return removed ? 0 : apply(put, resource, &now, is_news, err);
}

int status_prefetch(struct sql *sql, void *argument, struct error *err)
{
	struct status_put *put = argument;

	return resource_prefetch(sql, put->id, err) != 0 ? -1 : report_prefetch(sql, put->id, err);
}

int status_put(struct sql *sql, void *argument, struct error *err)
{
	struct status_put *put = argument;
	struct change *change = &put->change;
	struct report_list reports;
	struct sql_rows *rows;
	const struct report *before;
	struct resource resource;

	change_begin(change, sql);
	put->ret_is_discarded = false;
	if (report_query(sql, put->id, &rows, err) != 0 ||
		resource_find(sql, change->arena, &put->scope, put->id, &resource, err) != 0 ||
		resource_check_match(change, &resource, put->if_match, err) != 0 ||
		report_read(rows, change->arena, &reports, err) != 0)
		return -1;
	before = report_find(&reports, put->report.adapter);
	if (is_stale(&put->report, before, resource.generation)) {
		put->ret_is_discarded = true;
		return 0;
	}
	if (check_mandatory(&put->report, err) != 0)
		return -1;
	if (before != NULL && report_says(&put->report, "Available") == REPORT_UNKNOWN) {
		put->ret_is_discarded = true;
		return 0;
	}
	if (before != NULL && before->observed_generation == put->report.observed_generation &&
		before->last_report_us == put->report.last_report_us) {
		put->ret_stored = *before;
		return 0;
	}
	if (before == NULL && reports.count >= STATUS_MAX_ADAPTERS)
		return error_set(err, ERROR_CONFLICT,
			"%u adapters report on this resource already, which is the most",
			STATUS_MAX_ADAPTERS);
	return store(put, &resource, &reports, before, err);
}
