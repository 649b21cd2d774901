/*
 * http_client.c - calls with deadlines, retries and a pool of sessions.
 *
 * The pool is a stack: the session used last has the connection most likely to be open still.
 * libcurl itself repeats a request once when a kept connection turns out to be closed before a byte
 * of the answer came; all other repeats are the caller's choice (http_call.retries).
 */
#include "net/http_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "data/json.h"
#include "net/http_local.h"
#include "net/http_session.h"

#define HTTP_CLIENT_MAX_IDLE 32 /* sessions kept */
#define HTTP_MAX_URL ((size_t)64 << 10)
#define HTTP_MAX_ERROR_BODY ((size_t)64 << 10) /* of a stream that answers an error */

struct http_client {
	struct http_identity identity;
	struct stop *stop;
	pthread_mutex_t mutex; /* idle, idle_count */
	struct http_session *idle;
	unsigned idle_count;
};

static bool copy(char **ret, const char *text)
{
	if (!text)
		return true;
	*ret = strdup(text);
	return *ret != NULL;
}

static void identity_free(struct http_identity *identity)
{
	free(identity->base_url);
	free(identity->user_agent);
	free(identity->bearer_token);
	free(identity->ca_file);
	free(identity->ca_pem);
	free(identity->client_cert_pem);
	free(identity->client_key_pem);
}

static bool identity_copy(struct http_identity *to, const struct http_client_config *from)
{
	to->insecure = from->insecure;
	return copy(&to->base_url, from->base_url) && copy(&to->user_agent, from->user_agent) &&
	       copy(&to->bearer_token, from->bearer_token) && copy(&to->ca_file, from->ca_file) &&
	       copy(&to->ca_pem, from->ca_pem) &&
	       copy(&to->client_cert_pem, from->client_cert_pem) &&
	       copy(&to->client_key_pem, from->client_key_pem);
}

int http_client_new(
	struct http_client **ret, const struct http_client_config *config, struct error *err)
{
	struct http_client *client = calloc(1, sizeof(*client));
	/* Counted by libcurl, and thread-safe in the versions we build with. */
	if (!client || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(client);
		return error_set(err, ERROR_MEMORY, "no memory for the HTTP client");
	}
	pthread_mutex_init(&client->mutex, NULL);
	client->stop = config->stop;
	if (!identity_copy(&client->identity, config)) {
		http_client_free(client);
		return error_set(err, ERROR_MEMORY, "no memory for the HTTP client");
	}
	*ret = client;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	while (client->idle) {
		struct http_session *session = client->idle;
		client->idle = session->next;
		http_session_free(session);
	}
	pthread_mutex_destroy(&client->mutex);
	identity_free(&client->identity);
	free(client);
	curl_global_cleanup();
}

static struct http_session *session_take(struct http_client *client)
{
	pthread_mutex_lock(&client->mutex);
	struct http_session *session = client->idle;
	if (session) {
		client->idle = session->next;
		client->idle_count--;
	}
	pthread_mutex_unlock(&client->mutex);
	return session ? session : http_session_new(&client->identity);
}

static void session_give(struct http_client *client, struct http_session *session)
{
	session->arena = NULL;
	session->on_bytes = NULL;
	session->answer = (struct http_answer){0};
	session->body.max = HTTP_CLIENT_MAX_ANSWER;
	pthread_mutex_lock(&client->mutex);
	bool is_kept = client->idle_count < HTTP_CLIENT_MAX_IDLE;
	if (is_kept) {
		session->next = client->idle;
		client->idle = session;
		client->idle_count++;
	}
	pthread_mutex_unlock(&client->mutex);
	if (!is_kept)
		http_session_free(session);
}

static int url_build(struct buf *url, const struct http_client *client,
	const struct http_call *call, struct error *err)
{
	buf_init(url, HTTP_MAX_URL);
	if (client->identity.base_url)
		buf_add_cstr(url, client->identity.base_url);
	buf_add_str(url, call->path);
	if (url->failed || url->len == 0 || memchr(url->ptr, '\0', url->len))
		return error_set(err, ERROR_INVALID, "the URL is empty, or longer than %zu bytes",
			HTTP_MAX_URL);
	return 0;
}

static bool has_line_break(struct str text)
{
	return str_index(text, '\n') >= 0 || str_index(text, '\r') >= 0;
}

/* What no connection could carry; a line break would begin a header of its own. */
static int check_headers(const struct http_call *call, struct error *err)
{
	for (size_t i = 0; i < call->header_count; i++) {
		const struct http_header *header = &call->headers[i];
		if (has_line_break(header->name) || has_line_break(header->value))
			return error_set(err, ERROR_INVALID,
				"a header's name or value holds a "
				"line break");
		if (header->name.len + header->value.len + strlen(": ") > HTTP_MAX_HEADER_BYTES)
			return error_set(err, ERROR_TOO_LARGE,
				"header %" STR_F " has %zu bytes, which exceeds the limit of %zu",
				STR_A(str_slice(header->name, 0, 64)), header->value.len,
				HTTP_MAX_HEADER_BYTES);
	}
	return 0;
}

