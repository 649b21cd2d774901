/*
 * resource.c - see resource.h.
 */
#include "clm/resource.h"

#include "base/cleanup.h"
#include "base/clock.h"

/* --- documents ------------------------------------------------------------------------------- */

/* Lists write thousands of members: their names are whole texts, and nothing is formatted. */
#define MEMBER(name) STR(",\"" name "\":")

static void write_text(struct buf *out, struct str member, struct str text)
{
	if (str_is_null(text))
		return;
	buf_add_str(out, member);
	json_write_string(out, text, JSON_WRITE_COMPACT);
}

static void write_raw(struct buf *out, struct str member, struct str json)
{
	buf_add_str(out, member);
	buf_add_str(out, json);
}

static void write_time(struct buf *out, struct str member, int64_t time_us)
{
	char text[CLOCK_TEXT_MAX];
	size_t len = clock_format(text, time_us);

	buf_add_str(out, member);
	buf_add_byte(out, '"');
	buf_add_str(out, str_n(text, len));
	buf_add_byte(out, '"');
}

static void write_owner(struct buf *out, const struct resource *resource)
{
	if (str_is_null(resource->owner_id))
		return;
	buf_add_str(out, STR(",\"owner_references\":{\"id\":"));
	json_write_string(out, resource->owner_id, JSON_WRITE_COMPACT);
	write_text(out, MEMBER("kind"), resource->owner_kind);
	write_text(out, MEMBER("href"), resource->owner_href);
	buf_add_byte(out, '}');
}

bool resource_write(struct buf *out, const struct resource *resource)
{
	buf_add_str(out, STR("{\"id\":"));
	json_write_string(out, resource->id, JSON_WRITE_COMPACT);
	write_text(out, MEMBER("kind"), resource->kind);
	write_text(out, MEMBER("name"), resource->name);
	write_text(out, MEMBER("href"), resource->href);
	write_raw(out, MEMBER("spec"), resource->spec);
	if (!str_eq_c(resource->labels, RESOURCE_NO_LABELS))
		write_raw(out, MEMBER("labels"), resource->labels);
	write_raw(out, MEMBER("tenancy"), resource->tenancy);
	buf_printf(out, ",\"generation\":%lld", (long long)resource->generation);
	write_raw(out, STR(",\"status\":{\"conditions\":"), resource->conditions);
	buf_add_byte(out, '}');
	write_owner(out, resource);
	if (!str_eq_c(resource->references, RESOURCE_NO_REFERENCES))
		write_raw(out, MEMBER("references"), resource->references);
	write_time(out, MEMBER("created_time"), resource->created_us);
	write_time(out, MEMBER("updated_time"), resource->updated_us);
	write_text(out, MEMBER("created_by"), resource->created_by);
	write_text(out, MEMBER("updated_by"), resource->updated_by);
	if (resource_is_deleting(resource)) {
		write_time(out, MEMBER("deleted_time"), resource->deleted_us);
		write_text(out, MEMBER("deleted_by"), resource->deleted_by);
	}
	return buf_add_byte(out, '}');
}

struct str resource_text(struct arena *arena, const struct resource *resource)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(BUF_DEFAULT_MAX);

	if (!resource_write(&out, resource))
		return STR_NULL;
	return arena_str(arena, buf_str(&out));
}

struct str resource_etag(struct arena *arena, const struct resource *resource, int64_t epoch)
{
	return arena_printf(arena, "\"%lld-%lld-%lld\"", (long long)epoch,
		(long long)resource->generation, (long long)resource->version);
}

int resource_check_match(const struct change *change, const struct resource *resource,
	struct str if_match, struct error *err)
{
	struct str etag =
		resource_etag(change->arena, resource, store_epoch(change->catalog->store));
	struct str rest = if_match;

