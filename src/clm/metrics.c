/*
 * metrics.c - see metrics.h.
 */
#include "clm/metrics.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "clm/aggregate.h"

#define REQUESTS "hyperfleet_api_requests_total"
#define DURATIONS "hyperfleet_api_request_duration_seconds"

/* --- requests ----------------------------------------------------------------------------------
 */

static const int codes[METRICS_CODES] = {200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409, 410,
	412, 413, 414, 422, 429, 431, 500, 501, 503, 504, 507, 0};

void metrics_count(struct metrics_route *route, int status, int64_t us)
{
	struct histogram *histogram, *fresh;
	size_t i = 0;

	while (i < METRICS_CODES - 1 && codes[i] != status)
		i++;
	histogram = atomic_load(&route->answers[i]);
	if (histogram == NULL) {
		fresh = calloc(1, sizeof(*fresh));
		if (fresh == NULL)
			return;
		if (atomic_compare_exchange_strong(&route->answers[i], &histogram, fresh))
			histogram = fresh;
		else
			free(fresh);
	}
	histogram_add(histogram, us);
}

void metrics_end(struct metrics_route *route)
{
	for (size_t i = 0; i < METRICS_CODES; i++)
		free(atomic_exchange(&route->answers[i], NULL));
}

/* The route's pattern with variables as "-", so that it is one label value. */
static void write_path(struct buf *out, const char *pattern)
{
	bool inside = false;

	for (const char *c = pattern; *c != '\0'; c++) {
		if (*c == '{')
			buf_add_byte(out, '-');
		inside = *c == '{' || (inside && *c != '}');
		if (!inside && *c != '}')
			buf_add_byte(out, *c);
	}
}

void metrics_write_route(
	const struct metrics_route *route, struct buf *out, const char *method, const char *pattern)
{
	for (size_t i = 0; i < METRICS_CODES; i++) {
		const struct histogram *histogram = atomic_load(&route->answers[i]);
		CLEANUP(buf_free) struct buf labels = BUF_INITIALIZER(BUF_DEFAULT_MAX);

		if (histogram == NULL)
			continue;
		buf_printf(&labels, "component=\"api\",version=\"%s\",method=\"%s\",path=\"",
			REEVE_VERSION, method);
		write_path(&labels, pattern);
		buf_printf(&labels, "\",code=\"%d\"", codes[i]);
		if (!buf_add_byte(&labels, '\0'))
			continue;
		buf_printf(out, REQUESTS "{%s} %llu\n", labels.ptr,
			(unsigned long long)histogram_count(histogram));
		histogram_write(histogram, out, DURATIONS, labels.ptr);
	}
}

/* --- reconciliation ------------------------------------------------------------------------------
 */

struct waiting {
	uint64_t pending, stuck;
	int64_t longest_us; /* of the stuck */
};

struct scrape {
	const struct catalog *catalog;
	int64_t stuck_us, now_us;
	struct waiting *waiting; /* by kind */
};

static int count_waiting(struct scrape *scrape, struct arena *arena, struct str name,
	struct str conditions, struct error *err)
{
	const struct registry *registry = scrape->catalog->registry;
	const struct kind *kind = registry_find(registry, name);
	const struct condition *reconciled;
	struct condition_list list;
	struct waiting *waiting;
	int64_t since_us;

	if (kind == NULL)
		return 0;
	if (condition_list_parse(arena, conditions, &list, err) != 0)
		return -1;
	reconciled = condition_find(&list, STR(CONDITION_RECONCILED));
	if (reconciled == NULL || reconciled->is_true)
		return 0;
	waiting = &scrape->waiting[kind - registry->kinds];
	since_us = scrape->now_us - reconciled->last_transition_us;
	waiting->pending++;
	if (since_us <= scrape->stuck_us)
		return 0;
	waiting->stuck++;
	if (since_us > waiting->longest_us)
		waiting->longest_us = since_us;
	return 0;
}

/* A store_work. */
static int read_waiting(struct sql *sql, void *argument, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct sql_rows *rows;
	int more;

	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the metrics");
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT kind, conditions FROM resources WHERE instr(conditions, $1) > 0",
		    SQL_CSTR("\"type\":\"" CONDITION_RECONCILED "\",\"status\":\"False\"")) != 0)
		return -1;
	while ((more = sql_next(rows, err)) == 1) {
		arena_reset(arena);
		if (count_waiting(argument, arena, sql_str(rows, 0), sql_str(rows, 1), err) != 0) {
			more = -1;
			break;
		}
	}
	sql_end(rows);
	return more;
}

