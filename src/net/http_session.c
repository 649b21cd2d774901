/*
 * http_session.c - a request on libcurl's multi interface.
 *
 * curl_easy_perform() would do, but for the stop: its progress callback runs about once a second,
 * which is how long every thread would take to end. A multi handle of our own is polled in short
 * slices, and keeps the connections between calls as well.
 */
#include "net/http_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SESSION_KEPT_BODY ((size_t)256 << 10) /* a larger buffer is not kept for the next call */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_session *session = arg;
	size_t len = size * count;
	session->last_byte_us = clock_monotonic_us();
	if (!buf_add(&session->body, bytes, len)) {
		session->is_too_large = true;
		return 0;
	}
	if (session->on_bytes && !session->on_bytes(session->arg, session)) {
		session->is_refused = true;
		return 0;
	}
	return len;
}

/* A status line (also of an interim answer) begins the headers anew. */
static void headers_begin(struct http_session *session)
{
	session->answer.header_count = 0;
	session->answer.headers = NULL;
	if (session->arena)
		session->answer.headers = arena_calloc(
			session->arena, HTTP_CLIENT_MAX_HEADERS, sizeof(*session->answer.headers));
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_session *session = arg;
	size_t len = size * count;
	struct str line = str_n(bytes, len);
	session->last_byte_us = clock_monotonic_us();
	if (str_starts_with(line, STR("HTTP/"))) {
		headers_begin(session);
		return len;
	}
	struct str value = str_trim(line);
	struct str name = str_cut(&value, ':');
	struct http_answer *answer = &session->answer;
	if (!answer->headers || str_is_null(value) || name.len == 0 ||
		answer->header_count == HTTP_CLIENT_MAX_HEADERS)
		return len;
	answer->headers[answer->header_count++] = (struct http_header){
		arena_str(session->arena, name), arena_str(session->arena, str_trim(value))};
	return len;
}

static void set_blob(CURL *easy, CURLoption option, const char *pem)
{
	if (!pem)
		return;
	struct curl_blob blob = {
		.data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};
	curl_easy_setopt(easy, option, &blob);
}

/* A proxy from the environment is for the world outside: 127.0.0.1 is never behind it. */
static bool is_loopback(const char *url)
{
	struct str rest = str_of(url);
	ptrdiff_t scheme = str_find(rest, STR("://"));
	if (scheme >= 0)
		rest = str_slice(rest, (size_t)scheme + 3, rest.len);
	return str_starts_with(rest, STR("127.")) || str_starts_with(rest, STR("localhost")) ||
	       str_starts_with(rest, STR("[::1]"));
}

struct http_session *http_session_new(const struct http_identity *identity)
{
	struct http_session *session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->easy = curl_easy_init();
	session->multi = curl_multi_init();
	buf_init(&session->body, HTTP_CLIENT_MAX_ANSWER);
	if (!session->easy || !session->multi) {
		http_session_free(session);
		return NULL;
	}
	CURL *easy = session->easy;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, HTTP_CLIENT_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, session->detail);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, session);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, session);
	curl_easy_setopt(easy, CURLOPT_USERAGENT,
		identity->user_agent ? identity->user_agent : HTTP_USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, identity->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, identity->insecure ? 0L : 2L);
	if (identity->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, identity->ca_file);
	set_blob(easy, CURLOPT_CAINFO_BLOB, identity->ca_pem);
	set_blob(easy, CURLOPT_SSLCERT_BLOB, identity->client_cert_pem);
	set_blob(easy, CURLOPT_SSLKEY_BLOB, identity->client_key_pem);
	if (identity->bearer_token) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, identity->bearer_token);
	}
	return session;
}

void http_session_free(struct http_session *session)
{
	if (!session)
		return;
	if (session->easy)
		curl_easy_cleanup(session->easy);
	if (session->multi)
		curl_multi_cleanup(session->multi);
	buf_free(&session->body);
	free(session);
}

/* --- one request --------------------------------------------------------------------------- */

static bool list_add(struct curl_slist **list, struct str name, struct str value)
{
	struct buf line;
	buf_init(&line, HTTP_MAX_HEADER_BYTES);
	/* libcurl takes "Name;" for a header with an empty value. */
	buf_printf(&line, value.len > 0 ? "%" STR_F ": %" STR_F : "%" STR_F ";%" STR_F, STR_A(name),
		STR_A(value));
	struct curl_slist *grown = line.failed ? NULL : curl_slist_append(*list, line.ptr);
	buf_free(&line);
	if (!grown)
		return false;
	*list = grown;
	return true;
}

static int headers_build(const struct http_call *call, struct curl_slist **ret, struct error *err)
{
	bool is_added;
	struct str type = call->content_type;
	if (str_is_null(type) && call->body.len > 0)
		type = STR("application/json");
	/* Without a type libcurl would claim a form. */
	if (str_is_null(type))
		is_added = (*ret = curl_slist_append(NULL, "Content-Type:")) != NULL;
	else
		is_added = list_add(ret, STR("Content-Type"), type);
	for (size_t i = 0; i < call->header_count && is_added; i++) {
		const struct http_header *header = &call->headers[i];
		is_added = list_add(ret, header->name, header->value);
	}
	return is_added ? 0 : error_set(err, ERROR_MEMORY, "no memory for the request's headers");
}

