/*
 * report.c - see report.h.
 */
#include "clm/report.h"

#include "base/clock.h"

/* --- documents ------------------------------------------------------------------------------- */

static struct json *conditions_json(struct arena *arena, const struct report *report)
{
	struct json *array = json_new_array(arena);

	for (size_t i = 0; i < report->condition_count; i++) {
		const struct reported_condition *condition = &report->conditions[i];
		struct json *item = json_new_object(arena);

		json_set_text(item, "type", condition->type);
		json_set_text(item, "status", condition->status);
		json_set_text(item, "reason", condition->reason);
		json_set_text(item, "message", condition->message);
		json_set_text(item, "last_transition_time",
			clock_text(arena, condition->last_transition_us));
		json_append(array, item);
	}
	return array;
}

bool report_write(struct buf *out, const struct report *report)
{
	struct arena *arena = arena_new(0);
	struct json *document;
	bool written;

	if (arena == NULL)
		return false;
	document = json_new_object(arena);
	json_set_text(document, "adapter", report->adapter);
	json_set_int(document, "observed_generation", report->observed_generation);
	json_set(document, "conditions", conditions_json(arena, report));
	if (!str_is_null(report->metadata))
		json_set(document, "metadata", json_new_raw(arena, report->metadata));
	json_set(document, "data", json_new_raw(arena, report->data));
	json_set_text(document, "created_time", clock_text(arena, report->created_us));
	json_set_text(document, "last_report_time", clock_text(arena, report->last_report_us));
	written = !arena_is_exhausted(arena) && json_write(out, document, JSON_WRITE_COMPACT);
	arena_free(arena);
	return written;
}

const struct reported_condition *report_condition(const struct report *report, const char *type)
{
	for (size_t i = 0; i < report->condition_count; i++) {
		if (str_eq_c(report->conditions[i].type, type))
			return &report->conditions[i];
	}
	return NULL;
}

enum report_status report_says(const struct report *report, const char *type)
{
	const struct reported_condition *condition = report_condition(report, type);

	return condition != NULL ? report_status_of(condition->status) : REPORT_ABSENT;
}

bool report_says_same(const struct report *a, const struct report *b)
{
	if (a->observed_generation != b->observed_generation ||
		a->condition_count != b->condition_count || !str_eq(a->data, b->data))
		return false;
	for (size_t i = 0; i < a->condition_count; i++) {
		const struct reported_condition *x = &a->conditions[i];
		const struct reported_condition *y = &b->conditions[i];

		if (!str_eq(x->type, y->type) || !str_eq(x->status, y->status) ||
			!str_eq(x->reason, y->reason) || !str_eq(x->message, y->message))
			return false;
	}
	return true;
}

struct adapter_report *report_digests(struct arena *arena, const struct report_list *reports)
{
	struct adapter_report *digests = arena_calloc(arena, reports->count + 1, sizeof(*digests));

	for (size_t i = 0; digests != NULL && i < reports->count; i++) {
		const struct report *report = &reports->items[i];
		const struct reported_condition *available = report_condition(report, "Available");

		digests[i] = (struct adapter_report){
			.adapter = report->adapter,
			.observed_generation = report->observed_generation,
			.last_report_us = report->last_report_us,
			.available = report_says(report, "Available"),
			.finalized = report_says(report, "Finalized"),
			.reason = available != NULL ? available->reason : STR_NULL,
			.message = available != NULL ? available->message : STR_NULL,
		};
	}
	return digests;
}

/* --- rows ------------------------------------------------------------------------------------ */

static int parse_conditions(
	struct arena *arena, struct str text, struct report *report, struct error *err)
{
	struct json *document;
	const struct json *item;

