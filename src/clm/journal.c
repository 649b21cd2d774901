/*
 * journal.c - see journal.h.
 */
#include "clm/journal.h"

#include "base/clock.h"
#include "data/merge.h"

#define BATCH 1000 /* rows removed in one transaction */

int journal_tell(struct change *change, const struct resource *resource, const char *event,
	struct str what, struct error *err)
{
	const struct feed_row row = {
		.time_us = change->now_us,
		.topic = resource->kind,
		.id = resource->id,
		.owner = resource->owner_id,
		.event = str_of(event),
		.version = resource->generation,
		.detail = resource->tenancy,
	};
	int64_t sequence;

	if (feed_append(change->sql, change->catalog->feed, &row, &sequence, err) != 0)
		return -1;
	if (str_eq_c(row.event, "wake"))
		return 0;
	return SQL_RUN_LATER(change->sql, err,
		"INSERT INTO history (sequence, resource_id, kind, owner_id, tenancy, epoch, "
		"time_us, event, actor, generation, what) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		SQL_INT(sequence), SQL_STR(row.id), SQL_STR(row.topic), SQL_STR(row.owner),
		SQL_STR(resource->tenancy), SQL_INT(store_epoch(change->catalog->store)),
		SQL_INT(row.time_us), SQL_STR(row.event), SQL_STR(change->actor),
		SQL_INT(row.version), SQL_STR(what));
}

/* --- what ------------------------------------------------------------------------------------- */

struct member {
	const char *name;
	struct str before, after;
};

static int add_member(struct change *change, const struct member *member, struct json *changed,
	struct json *patch, struct error *err)
{
	struct arena *arena = change->arena;
	struct json *before, *after;

	if (str_eq(member->before, member->after))
		return 0;
	if (json_parse(arena, member->before, NULL, &before, err) != 0 ||
		json_parse(arena, member->after, NULL, &after, err) != 0)
		return error_prefix(err, "a stored document");
	json_append(changed, json_new_string(arena, str_of(member->name)));
	json_set(patch, member->name, merge_diff(arena, before, after));
	return 0;
}

struct str journal_of_update(struct change *change, const struct resource *before,
	const struct resource *after, struct error *err)
{
	const struct member members[] = {
		{"spec", before->spec, after->spec},
		{"labels", before->labels, after->labels},
		{"references", before->references, after->references},
	};
	struct json *document = json_new_object(change->arena);
	struct json *changed = json_new_array(change->arena);
	struct json *patch = json_new_object(change->arena);
	struct str text;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (add_member(change, &members[i], changed, patch, err) != 0)
			return STR_NULL;
	json_set(document, "changed", changed);
	text = json_text(change->arena, patch, JSON_WRITE_COMPACT);
	if (text.len <= JOURNAL_MAX_PATCH)
		json_set(document, "patch", patch);
	text = json_text(change->arena, document, JSON_WRITE_COMPACT);
	if (str_is_null(text))
		error_set(err, ERROR_MEMORY, "no room for the history");
	return text;
}

struct str journal_of_report(struct arena *arena, const struct report *report)
{
	struct json *document = json_new_object(arena), *conditions = json_new_object(arena);

	for (size_t i = 0; i < report->condition_count; i++)
		json_set_str(conditions, report->conditions[i].type,
			json_new_string(arena, report->conditions[i].status));
	json_set_text(document, "adapter", report->adapter);
	json_set(document, "conditions", conditions);
	return json_text(arena, document, JSON_WRITE_COMPACT);
}

struct str journal_of_reason(struct arena *arena, struct str reason)
{
	struct json *document = json_new_object(arena);

	json_set_text(document, "reason", reason);
	return json_text(arena, document, JSON_WRITE_COMPACT);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void write_entry(struct sql_rows *rows, struct buf *out)
{
	char time[CLOCK_TEXT_MAX];

	clock_format(time, sql_int(rows, 2));
	buf_printf(out,
		"{\"sequence\":%lld,\"epoch\":%lld,\"time\":\"%s\",\"event\":\"%" STR_F
		"\",\"actor\":",
		(long long)sql_int(rows, 0), (long long)sql_int(rows, 1), time,
		STR_A(sql_str(rows, 3)));
	json_write_string(out, sql_str(rows, 4), JSON_WRITE_COMPACT);
	buf_printf(out, ",\"generation\":%lld", (long long)sql_int(rows, 5));
	if (!sql_is_null(rows, 6)) {
		buf_add_cstr(out, ",\"what\":");
		buf_add_str(out, sql_str(rows, 6));
	}
	buf_add_byte(out, '}');
}

int journal_read(struct sql *sql, struct journal_page *page, struct buf *out, struct error *err)
{
	const struct scope *scope = &page->scope;
	struct sql_rows *rows;
	int64_t last = 0;
	int more;

	page->ret_count = page->ret_next = 0;
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT sequence, epoch, time_us, event, actor, generation, what FROM history "
		    "WHERE resource_id = $1 AND sequence < $2 AND kind = coalesce($3, kind) "
		    "AND coalesce(owner_id, '') = coalesce($4, owner_id, '') "
		    "AND tenancy = coalesce($5, tenancy) ORDER BY sequence DESC LIMIT $6",
		    SQL_STR(page->id), SQL_INT(page->before),
		    SQL_STR(scope->kind != NULL ? scope->kind->name : STR_NULL),
		    SQL_STR(scope->owner), SQL_STR(scope->tenancy), SQL_INT(page->size + 1)) != 0)
		return -1;
	while ((more = sql_next(rows, err)) == 1) {
		if (page->ret_count == page->size) {
			page->ret_next = last;
			break;
		}
		last = sql_int(rows, 0);
		if (page->ret_count++ > 0)
			buf_add_byte(out, ',');
		write_entry(rows, out);
	}
	sql_end(rows);
	return more < 0 ? -1 : 0;
}

/* --- keeping ---------------------------------------------------------------------------------- */

struct removal {
	int64_t before_us;
	int64_t removed;
};

/* A store_work. Oldest first, so that what is left is told by one look. */
static int remove_batch(struct sql *sql, void *argument, struct error *err)
{
	struct removal *removal = argument;
	const struct sql_value values[] = {SQL_INT(removal->before_us), SQL_INT(BATCH)};

	return sql_run(sql,
		"DELETE FROM history WHERE sequence IN (SELECT sequence FROM "
		"(SELECT sequence, time_us FROM history ORDER BY sequence LIMIT $2) AS oldest "
		"WHERE time_us < $1)",
		values, 2, &removal->removed, err);
}

int journal_compact(struct catalog *catalog, const struct journal_retention *retention,
	int64_t after, int64_t now_us, struct error *err)
{
	const struct feed_retention feed = {
		.after = after,
		.max_rows = JOURNAL_FEED_MAX_ROWS,
		.before_us = now_us -
			     (retention->feed_us > 0 ? retention->feed_us : JOURNAL_KEEP_FEED_US),
	};
	struct removal removal = {
		.before_us = now_us - (retention->history_us > 0 ? retention->history_us
								 : JOURNAL_KEEP_HISTORY_US)};

	if (feed_compact(catalog->feed, &feed, err) != 0)
		return -1;
	do {
		if (store_write(catalog->store, remove_batch, &removal, err) != 0)
			return -1;
	} while (removal.removed == BATCH);
	return 0;
}
