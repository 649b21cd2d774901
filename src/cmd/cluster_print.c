/*
 * cluster_print.c - clusters as tables and lines for people.
 *
 * Scripts are served by --json; so the tables may change. Text that came over the network is shown
 * without its control characters, so that no message can move the cursor.
 */
#include "cmd/cluster_print.h"

#include "base/str.h"

#define MAX_COLUMNS 6
#define COLUMN_GAP 2
#define LABEL_WIDTH 21

/* --- text and tables ----------------------------------------------------------------------- */

/* Padded to `width` when that is more. */
static void put(FILE *out, struct str text, size_t width)
{
	size_t shown = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		fputc(byte < 0x20 || byte == 0x7f ? '?' : byte, out);
		shown += (byte & 0xc0) != 0x80; /* one per character of UTF-8 */
	}
	for (; shown < width; shown++)
		fputc(' ', out);
}

static struct str or_dash(struct str text)
{
	return text.len ? text : STR("-");
}

/* `cells`: rows of `columns` each, the heading first. The last column is not padded. */
static void put_table(FILE *out, const struct str *cells, size_t rows, size_t columns)
{
	size_t widths[MAX_COLUMNS] = {0};

	for (size_t i = 0; i < rows * columns; i++)
		if (cells[i].len > widths[i % columns])
			widths[i % columns] = cells[i].len;
	for (size_t i = 0; i < rows * columns; i++) {
		bool is_last = i % columns == columns - 1;
		put(out, cells[i], is_last ? 0 : widths[i % columns] + COLUMN_GAP);
		if (is_last)
			fputc('\n', out);
	}
}

static void put_field(FILE *out, const char *label, struct str value)
{
	if (!value.len)
		return;
	put(out, str_of(label), LABEL_WIDTH);
	put(out, value, 0);
	fputc('\n', out);
}

/* --- the list ------------------------------------------------------------------------------ */

void cluster_print_list(FILE *out, struct arena *arena, const struct json *clusters)
{
	static const struct str heading[] = {STR("NAME"), STR("PHASE"), STR("VERSION"),
		STR("MANAGEMENT CLUSTER"), STR("CREATED"), STR("ID")};
	enum { COLUMNS = sizeof(heading) / sizeof(heading[0]) };
	const struct json *cluster;
	size_t rows = json_count(clusters) + 1, at = 0;
	struct str *cells = arena_calloc(arena, rows * COLUMNS, sizeof(*cells));

	if (!cells)
		return;
	for (; at < COLUMNS; at++)
		cells[at] = heading[at];
	json_for_each (clusters, i, cluster) {
		const struct json *status = json_get(cluster, "status");
		struct str created = json_get_text(cluster, "created_at");
		cells[at++] = or_dash(json_get_text(cluster, "name"));
		cells[at++] = or_dash(json_get_text(status, "phase"));
		cells[at++] = or_dash(json_get_text(status, "version"));
		cells[at++] = or_dash(
			json_str(json_find(status, "placementRef", "managementCluster", NULL)));
		/* Seconds are enough here: 2026-01-02T03:04:05. */
		cells[at++] = or_dash(str_slice(created, 0, 19));
		cells[at++] = or_dash(json_get_text(cluster, "id"));
	}
	put_table(out, cells, rows, COLUMNS);
}

/* --- one cluster --------------------------------------------------------------------------- */

static void put_conditions(FILE *out, struct arena *arena, const struct json *conditions)
{
	enum { COLUMNS = 4 };
	size_t rows = json_count(conditions) + 1, at = 0;
	struct str *cells = arena_calloc(arena, rows * COLUMNS, sizeof(*cells));
	const struct json *condition;

	if (!cells || rows == 1)
		return;
	cells[at++] = STR("CONDITION");
	cells[at++] = STR("STATUS");
	cells[at++] = STR("REASON");
	cells[at++] = STR("MESSAGE");
	json_for_each (conditions, i, condition) {
		cells[at++] = or_dash(json_get_text(condition, "type"));
		cells[at++] = or_dash(json_get_text(condition, "status"));
		cells[at++] = or_dash(json_get_text(condition, "reason"));
		cells[at++] = or_dash(json_get_text(condition, "message"));
	}
	fputc('\n', out);
	put_table(out, cells, rows, COLUMNS);
}