static void method_set(CURL *easy, const struct http_call *call)
{
	bool has_body = call->body.len > 0 || strcmp(call->method, "POST") == 0 ||
			strcmp(call->method, "PUT") == 0 || strcmp(call->method, "PATCH") == 0;
	curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	if (strcmp(call->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (has_body) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.ptr ? call->body.ptr : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
}

/* Which of the waits has run out, as an error; 0: go on. */
static int wait_check(const struct http_session *session, const struct http_wait *wait,
	int64_t now_us, struct error *err)
{
	for (size_t i = 0; i < HTTP_WAIT_STOPS; i++) {
		if (wait->stops[i] && stop_requested(wait->stops[i]))
			return error_set(err, ERROR_CANCELLED, "stopped");
	}
	if (now_us >= wait->deadline_us)
		return error_set(err, ERROR_TIMEOUT, "no whole answer in time");
	if (wait->silence_us > 0 && now_us - session->last_byte_us >= wait->silence_us)
		return error_set(err, ERROR_TIMEOUT, "nothing arrived for %lld ms",
			(long long)(wait->silence_us / CLOCK_US_PER_MS));
	return 0;
}

/* The stops' descriptors, to be polled; their number. */
static unsigned stop_fds(const struct http_wait *wait, struct curl_waitfd *ret)
{
	unsigned count = 0;
	for (size_t i = 0; i < HTTP_WAIT_STOPS; i++) {
		int fd = wait->stops[i] ? stop_fd(wait->stops[i]) : -1;
		if (fd >= 0)
			ret[count++] = (struct curl_waitfd){.fd = fd, .events = CURL_WAIT_POLLIN};
	}
	return count;
}

static int poll_ms(const struct http_session *session, const struct http_wait *wait, int64_t now_us)
{
	int64_t left = wait->deadline_us - now_us;
	if (wait->silence_us > 0 && session->last_byte_us + wait->silence_us - now_us < left)
		left = session->last_byte_us + wait->silence_us - now_us;
	left = left / CLOCK_US_PER_MS + 1;
	return (int)(left < HTTP_POLL_MS ? left : HTTP_POLL_MS);
}

static int result_error(struct http_session *session, CURLcode code, struct error *err)
{
	const char *detail = session->detail[0] ? session->detail : curl_easy_strerror(code);
	if (code == CURLE_OK)
		return 0;
	if (session->is_too_large)
		return error_set(err, ERROR_TOO_LARGE, "the answer is longer than %zu bytes",
			session->body.max);
	if (session->is_refused)
		return error_set(err, ERROR_CANCELLED, "stopped by the reader");
	if (code == CURLE_OUT_OF_MEMORY)
		return error_set(err, ERROR_MEMORY, "%s", detail);
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return error_set(err, ERROR_INVALID, "%s", detail);
	/* Our own deadline comes from wait_check; libcurl's is that of the connection. */
	return error_set(err, ERROR_UNAVAILABLE, "%s", detail);
}

/* Drives the transfer to its end. */
static int transfer_run(
	struct http_session *session, const struct http_wait *wait, struct error *err)
{
	struct curl_waitfd fds[HTTP_WAIT_STOPS];
	unsigned fd_count = stop_fds(wait, fds);
	for (;;) {
		int running = 0;
		CURLMcode failed = curl_multi_perform(session->multi, &running);
		if (failed != CURLM_OK)
			return error_set(err, ERROR_INTERNAL, "%s", curl_multi_strerror(failed));
		int left;
		CURLMsg *message = curl_multi_info_read(session->multi, &left);
		if (message && message->msg == CURLMSG_DONE)
			return result_error(session, message->data.result, err);
		int64_t now_us = clock_monotonic_us();
		if (wait_check(session, wait, now_us, err) < 0)
			return -1;
		curl_multi_poll(
			session->multi, fds, fd_count, poll_ms(session, wait, now_us), NULL);
	}
}

static void session_reset(struct http_session *session)
{
	if (session->body.capacity > SESSION_KEPT_BODY)
		buf_free(&session->body);
	buf_clear(&session->body);
	session->answer = (struct http_answer){0};
	session->is_too_large = false;
	session->is_refused = false;
	session->detail[0] = '\0';
	session->last_byte_us = clock_monotonic_us();
}

int http_session_perform(struct http_session *session, const struct http_identity *identity,
	const struct http_call *call, const char *url, const struct http_wait *wait,
	struct error *err)
{
	struct curl_slist *headers = NULL;
	session_reset(session);
	if (headers_build(call, &headers, err) < 0) {
		curl_slist_free_all(headers);
		return -1;
	}
	CURL *easy = session->easy;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXY, is_loopback(url) ? "" : NULL);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	method_set(easy, call);
	int result = -1;
	if (curl_multi_add_handle(session->multi, easy) == CURLM_OK) {
		result = transfer_run(session, wait, err);
		long status = 0;
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		session->answer.status = (int)status;
		curl_multi_remove_handle(session->multi, easy);
	} else {
		error_set(err, ERROR_INTERNAL, "libcurl refuses the handle");
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (result < 0)
		error_prefix(err, "%s %s", call->method, url);
	return result;
}