static void write_lower(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		buf_add_byte(out, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
}

static void write_gauge(struct buf *out, const char *name, struct str kind, double value)
{
	buf_printf(
		out, "%s{component=\"api\",version=\"%s\",resource_type=\"", name, REEVE_VERSION);
	write_lower(out, kind);
	buf_printf(out, "\"} %.15g\n", value);
}

static void write_waiting(struct buf *out, const struct scrape *scrape)
{
	const struct registry *registry = scrape->catalog->registry;

	buf_add_cstr(out, "# TYPE hyperfleet_api_resource_pending_reconciliation gauge\n"
			  "# TYPE hyperfleet_api_resource_stuck gauge\n"
			  "# TYPE hyperfleet_api_resource_stuck_duration_seconds gauge\n");
	for (size_t i = 0; i < registry->count; i++) {
		const struct waiting *waiting = &scrape->waiting[i];
		struct str kind = registry->kinds[i].name;

		write_gauge(out, "hyperfleet_api_resource_pending_reconciliation", kind,
			(double)waiting->pending);
		write_gauge(out, "hyperfleet_api_resource_stuck", kind, (double)waiting->stuck);
		write_gauge(out, "hyperfleet_api_resource_stuck_duration_seconds", kind,
			(double)waiting->longest_us / (double)CLOCK_US_PER_S);
	}
}

static void write_started(struct buf *out, const struct catalog *catalog)
{
	static const char *const is_delete[] = {"false", "true"};

	buf_add_cstr(out, "# TYPE hyperfleet_api_reconciliation_started_total counter\n");
	for (size_t i = 0; i < 2 * catalog->registry->count; i++) {
		uint64_t count = atomic_load(&catalog->started[i]);

		if (count > 0)
			buf_printf(out,
				"hyperfleet_api_reconciliation_started_total{component=\"api\","
				"version=\"%s\",resource_type=\"%" STR_F
				"\",is_delete=\"%s\"} %llu\n",
				REEVE_VERSION, STR_A(catalog->registry->kinds[i / 2].name),
				is_delete[i % 2], (unsigned long long)count);
	}
}

/* --- the database --------------------------------------------------------------------------------
 */

static void write_number(struct buf *out, const char *name, const char *type, uint64_t value)
{
	buf_printf(out, "# TYPE %s %s\n%s %llu\n", name, type, name, (unsigned long long)value);
}

/* A transaction touches several tables: `table` is "-". */
static void write_database(struct buf *out, struct store *store)
{
	static const char *const operations[] = {"read", "write"};
	struct store_counters counters;

	store_count(store, &counters);
	buf_add_cstr(out, "# TYPE hyperfleet_db_query_duration_seconds histogram\n");
	for (size_t i = 0; i < 2; i++)
		histogram_write(store_durations(store, i == 1), out,
			"hyperfleet_db_query_duration_seconds",
			i == 1 ? "operation=\"write\",table=\"-\""
			       : "operation=\"read\",table=\"-\"");
	buf_add_cstr(out, "# TYPE hyperfleet_db_errors_total counter\n");
	for (size_t i = 0; i < 2; i++)
		for (size_t code = 0; code < ERROR_CODE_COUNT; code++)
			if (counters.errors[i][code] > 0)
				buf_printf(out,
					"hyperfleet_db_errors_total{operation=\"%s\",error_type="
					"\"%s\"} %llu\n",
					operations[i], error_label((enum error_code)code),
					(unsigned long long)counters.errors[i][code]);
	write_number(out, "hyperfleet_db_connections_open", "gauge", counters.connections_open);
	write_number(out, "hyperfleet_db_connections_in_use", "gauge", counters.connections_in_use);
	write_number(out, "reeve_clm_store_writes_total", "counter", counters.writes);
	write_number(out, "reeve_clm_store_commits_total", "counter", counters.commits);
	write_number(out, "reeve_clm_store_reads_total", "counter", counters.reads);
	write_number(out, "reeve_clm_store_largest_group", "gauge", counters.largest_group);
}

/* --- all
 * ------------------------------------------------------------------------------------------- */

int metrics_write(const struct catalog *catalog, int64_t stuck_us, int64_t now_us, struct buf *out,
	struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct scrape scrape = {
		.catalog = catalog,
		.stuck_us = stuck_us > 0 ? stuck_us : METRICS_STUCK_US,
		.now_us = now_us,
		.waiting =
			arena_calloc(arena, catalog->registry->count + 1, sizeof(*scrape.waiting)),
	};

	if (scrape.waiting == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the metrics");
	buf_printf(out,
		"# TYPE hyperfleet_api_build_info gauge\n"
		"hyperfleet_api_build_info{component=\"api\",version=\"%s\"} 1\n",
		REEVE_VERSION);
	write_started(out, catalog);
	write_database(out, catalog->store);
	write_number(
		out, "reeve_clm_feed_last_sequence", "gauge", (uint64_t)feed_last(catalog->feed));
	/* Last: without a database there is all the rest. */
	if (store_read(catalog->store, read_waiting, &scrape, err) != 0)
		return -1;
	write_waiting(out, &scrape);
	return 0;
}
