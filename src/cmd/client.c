/*
 * client.c - signs requests with the region's key and sends them.
 */
#include "cmd/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials.h"
#include "aws/sigv4.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "local/state.h"
#include "net/http_client.h"

#define CLIENT_ARENA_MAX ((size_t)1 << 20)
#define REGION_FILE_MAX ((size_t)1 << 20)
#define CLIENT_RETRIES 3

struct client {
	struct arena *arena;
	struct http_client *http;
	struct sigv4_credentials credentials;
	struct str region;
	struct str host;
};

/* "127.0.0.1:8000" of "http://127.0.0.1:8000/". */
static struct str host_of(struct str url)
{
	ptrdiff_t scheme = str_find(url, STR("://"));
	struct str rest = scheme < 0 ? url : str_slice(url, (size_t)scheme + 3, url.len);

	return str_cut(&rest, '/');
}

int client_open_url(struct client **ret, const char *url, const char *region,
	const char *credentials_file, struct stop *stop, struct error *err)
{
	struct client *client = calloc(1, sizeof(*client));
	struct str file_region;
	struct http_client_config config = {
		.base_url = url, .user_agent = "reeve/" REEVE_VERSION, .stop = stop};

	if (!client || !(client->arena = arena_new(CLIENT_ARENA_MAX))) {
		free(client);
		return error_set(err, ERROR_MEMORY, "no memory for a client");
	}
	client->region = arena_str(client->arena, str_of(region));
	client->host = arena_str(client->arena, host_of(str_of(url)));
	if (credentials_load(client->arena, credentials_file, "default", &client->credentials,
		    &file_region, err) < 0 ||
		http_client_new(&client->http, &config, err) < 0) {
		client_close(client);
		return -1;
	}
	*ret = client;
	return 0;
}

int client_open(struct client **ret, const char *dir, struct stop *stop, struct error *err)
{
	char folder[STATE_PATH_MAX], path[STATE_PATH_MAX + 16];
	struct str text;
	struct json *document;
	struct error missing;

	CLEANUP(cleanup_arena) struct arena *arena = arena_new(REGION_FILE_MAX);
	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for a client");
	if ((dir ? state_path_print(folder, err, "%s", dir) : state_default_dir(folder, err)) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/region.json", folder);
	if (state_read_file(arena, path, REGION_FILE_MAX, &text, &missing) < 0)
		return error_set(err, ERROR_UNAVAILABLE,
			"no region is up in %s; start one with `reeve up --dir %s`, or name its "
			"folder with --dir",
			folder, folder);
	if (json_parse(arena, text, NULL, &document, err) < 0)
		return error_prefix(err, "%s", path);
	const struct json *frontend = json_get(document, "frontend");
	char *url = arena_cstr(arena, json_get_text(frontend, "url"));
	char *region = arena_cstr(arena, json_get_text(frontend, "region"));
	char *file = arena_cstr(arena, json_get_text(frontend, "credentials_file"));
	if (!url || !region || !file)
		return error_set(err, ERROR_INVALID,
			"%s does not tell the frontend's url, region and credentials_file", path);
	return client_open_url(ret, url, region, file, stop, err);
}

void client_close(struct client *client)
{
	if (!client)
		return;
	http_client_free(client->http);
	arena_free(client->arena);
	free(client);
}

/* Signs method, path and body; the headers to send. */
static int sign(struct client *client, struct arena *arena, const char *method, struct str path,
	struct str body, struct http_header **ret, size_t *ret_count, struct error *err)
{
	struct http_header host = {STR("host"), client->host};
	struct sigv4_request request = {.method = str_of(method),
		.target = path,
		.headers = &host,
		.header_count = 1,
		.body = body};

	return sigv4_sign(arena, &request, &client->credentials, client->region, STR("execute-api"),
		clock_now_us(&clock_system), false, ret, ret_count, err);
}

/* "reason (spec.a: why; spec.b: why)" from the frontend's envelope. */
static int answer_error(struct arena *arena, int status, const struct json *body, struct error *err)
{
	const struct json *item;
	struct str reason = json_get_text(body, "reason");
	struct str fields = STR("");

	json_for_each (json_get(body, "errors"), i, item) {
		struct str field = json_get_text(item, "field"),
			   why = json_get_text(item, "reason");
		fields = arena_printf(arena, "%" STR_F "%s%" STR_F ": %" STR_F, STR_A(fields),
			fields.len ? "; " : "", STR_A(field), STR_A(why));
	}
	if (str_is_null(reason))
		return error_set(
			err, error_from_http_status(status), "the frontend answered %d", status);
	if (fields.len)
		return error_set(err, error_from_http_status(status), "%" STR_F " (%" STR_F ")",
			STR_A(reason), STR_A(fields));
	return error_set(err, error_from_http_status(status), "%" STR_F, STR_A(reason));
}

int client_call(struct client *client, struct arena *arena, const char *method, struct str path,
	const struct json *body, struct json **ret, struct error *err)
{
	struct http_call call = {.method = method, .path = path, .retries = 0};
	struct http_header *headers;
	struct http_answer answer;
	struct json *document = NULL;

	if (body)
		call.body = json_text(arena, body, JSON_WRITE_COMPACT);
	if (strcmp(method, "GET") == 0)
		call.retries = CLIENT_RETRIES;
	if (sign(client, arena, method, path, call.body, &headers, &call.header_count, err) < 0)
		return -1;
	call.headers = headers;
	if (http_client_call(client->http, arena, &call, &answer, err) < 0)
		return -1;
	int parsed = answer.body.len ? json_parse(arena, answer.body, NULL, &document, err) : 0;
	if (answer.status >= 400) /* a gateway's failure may come without JSON */
		return answer_error(arena, answer.status, document, err);
	if (parsed < 0)
		return error_prefix(err, "%s %" STR_F " answered %d without JSON", method,
			STR_A(path), answer.status);
	if (ret)
		*ret = document;
	return 0;
}