	if (json_parse(arena, text, NULL, &document, err) != 0)
		return error_prefix(err, "a stored report");
	report->conditions =
		arena_calloc(arena, json_count(document) + 1, sizeof(*report->conditions));
	if (report->conditions == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the reports on a resource");
	json_for_each (document, i, item) {
		struct reported_condition *condition =
			&report->conditions[report->condition_count++];

		condition->type = json_get_text(item, "type");
		condition->status = json_get_text(item, "status");
		condition->reason = json_get_text(item, "reason");
		condition->message = json_get_text(item, "message");
		if (!clock_parse(json_get_text(item, "last_transition_time"),
			    &condition->last_transition_us))
			return error_set(err, ERROR_INTERNAL,
				"a stored report has a last_transition_time that is no time");
	}
	return 0;
}

static int from_row(
	struct sql_rows *rows, struct arena *arena, struct report *report, struct error *err)
{
	report->adapter = sql_str_copy(rows, 0, arena);
	report->observed_generation = sql_int(rows, 1);
	report->created_us = sql_int(rows, 2);
	report->last_report_us = sql_int(rows, 3);
	report->data = sql_str_copy(rows, 5, arena);
	report->metadata = sql_str_copy(rows, 6, arena);
	return parse_conditions(arena, sql_str_copy(rows, 4, arena), report, err);
}

static int grow(struct arena *arena, struct report_list *list, size_t *capacity, struct error *err)
{
	struct report *larger;

	if (list->count < *capacity)
		return 0;
	*capacity = *capacity == 0 ? 8 : *capacity * 2;
	larger = arena_calloc(arena, *capacity, sizeof(*larger));
	if (larger == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the reports on a resource");
	if (list->count > 0)
		memcpy(larger, list->items, list->count * sizeof(*larger));
	list->items = larger;
	return 0;
}

static const char by_resource[] =
	"SELECT adapter, observed_generation, created_time, last_report_time, conditions, data, "
	"metadata FROM adapter_statuses WHERE resource_id = $1 ORDER BY adapter";

int report_prefetch(struct sql *sql, struct str resource, struct error *err)
{
	return sql_prefetch(sql, by_resource, resource, err);
}

int report_query(struct sql *sql, struct str resource, struct sql_rows **ret, struct error *err)
{
	return sql_query_key(sql, by_resource, resource, ret, err);
}

int report_read(
	struct sql_rows *rows, struct arena *arena, struct report_list *ret, struct error *err)
{
	struct report_list list = {0};
	size_t capacity = 0;
	int more;

	while ((more = sql_next(rows, err)) == 1) {
		if (grow(arena, &list, &capacity, err) != 0 ||
			from_row(rows, arena, &list.items[list.count], err) != 0) {
			more = -1;
			break;
		}
		list.count++;
	}
	sql_end(rows);
	if (more < 0)
		return -1;
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for the reports on a resource");
	*ret = list;
	return 0;
}

int report_load(struct sql *sql, struct arena *arena, struct str resource, struct report_list *ret,
	struct error *err)
{
	struct sql_rows *rows;

	return report_query(sql, resource, &rows, err) != 0 ? -1
							    : report_read(rows, arena, ret, err);
}

struct report *report_find(const struct report_list *reports, struct str adapter)
{
	for (size_t i = 0; i < reports->count; i++) {
		if (str_eq(reports->items[i].adapter, adapter))
			return &reports->items[i];
	}
	return NULL;
}

int report_store(
	struct change *change, struct str resource, const struct report *report, struct error *err)
{
	struct str conditions = json_text(
		change->arena, conditions_json(change->arena, report), JSON_WRITE_COMPACT);

	if (arena_is_exhausted(change->arena))
		return error_set(err, ERROR_MEMORY, "no room for a report");
	sql_changed(change->sql, resource);
	return SQL_RUN_LATER(change->sql, err,
		"INSERT INTO adapter_statuses (resource_id, adapter, observed_generation, "
		"created_time, last_report_time, conditions, data, metadata) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
		"ON CONFLICT (resource_id, adapter) DO UPDATE SET "
		"observed_generation = excluded.observed_generation, "
		"last_report_time = excluded.last_report_time, "
		"conditions = excluded.conditions, data = excluded.data, "
		"metadata = excluded.metadata",
		SQL_STR(resource), SQL_STR(report->adapter), SQL_INT(report->observed_generation),
		SQL_INT(report->created_us), SQL_INT(report->last_report_us), SQL_STR(conditions),
		SQL_STR(report->data), SQL_STR(report->metadata));
}

int report_remove_all(struct change *change, struct str resource, struct error *err)
{
	sql_changed(change->sql, resource);
	return SQL_RUN_LATER(change->sql, err,
		"DELETE FROM adapter_statuses WHERE resource_id = $1", SQL_STR(resource));
}
