/*
 * watch.c - following a kind: list, then watch from there, for as long as it takes.
 *
 * What may go wrong is sorted into three: the connection broke or the server is away (wait, then
 * watch again from the last version seen), the version is too old to continue from (410: list
 * again), and the server refuses (return: whoever follows says so and decides). A watch is asked to
 * end after KUBE_WATCH_S by the server itself, and is given up a little later, so that a peer that
 * vanished without a word is noticed.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kube/list.h"

#define KUBE_WATCH_S 120
#define KUBE_WATCH_SILENCE_US ((KUBE_WATCH_S + 30) * CLOCK_US_PER_S)
#define FOLLOW_BACKOFF_US (200 * CLOCK_US_PER_MS)
#define FOLLOW_BACKOFF_MAX_US (30 * CLOCK_US_PER_S)
#define RESOURCE_VERSION_MAX 128

struct follower {
	struct kube *kube;
	const struct kube_resource *resource;
	const struct kube_list *options;
	struct stop *stop;
	kube_on_event on_event;
	void (*on_synced)(void *arg);
	void *arg;

	struct arena *arena; /* of the page or event at hand */
	char version[RESOURCE_VERSION_MAX];
	bool is_ended;	  /* on_event said so */
	bool is_outdated; /* list again */
	bool is_alive;	  /* the watch has brought something */
};

static void keep_version(struct follower *f, const struct json *object)
{
	struct str version = json_get_text(json_get(object, "metadata"), "resourceVersion");

	if (version.len == 0 || version.len >= sizeof(f->version))
		return;
	memcpy(f->version, version.ptr, version.len);
	f->version[version.len] = '\0';
}

static bool is_over(struct follower *f)
{
	return f->is_ended || stop_requested(f->stop);
}

/* --- listing ------------------------------------------------------------------------------- */

static void tell_page(struct follower *f, const struct json *page)
{
	struct json *item;

	json_for_each (json_get(page, "items"), i, item) {
		if (is_over(f))
			return;
		f->is_ended = !f->on_event(f->arg, STR("ADDED"), item);
	}
}

/* All pages; the token of the next one outlives the arena's reset. */
static int list_pages(struct follower *f, bool is_whole, struct error *err)
{
	CLEANUP(buf_free) struct buf token = BUF_INITIALIZER(0);
	struct json *page;

	do {
		arena_reset(f->arena);
		if (kube_list_page(f->kube, f->arena, f->resource, f->options, buf_str(&token),
			    is_whole, &page, err) < 0)
			return -1;
		keep_version(f, page);
		tell_page(f, page);
		buf_clear(&token);
		buf_add_str(&token, json_get_text(json_get(page, "metadata"), "continue"));
	} while (token.len && !is_over(f));
	return 0;
}

static int list_all(struct follower *f, struct error *err)
{
	struct error failed;

	f->version[0] = '\0';
	if (list_pages(f, false, &failed) < 0) {
		if (failed.code != ERROR_GONE) {
			*err = failed;
			return -1;
		}
		if (list_pages(f, true, err) < 0)
			return -1;
	}
	f->is_outdated = false;
	if (f->on_synced && !is_over(f))
		f->on_synced(f->arg);
	return 0;
}

/* --- watching ------------------------------------------------------------------------------ */

/* An ERROR event carries a Status. Whatever it says, this watch is over. */
static void take_error(struct follower *f, const struct json *status)
{
	f->is_outdated = f->is_outdated || json_int(json_get(status, "code"), 0) == 410;
}

static bool on_line(void *arg, struct str line)
{
	struct follower *f = arg;
	struct json *event, *object;

	arena_reset(f->arena);
	if (json_parse(f->arena, line, NULL, &event, NULL) < 0) {
		f->is_outdated = true; /* what it said is lost; a new listing has it */
		return false;
	}
	struct str type = json_get_text(event, "type");
	object = json_get(event, "object");
	if (str_eq(type, STR("ERROR"))) {
		take_error(f, object);
		return false;
	}
	f->is_alive = true;
	f->is_ended = !f->on_event(f->arg, type, object);
	keep_version(f, object); /* only now: what was not handed over comes again */
	return !is_over(f);
}

static int watch(struct follower *f, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct http_header headers[KUBE_MAX_CALL_HEADERS];
	struct str url;
	int status = 0;

	if (kube_collection(arena, f->resource, f->options, &url, err) < 0)
		return -1;
	const struct http_call call = {
		.method = "GET",
		.path = arena_printf(arena,
			"%" STR_F "watch=true&allowWatchBookmarks=true&timeoutSeconds=%d"
			"&resourceVersion=%" STR_F,
			STR_A(url), KUBE_WATCH_S, STR_A(http_encode(arena, str_of(f->version)))),
		.headers = headers,
		.header_count = kube_headers(f->kube, arena, headers),
		.timeout_us = KUBE_WATCH_SILENCE_US,
	};
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory for a watch's URL");
	f->is_alive = false;
	return http_client_lines(f->kube->http, &call, f->stop, on_line, f, &status, err);
}

/* --- following ----------------------------------------------------------------------------- */

/* Whether waiting may help. A server that fails inside (5xx) may recover. */
static bool may_pass(enum error_code code)
{
	return error_is_transient(code) || code == ERROR_INTERNAL;
}

static int step(struct follower *f, struct error *err)
{
	if (f->is_outdated)
		return list_all(f, err);
	if (watch(f, err) == 0)
		return 0;
	if (err->code != ERROR_GONE)
		return -1;
	f->is_outdated = true;
	return 0;
}

static int follow(struct follower *f, struct error *err)
{
	unsigned failures = 0;
	struct error failed;

	while (!is_over(f)) {
		bool was_listing = f->is_outdated;
		int64_t begun_us = clock_monotonic_us();
		int result = step(f, &failed);
		if (result < 0 && failed.code == ERROR_CANCELLED)
			return 0;
		if (result < 0 && !may_pass(failed.code)) {
			if (err)
				*err = failed;
			return -1;
		}
		/* A watch that ends at once and brought nothing is as good as a failure. */
		bool is_hasty = !was_listing && !f->is_alive &&
				clock_monotonic_us() - begun_us < CLOCK_US_PER_S;
		if (result == 0 && !is_hasty)
			failures = was_listing ? failures : 0;
		else if (stop_sleep(f->stop, thread_backoff_us(failures++, FOLLOW_BACKOFF_US,
						     FOLLOW_BACKOFF_MAX_US)))
			return 0;
	}
	return 0;
}

int kube_follow(struct kube *kube, const struct kube_resource *resource,
	const struct kube_list *options, struct stop *stop, kube_on_event on_event,
	void (*on_synced)(void *arg), void *arg, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct follower f = {.kube = kube,
		.resource = resource,
		.options = options,
		.stop = stop,
		.on_event = on_event,
		.on_synced = on_synced,
		.arg = arg,
		.arena = arena,
		.is_outdated = true};

	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory to follow %s", resource->plural);
	return follow(&f, err);
}