/* --- one answer ---------------------------------------------------------------------------- */

static bool is_retryable_status(int status)
{
	return status == 408 || status == 429 || (status >= 502 && status <= 504);
}

struct str http_answer_header(const struct http_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->header_count; i++) {
		if (str_casecmp(answer->headers[i].name, str_of(name)) == 0)
			return answer->headers[i].value;
	}
	return STR_NULL;
}

/* Retry-After (RFC 9110 section 10.2.3) as a duration; 0 when absent or unreadable. */
static int64_t retry_after_us(const struct http_answer *answer)
{
	struct str value = http_answer_header(answer, "Retry-After");
	int64_t seconds = 0;
	if (str_is_null(value))
		return 0;
	if (!str_to_int64(value, &seconds)) {
		char date[64];
		if (value.len >= sizeof(date))
			return 0;
		memcpy(date, value.ptr, value.len);
		date[value.len] = '\0';
		time_t when = curl_getdate(date, NULL);
		seconds =
			when < 0 ? 0 : (int64_t)when - clock_now_us(&clock_system) / CLOCK_US_PER_S;
	}
	if (seconds <= 0)
		return 0;
	return seconds > INT32_MAX ? INT64_C(1) << 50 : seconds * CLOCK_US_PER_S;
}

/* Waits before the next try; false when the deadline or a stop forbids one. */
static bool retry_wait(
	struct http_client *client, unsigned attempt, int64_t least_us, int64_t deadline_us)
{
	int64_t wait_us =
		thread_backoff_us(attempt, HTTP_CLIENT_BACKOFF_US, HTTP_CLIENT_BACKOFF_MAX_US);
	if (wait_us < least_us)
		wait_us = least_us;
	if (clock_monotonic_us() + wait_us >= deadline_us)
		return false;
	if (client->stop)
		return !stop_sleep(client->stop, wait_us);
	struct timespec pause = {wait_us / CLOCK_US_PER_S, (wait_us % CLOCK_US_PER_S) * 1000};
	nanosleep(&pause, NULL);
	return true;
}

/* By a session of the pool; the body is copied into the arena. */
static int call_over_socket(struct http_client *client, struct arena *arena,
	const struct http_call *call, const char *url, const struct http_wait *wait,
	struct http_answer *ret, struct error *err)
{
	struct http_session *session = session_take(client);
	if (!session)
		return error_set(err, ERROR_MEMORY, "no memory for an HTTP session");
	session->arena = arena;
	int result = http_session_perform(session, &client->identity, call, url, wait, err);
	if (result == 0) {
		struct http_answer answer = session->answer;
		answer.body = arena_str(arena, buf_str(&session->body));
		if (str_is_null(answer.body))
			result = error_set(err, ERROR_MEMORY,
				"%s %s: no memory for %zu bytes of answer", call->method, url,
				session->body.len);
		else
			*ret = answer;
	}
	session_give(client, session);
	return result;
}

/* The server itself, when it runs in this process. A token or a certificate is shown only over a
 * connection. */
static struct http_local *local_take(
	const struct http_client *client, const char *url, struct str *ret_target)
{
	struct http_local_address address;
	if (client->identity.bearer_token || client->identity.client_cert_pem)
		return NULL;
	http_local_parse(&address, ret_target, url);
	return http_local_take(&address);
}

static int call_once(struct http_client *client, struct arena *arena, const struct http_call *call,
	const char *url, const struct http_wait *wait, struct http_answer *ret, struct error *err)
{
	struct str target;
	struct http_local *local = local_take(client, url, &target);
	if (!local)
		return call_over_socket(client, arena, call, url, wait, ret, err);
	const char *agent = client->identity.user_agent;
	int result;
	if (client->stop && stop_requested(client->stop))
		result = error_set(err, ERROR_CANCELLED, "%s %s: stopped", call->method, url);
	else
		result = http_local_call(local, target, arena, call,
			str_of(agent ? agent : HTTP_USER_AGENT), ret, err);
	http_local_give(local);
	return result;
}

/* Tries until there is an answer worth keeping. */
static int call_with_retries(struct http_client *client, struct arena *arena,
	const struct http_call *call, const char *url, struct http_answer *ret, struct error *err)
{
	int64_t timeout_us = call->timeout_us > 0 ? call->timeout_us : HTTP_CLIENT_TIMEOUT_US;
	struct http_wait wait = {
		.deadline_us = clock_monotonic_us() + timeout_us, .stops = {client->stop}};
	for (unsigned attempt = 0;; attempt++) {
		struct error tried;
		int result = call_once(client, arena, call, url, &wait, ret, &tried);
		bool may_retry =
			attempt < call->retries && (result < 0 ? tried.code == ERROR_UNAVAILABLE
							       : is_retryable_status(ret->status));
		int64_t least_us = result < 0 ? 0 : retry_after_us(ret);
		if (may_retry && retry_wait(client, attempt, least_us, wait.deadline_us))
			continue;
		if (result < 0 && err)
			*err = tried;
		return result;
	}
}