/* A number as written, or "-". */
static struct str number_or_dash(const struct json *value)
{
	return or_dash(json_number_text(value));
}

static void put_node_pools(FILE *out, struct arena *arena, const struct json *pools)
{
	enum { COLUMNS = 3 };
	size_t rows = json_count(pools) + 1, at = 0;
	struct str *cells = arena_calloc(arena, rows * COLUMNS, sizeof(*cells));
	const struct json *pool;

	if (!cells || rows == 1)
		return;
	cells[at++] = STR("NODE POOL");
	cells[at++] = STR("REPLICAS");
	cells[at++] = STR("READY");
	json_for_each (pools, i, pool) {
		const struct json *ready = json_get(pool, "ready");
		cells[at++] = or_dash(json_get_text(pool, "name"));
		cells[at++] = number_or_dash(json_get(pool, "replicas"));
		cells[at++] = json_is(ready, JSON_BOOL)
				      ? (json_bool(ready, false) ? STR("yes") : STR("no"))
				      : number_or_dash(ready);
	}
	fputc('\n', out);
	put_table(out, cells, rows, COLUMNS);
}

void cluster_print_one(FILE *out, struct arena *arena, const struct json *cluster)
{
	const struct json *status = json_get(cluster, "status");
	const struct json *endpoint = json_get(status, "controlPlaneEndpoint");

	put_field(out, "Name", json_get_text(cluster, "name"));
	put_field(out, "Display name", json_str(json_find(cluster, "spec", "displayName", NULL)));
	put_field(out, "Id", json_get_text(cluster, "id"));
	put_field(out, "Phase", json_get_text(status, "phase"));
	put_field(out, "Version", json_get_text(status, "version"));
	if (json_get_text(endpoint, "host").len)
		put_field(out, "API endpoint",
			arena_printf(arena, "https://%" STR_F ":%" STR_F,
				STR_A(json_get_text(endpoint, "host")),
				STR_A(number_or_dash(json_get(endpoint, "port")))));
	put_field(out, "Management cluster",
		json_str(json_find(status, "placementRef", "managementCluster", NULL)));
	put_field(out, "Account", json_get_text(cluster, "target_project_id"));
	put_field(out, "Created by", json_get_text(cluster, "created_by"));
	put_field(out, "Created", json_get_text(cluster, "created_at"));
	put_field(out, "Updated", json_get_text(cluster, "updated_at"));
	put_field(out, "Generation", json_number_text(json_get(cluster, "generation")));
	put_conditions(out, arena, json_get(status, "conditions"));
	put_node_pools(out, arena, json_get(status, "nodePools"));
}

/* --- changes ------------------------------------------------------------------------------- */

static const struct json *condition_of(const struct json *status, struct str type)
{
	const struct json *condition;

	json_for_each (json_get(status, "conditions"), i, condition)
		if (str_eq(json_get_text(condition, "type"), type))
			return condition;
	return NULL;
}

static bool is_same(const struct json *a, const struct json *b)
{
	static const char *const members[] = {"status", "reason", "message"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!str_eq(json_get_text(a, members[i]), json_get_text(b, members[i])))
			return false;
	return true;
}

size_t cluster_print_changes(
	FILE *out, struct str time, const struct json *before, const struct json *now)
{
	const struct json *condition;
	size_t lines = 0;

	if (!str_eq(json_get_text(before, "phase"), json_get_text(now, "phase"))) {
		put(out, time, time.len + COLUMN_GAP);
		put(out, STR("Phase"), LABEL_WIDTH);
		put(out, or_dash(json_get_text(now, "phase")), 0);
		fputc('\n', out);
		lines++;
	}
	json_for_each (json_get(now, "conditions"), i, condition) {
		const struct json *old = condition_of(before, json_get_text(condition, "type"));
		if (old && is_same(old, condition))
			continue;
		put(out, time, time.len + COLUMN_GAP);
		put(out, json_get_text(condition, "type"), LABEL_WIDTH);
		put(out, or_dash(json_get_text(condition, "status")), sizeof("Unknown"));
		put(out, json_get_text(condition, "reason"), 0);
		if (json_get_text(condition, "message").len) {
			put(out, STR(": "), 0);
			put(out, json_get_text(condition, "message"), 0);
		}
		fputc('\n', out);
		lines++;
	}
	fflush(out);
	return lines;
}
