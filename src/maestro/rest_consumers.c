/*
 * rest_consumers.c - consumers: the management clusters that bundles may be made for.
 */
#include "maestro/bundle_store.h"
#include "maestro/manifest.h"
#include "maestro/rest.h"
#include "maestro/rest_fields.h"

struct consumer_work {
	struct http_request *request;
	struct consumer consumer;
	bool is_found;
	bool changes_labels;
	const struct rest_list *list;
	struct rest_fields fields;
	int64_t total;
	struct json *items;
};

/* Labels from a body: false when the response is filled. A null str: none. */
static bool read_labels(struct http_request *request, struct http_response *response,
	const struct json *body, struct str *ret)
{
	const struct json *labels = json_get(body, "labels");
	struct json *value;

	*ret = STR_NULL;
	if (!json_is_null(labels) && !json_is(labels, JSON_OBJECT)) {
		rest_fail(request, response, REST_MALFORMED,
			"Invalid request format: labels is %s, not an object",
			json_type_name(json_type(labels)));
		return false;
	}
	json_for_each (labels, i, value) {
		if (json_is(value, JSON_STRING))
			continue;
		rest_fail(request, response, REST_MALFORMED,
			"Invalid request format: label %" STR_F " is %s, not a string",
			STR_A(json_key_at(labels, i)), json_type_name(json_type(value)));
		return false;
	}
	if (json_count(labels) > 0)
		*ret = json_text(request->arena, labels, JSON_WRITE_COMPACT);
	return true;
}

static int insert(struct sql *sql, void *argument, struct error *err)
{
	struct consumer_work *work = argument;

	return consumer_insert(sql, &work->consumer, err);
}

void rest_create_consumer(struct http_request *request, struct http_response *response)
{
	struct maestro_server *server = rest_of(request)->server;
	int64_t now_us = clock_now_us(server->clock);
	struct consumer_work work = {
		.consumer = {.created_us = now_us, .updated_us = now_us},
	};
	char id[ID_UUID_SIZE];
	struct json *body;
	struct str problem;
	struct error err;

	if (!rest_read_body(request, response, &body) ||
		!read_labels(request, response, body, &work.consumer.labels))
		return;
	if (json_get_text(body, "id").len > 0) {
		rest_fail(request, response, REST_VALIDATION, "id must be empty");
		return;
	}
	id_uuid4(id);
	work.consumer.id = arena_str(request->arena, str_of(id));
	work.consumer.name = json_get_text(body, "name");
	if (work.consumer.name.len == 0)
		work.consumer.name = work.consumer.id;
	problem = consumer_name_problem(request->arena, work.consumer.name);
	if (!str_is_null(problem))
		rest_fail(request, response, REST_VALIDATION, "Unable to create Consumer: %" STR_F,
			STR_A(problem));
	else if (store_write(server->store, insert, &work, &err) == 0)
		http_response_json(
			request, response, 201, consumer_to_json(request->arena, &work.consumer));
	else if (err.code == ERROR_CONFLICT)
		rest_fail(request, response, REST_CONFLICT, "This Consumer already exists");
	else
		rest_fail_with(request, response, "Unable to create Consumer", &err);
}

static int read_one(struct sql *sql, void *argument, struct error *err)
{
	struct consumer_work *work = argument;
	int found = consumer_load(
		sql, work->request->arena, work->request->variables[0], &work->consumer, err);

	work->is_found = found == 1;
	return found < 0 ? -1 : 0;
}

static void reply_one(struct http_request *request, struct http_response *response,
	const struct rest_fields *fields, const struct consumer_work *work, int rc,
	const struct error *err)
{
	if (rc != 0)
		rest_fail_with(request, response, "Unable to read Consumer", err);
	else if (!work->is_found)
		rest_fail(request, response, REST_NOT_FOUND,
			"Consumer with id='%" STR_F "' not found", STR_A(request->variables[0]));
	else
		http_response_json(request, response, 200,
			rest_project(fields, request->arena,
				consumer_to_json(request->arena, &work->consumer)));
}