	if (str_is_null(if_match))
		return 0;
	while (!str_is_null(rest)) {
		struct str wanted = str_trim(str_cut(&rest, ','));

		if (str_eq_c(wanted, "*") || str_eq(wanted, etag))
			return 0;
	}
	return error_set(err, ERROR_PRECONDITION,
		"%" STR_F " '%" STR_F "' is at %" STR_F ", not at %" STR_F "; read it again",
		STR_A(resource->kind), STR_A(resource->id), STR_A(etag), STR_A(if_match));
}

/* --- rows ------------------------------------------------------------------------------------ */

static struct str text_of(struct sql_rows *rows, int column, struct arena *arena)
{
	return arena != NULL ? sql_str_copy(rows, column, arena) : sql_str(rows, column);
}

void resource_from_row(struct sql_rows *rows, struct arena *arena, struct resource *ret)
{
	int column = 0;

	ret->id = text_of(rows, column++, arena);
	ret->kind = text_of(rows, column++, arena);
	ret->name = text_of(rows, column++, arena);
	ret->href = text_of(rows, column++, arena);
	ret->owner_id = text_of(rows, column++, arena);
	ret->owner_kind = text_of(rows, column++, arena);
	ret->owner_href = text_of(rows, column++, arena);
	ret->tenancy = text_of(rows, column++, arena);
	ret->spec = text_of(rows, column++, arena);
	ret->labels = text_of(rows, column++, arena);
	ret->conditions = text_of(rows, column++, arena);
	ret->generation = sql_int(rows, column++);
	ret->version = sql_int(rows, column++);
	ret->created_us = sql_int(rows, column++);
	ret->updated_us = sql_int(rows, column++);
	ret->deleted_us = sql_is_null(rows, column) ? 0 : sql_int(rows, column);
	column++;
	ret->created_by = text_of(rows, column++, arena);
	ret->updated_by = text_of(rows, column++, arena);
	ret->deleted_by = text_of(rows, column++, arena);
	ret->references = text_of(rows, column, arena);
}

static bool is_within(const struct scope *scope, const struct resource *resource)
{
	return (scope->kind == NULL || str_eq(scope->kind->name, resource->kind)) &&
	       (str_is_null(scope->owner) || str_eq(scope->owner, resource->owner_id)) &&
	       (str_is_null(scope->tenancy) || str_eq(scope->tenancy, resource->tenancy));
}

static const char by_id[] = "SELECT " RESOURCE_COLUMNS " FROM resources WHERE id = $1";

int resource_prefetch(struct sql *sql, struct str id, struct error *err)
{
	return sql_prefetch(sql, by_id, id, err);
}

int resource_find(struct sql *sql, struct arena *arena, const struct scope *scope, struct str id,
	struct resource *ret, struct error *err)
{
	struct sql_rows *rows;
	struct resource found;
	int more;

	if (sql_query_key(sql, by_id, id, &rows, err) != 0)
		return -1;
	more = sql_next(rows, err);
	if (more == 1)
		resource_from_row(rows, arena, &found);
	sql_end(rows);
	if (more < 0)
		return -1;
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for a resource");
	if (more == 0 || !is_within(scope, &found))
		return error_set(err, ERROR_NOT_FOUND, "%" STR_F " with id='%" STR_F "' not found",
			STR_A(scope->kind != NULL ? scope->kind->name : STR("Resource")),
			STR_A(id));
	*ret = found;
	return 0;
}

int resource_children(struct sql *sql, struct arena *arena, struct str owner, struct resource **ret,
	size_t *ret_count, struct error *err)
{
	struct sql_rows *rows;
	struct resource *children = NULL;
	size_t count = 0;
	size_t capacity = 0;
	int more;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT " RESOURCE_COLUMNS " FROM resources WHERE owner_id = $1 ORDER BY id",
		    SQL_STR(owner)) != 0)
		return -1;
	while ((more = sql_next(rows, err)) == 1) {
		if (count == capacity) {
			struct resource *larger;

			capacity = capacity == 0 ? 16 : capacity * 2;
			larger = arena_calloc(arena, capacity, sizeof(*larger));
			if (larger == NULL) {
				more = error_set(err, ERROR_MEMORY, "no room for the children");
				break;
			}
			if (count > 0)
				memcpy(larger, children, count * sizeof(*larger));
			children = larger;
		}
		resource_from_row(rows, arena, &children[count++]);
	}
	sql_end(rows);
	if (more < 0)
		return -1;
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for the children");
	*ret = children;
	*ret_count = count;
	return 0;
}