int http_client_call(struct http_client *client, struct arena *arena, const struct http_call *call,
	struct http_answer *ret, struct error *err)
{
	CLEANUP(buf_free) struct buf url;
	if (url_build(&url, client, call, err) < 0 || check_headers(call, err) < 0)
		return -1;
	return call_with_retries(client, arena, call, url.ptr, ret, err);
}

/* --- answers as JSON ----------------------------------------------------------------------- */

/* What the peer says is wrong, in the words of RFC 9457, of Kubernetes, or of Maestro. */
static struct str answer_reason(const struct json *body)
{
	static const char *const members[] = {"detail", "message", "reason", "title", "error"};
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct str text = json_get_text(body, members[i]);
		if (text.len > 0)
			return text;
	}
	return STR_NULL;
}

static int answer_error(struct arena *arena, const char *method, const char *url, int status,
	struct str body, struct error *err)
{
	struct json *document = NULL;
	struct str reason = STR_NULL;
	if (body.len > 0 && json_parse(arena, body, NULL, &document, NULL) == 0)
		reason = answer_reason(document);
	enum error_code code = error_from_http_status(status);
	if (str_is_null(reason))
		return error_set(err, code, "%s %s answered %d", method, url, status);
	return error_set(
		err, code, "%" STR_F " (%s %s answered %d)", STR_A(reason), method, url, status);
}

int http_client_json(struct http_client *client, struct arena *arena, const struct http_call *call,
	int *ret_status, struct json **ret, struct error *err)
{
	struct http_answer answer;
	if (http_client_call(client, arena, call, &answer, err) < 0)
		return -1;
	if (ret_status)
		*ret_status = answer.status;
	const char *base = client->identity.base_url ? client->identity.base_url : "";
	if (answer.status >= 400) {
		struct str url = arena_printf(arena, "%s%" STR_F, base, STR_A(call->path));
		return answer_error(arena, call->method, url.ptr ? url.ptr : base, answer.status,
			answer.body, err);
	}
	if (!ret)
		return 0;
	struct json *document = NULL;
	if (answer.body.len > 0 && json_parse(arena, answer.body, NULL, &document, err) < 0)
		return error_prefix(err, "%s %s%" STR_F ": the answer is not JSON", call->method,
			base, STR_A(call->path));
	*ret = document;
	return 0;
}

/* --- streams ------------------------------------------------------------------------------- */

struct lines {
	bool (*on_line)(void *arg, struct str line);
	void *arg;
	bool is_refused;
};

/* Hands over the whole lines of the body and keeps the rest. */
static bool lines_take(void *arg, struct http_session *session)
{
	struct lines *lines = arg;
	struct buf *body = &session->body;
	long status = 0;
	curl_easy_getinfo(session->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 400)
		return body->len <= HTTP_MAX_ERROR_BODY;
	size_t begin = 0;
	char *end;
	while (!lines->is_refused &&
		(end = memchr(body->ptr + begin, '\n', body->len - begin)) != NULL) {
		size_t len = (size_t)(end - (body->ptr + begin));
		struct str line = str_n(body->ptr + begin, len);
		begin += len + 1;
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && !lines->on_line(lines->arg, line))
			lines->is_refused = true;
	}
	memmove(body->ptr, body->ptr + begin, body->len - begin);
	body->len -= begin;
	body->ptr[body->len] = '\0';
	return !lines->is_refused;
}

/* An error answer's own words; its body may have been cut at its limit. */
static int lines_error(struct http_session *session, const struct http_call *call, const char *url,
	struct error *err)
{
	struct arena *arena = arena_new(0);
	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for an error's words");
	answer_error(
		arena, call->method, url, session->answer.status, buf_str(&session->body), err);
	arena_free(arena);
	return -1;
}

int http_client_lines(struct http_client *client, const struct http_call *call, struct stop *stop,
	bool (*on_line)(void *arg, struct str line), void *arg, int *ret_status, struct error *err)
{
	CLEANUP(buf_free) struct buf url;
	if (url_build(&url, client, call, err) < 0 || check_headers(call, err) < 0)
		return -1;
	struct http_session *session = session_take(client);
	if (!session)
		return error_set(err, ERROR_MEMORY, "no memory for an HTTP session");
	struct lines lines = {.on_line = on_line, .arg = arg};
	struct http_wait wait = {.deadline_us = INT64_MAX,
		.silence_us = call->timeout_us > 0 ? call->timeout_us : HTTP_CLIENT_TIMEOUT_US,
		.stops = {client->stop, stop}};
	session->on_bytes = lines_take;
	session->arg = &lines;
	struct error failed;
	int result =
		http_session_perform(session, &client->identity, call, url.ptr, &wait, &failed);
	int status = session->answer.status;
	if (ret_status)
		*ret_status = status;
	if (status >= 400 && (result == 0 || session->is_refused))
		result = lines_error(session, call, url.ptr, err);
	else if (result < 0 && lines.is_refused)
		result = 0;
	else if (result < 0 && err)
		*err = failed;
	/* A stream that was left in its middle has no connection to give back; libcurl closed it.
	 */
	session_give(client, session);
	return result;
}