void rest_get_consumer(struct http_request *request, struct http_response *response)
{
	struct consumer_work work = {.request = request};
	struct rest_fields fields;
	struct error err;

	if (!rest_read_fields(request, response, SEARCH_CONSUMERS, &fields))
		return;
	int rc = store_read(rest_of(request)->server->store, read_one, &work, &err);
	reply_one(request, response, &fields, &work, rc, &err);
}

static int save_labels(struct sql *sql, void *argument, struct error *err)
{
	struct consumer_work *work = argument;
	struct str labels = work->consumer.labels;
	int64_t now_us = work->consumer.updated_us;

	if (read_one(sql, work, err) != 0)
		return -1;
	if (work->is_found && work->changes_labels) {
		work->consumer.updated_us = now_us;
		work->consumer.labels = labels;
		return consumer_save_labels(sql, &work->consumer, err);
	}
	/* As before, should this run again. */
	return 0;
}

void rest_update_consumer(struct http_request *request, struct http_response *response)
{
	struct maestro_server *server = rest_of(request)->server;
	const struct rest_fields all = {.count = 0};
	struct consumer_work work = {.request = request};
	struct json *body;
	struct error err;
	int rc;

	if (!rest_read_body(request, response, &body) ||
		!read_labels(request, response, body, &work.consumer.labels))
		return;
	work.changes_labels = json_get(body, "labels") != NULL;
	work.consumer.updated_us = clock_now_us(server->clock);
	rc = store_write(server->store, save_labels, &work, &err);
	reply_one(request, response, &all, &work, rc, &err);
}

static int remove_one(struct sql *sql, void *argument, struct error *err)
{
	const struct http_request *request = argument;

	return consumer_remove(sql, request->variables[0], err);
}

void rest_delete_consumer(struct http_request *request, struct http_response *response)
{
	struct error err;

	if (store_write(rest_of(request)->server->store, remove_one, request, &err) == 0)
		response->status = 204;
	else
		rest_fail_with(request, response, "Unable to delete Consumer", &err);
}

static int read_page(struct sql *sql, void *argument, struct error *err)
{
	struct consumer_work *work = argument;
	struct arena *arena = work->request->arena;
	struct search search = work->list->search;
	struct sql_rows *rows;
	int rc;

	work->items = json_new_array(arena);
	if (sql_query_text(sql,
		    arena_printf(arena, "SELECT COUNT(*) FROM consumers WHERE %" STR_F,
			    STR_A(search.condition)),
		    search.values, search.count, &rows, err) != 0)
		return -1;
	rc = sql_next(rows, err);
	work->total = rc == 1 ? sql_int(rows, 0) : 0;
	sql_end(rows);
	if (rc < 0)
		return -1;
	search.values[search.count] = SQL_INT(work->list->size);
	search.values[search.count + 1] = SQL_INT((work->list->page - 1) * work->list->size);
	if (sql_query_text(sql,
		    arena_printf(arena,
			    "SELECT " CONSUMER_COLUMNS " FROM consumers WHERE %" STR_F
			    " ORDER BY %" STR_F " LIMIT $%zu OFFSET $%zu",
			    STR_A(search.condition), STR_A(work->list->order), search.count + 1,
			    search.count + 2),
		    search.values, search.count + 2, &rows, err) != 0)
		return -1;
	while ((rc = sql_next(rows, err)) == 1) {
		consumer_from_row(arena, rows, &work->consumer);
		json_append(work->items, rest_project(&work->fields, arena,
						 consumer_to_json(arena, &work->consumer)));
	}
	sql_end(rows);
	return rc;
}

void rest_list_consumers(struct http_request *request, struct http_response *response)
{
	struct rest_list list;
	struct consumer_work work = {.request = request, .list = &list};
	struct error err;

	if (!rest_read_list(request, response, SEARCH_CONSUMERS, &list) ||
		!rest_read_fields(request, response, SEARCH_CONSUMERS, &work.fields))
		return;
	if (store_read(rest_of(request)->server->store, read_page, &work, &err) == 0)
		rest_reply_list(request, response, "ConsumerList", &list, work.total, work.items);
	else
		rest_fail_with(request, response, "Unable to list consumers", &err);
}