int resource_has_children(struct sql *sql, struct str owner, bool *ret, struct error *err)
{
	struct sql_rows *rows;
	int more;

	if (SQL_QUERY(sql, &rows, err, "SELECT 1 FROM resources WHERE owner_id = $1 LIMIT 1",
		    SQL_STR(owner)) != 0)
		return -1;
	more = sql_next(rows, err);
	sql_end(rows);
	if (more < 0)
		return -1;
	*ret = more == 1;
	return 0;
}

int resource_insert(struct change *change, const struct resource *resource, struct error *err)
{
	sql_changed(change->sql, resource->id);
	return SQL_RUN_LIKELY(change->sql, err,
		"INSERT INTO resources (" RESOURCE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
		"$8, $9, $10, $11, $12, $13, $14, $15, NULL, $16, $17, NULL, $18)",
		SQL_STR(resource->id), SQL_STR(resource->kind), SQL_STR(resource->name),
		SQL_STR(resource->href), SQL_STR(resource->owner_id), SQL_STR(resource->owner_kind),
		SQL_STR(resource->owner_href), SQL_STR(resource->tenancy), SQL_STR(resource->spec),
		SQL_STR(resource->labels), SQL_STR(resource->conditions),
		SQL_INT(resource->generation), SQL_INT(resource->version),
		SQL_INT(resource->created_us), SQL_INT(resource->updated_us),
		SQL_STR(resource->created_by), SQL_STR(resource->updated_by),
		SQL_STR(resource->references));
}

int resource_update(struct change *change, struct resource *resource, struct error *err)
{
	resource->version++;
	sql_changed(change->sql, resource->id);
	return SQL_RUN_LATER(change->sql, err,
		"UPDATE resources SET version = $2, spec = $3, labels = $4, conditions = $5, "
		"generation = $6, updated_time = $7, updated_by = $8, deleted_time = $9, "
		"deleted_by = $10, refs = $11 WHERE id = $1",
		SQL_STR(resource->id), SQL_INT(resource->version), SQL_STR(resource->spec),
		SQL_STR(resource->labels), SQL_STR(resource->conditions),
		SQL_INT(resource->generation), SQL_INT(resource->updated_us),
		SQL_STR(resource->updated_by),
		resource->deleted_us != 0 ? SQL_INT(resource->deleted_us) : SQL_NONE,
		SQL_STR(resource->deleted_by), SQL_STR(resource->references));
}

int resource_update_conditions(struct change *change, struct resource *resource, struct error *err)
{
	resource->version++;
	sql_changed(change->sql, resource->id);
	return SQL_RUN_LATER(change->sql, err,
		"UPDATE resources SET version = $2, conditions = $3 WHERE id = $1",
		SQL_STR(resource->id), SQL_INT(resource->version), SQL_STR(resource->conditions));
}

int resource_refresh(struct change *change, const struct resource *resource, struct error *err)
{
	sql_changed(change->sql, resource->id);
	return SQL_RUN_LATER(change->sql, err, "UPDATE resources SET conditions = $2 WHERE id = $1",
		SQL_STR(resource->id), SQL_STR(resource->conditions));
}

int resource_remove(struct change *change, const struct resource *resource, struct error *err)
{
	sql_changed(change->sql, resource->id);
	return SQL_RUN_LATER(
		change->sql, err, "DELETE FROM resources WHERE id = $1", SQL_STR(resource->id));
}
