/*
 * kubeapi_watch.c - from the ring to the streams.
 *
 * Each round takes a batch of events and, for each watch, sends what concerns it in one piece.
 * Whether an object has come into sight of a selector or gone out of it is told by its text before
 * the change, which events carry only when selectors may notice.
 */
#include "local/kubeapi_watch.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "base/thread.h"

#define BATCH 128u
#define ROUND_US (INT64_C(1) * CLOCK_US_PER_S)

struct watch {
	struct watch *next;
	struct arena *arena; /* of the request's texts */
	struct kubeapi_watch_request wanted;
	struct http_stream *stream;
	int64_t cursor;			  /* sent up to here */
	int64_t deadline_us, bookmark_us; /* monotonic */
	atomic_bool is_gone;
	bool is_done;
	struct kubeapi_watches *watches;
};

struct kubeapi_watches {
	struct kubeapi_objects *objects;
	struct kubeapi_ring *ring;
	const struct clock *clock;
	struct thread *thread;
	atomic_bool is_stopping;
	pthread_mutex_t joining_mutex; /* joining */
	struct watch *joining;
	/* The thread's own: */
	struct watch *active;
	int64_t cursor;
	struct buf out;
	struct arena *scratch;
};

/* --- one watch ----------------------------------------------------------------------------- */

static void watch_free(struct watch *watch)
{
	http_stream_close(watch->stream);
	kubeapi_type_release(watch->wanted.type);
	arena_free(watch->arena);
	free(watch);
}

static void on_gone(void *arg)
{
	struct watch *watch = arg;

	atomic_store(&watch->is_gone, true);
	kubeapi_ring_poke(watch->watches->ring);
}

static bool has_selector(const struct watch *watch)
{
	return watch->wanted.labels.count > 0 || watch->wanted.fields.count > 0;
}

/* Whether the object with this text is one that the watch asks for. */
static bool selects(struct watch *watch, struct str body, struct json **ret_parsed)
{
	struct arena *scratch = watch->watches->scratch;
	struct json *object;

	if (!has_selector(watch))
		return true;
	if (json_parse(scratch, kubeapi_object_text(scratch, watch->wanted.type->prefix, 0, body),
		    NULL, &object, NULL) < 0)
		return false;
	*ret_parsed = object;
	return kubeapi_select_match_labels(
		       &watch->wanted.labels, json_find(object, "metadata", "labels", NULL)) &&
	       kubeapi_select_match_fields(&watch->wanted.fields, object);
}

static void write_event(
	struct watch *watch, enum kubeapi_event_type type, int64_t version, struct str body)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED"};
	struct kubeapi_watches *watches = watch->watches;
	struct buf *out = &watches->out;
	size_t before = out->len;

	buf_printf(out, "{\"type\":\"%s\",\"object\":", names[type]);
	if (!kubeapi_view_write(out, watches->scratch, &watch->wanted.view, watch->wanted.type,
		    version, body, NULL, clock_now_us(watches->clock))) {
		out->len = before;
		watch->is_done = true;
		return;
	}
	buf_add_cstr(out, "}\n");
}

/* The event as this watch sees it, or nothing. */
static void write_seen(struct watch *watch, enum kubeapi_event_type type, int64_t version,
	struct str body, struct str previous)
{
	struct json *parsed = NULL;
	bool is_seen = selects(watch, body, &parsed);
	bool was_seen = type == KUBEAPI_ADDED ? false
			: previous.ptr	      ? selects(watch, previous, &parsed)
					      : is_seen;

	if (type == KUBEAPI_DELETED ? is_seen || was_seen : was_seen && !is_seen)
		write_event(watch, KUBEAPI_DELETED, version, body);
	else if (is_seen && type != KUBEAPI_DELETED)
		write_event(watch, was_seen ? KUBEAPI_MODIFIED : KUBEAPI_ADDED, version, body);
}

static bool concerns(
	const struct watch *watch, struct str resource, struct str name_space, struct str name)
{
	const struct kubeapi_watch_request *wanted = &watch->wanted;

	return str_eq(resource, wanted->type->qualified) &&
	       (wanted->name_space.len == 0 || str_eq(name_space, wanted->name_space)) &&
	       (wanted->name.len == 0 || str_eq(name, wanted->name));
}

static void write_bookmark(struct watch *watch, bool is_start)
{
	const struct kubeapi_type *type = watch->wanted.type;

	buf_printf(&watch->watches->out,
		"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%" STR_F
		"\",\"apiVersion\":\"%" STR_F
		"\",\"metadata\":{\"resourceVersion\":\"%lld\",\"creationTimestamp\":null%s}}}\n",
		STR_A(type->kind), STR_A(type->api_version), (long long)watch->cursor,
		is_start ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}

static void write_expired(struct watch *watch, const char *message)
{
	struct kubeapi_watches *watches = watch->watches;
	struct kubeapi_failure failure;

	kubeapi_failure_init(&failure, watches->scratch);
	kubeapi_fail_reason(&failure, 410, "Expired", "%s", message);
	buf_clear(&watches->out);
	buf_add_cstr(&watches->out, "{\"type\":\"ERROR\",\"object\":");
	json_write(&watches->out, kubeapi_failure_status(watches->scratch, &failure), 0);
	buf_add_cstr(&watches->out, "}\n");
	watch->is_done = true;
}

static void send(struct watch *watch)
{
	struct buf *out = &watch->watches->out;

	if (out->failed || (out->len > 0 && !http_stream_send(watch->stream, buf_str(out))))
		watch->is_done = true;
	buf_clear(out);
	arena_reset(watch->watches->scratch);
}

/* --- the start of a watch ------------------------------------------------------------------ */

static bool on_old_record(
	void *context, enum kubeapi_event_type type, const struct kubeapi_record *record)
{
	struct watch *watch = context;

	if (concerns(watch, record->resource, record->name_space, record->name))
		write_seen(watch, type, record->version, record->body, STR_NULL);
	arena_reset(watch->watches->scratch);
	return watch->watches->out.len <= KUBEAPI_WATCH_MAX_REPLAY;
}

static void replay(struct watch *watch)
{
	struct kubeapi_watches *watches = watch->watches;
	const struct kubeapi_watch_request *wanted = &watch->wanted;
	struct kubeapi_query query = {.resource = wanted->type->qualified,
		.name_space = wanted->name_space,
		.name = wanted->name};
	struct error err;
	int result;

	if (wanted->from_start)
		result = kubeapi_objects_list(
			watches->objects, &query, on_old_record, watch, &watch->cursor, &err);
	else
		result = kubeapi_objects_since(watches->objects, wanted->type->qualified,
			wanted->name_space, wanted->after, on_old_record, watch, &watch->cursor,
			&err);
	if (result < 0)
		write_expired(watch, err.message);
	else if (watches->out.len > KUBEAPI_WATCH_MAX_REPLAY)
		write_expired(watch, "too many objects to begin a watch with; list them first");
	else if (wanted->marks_start)
		write_bookmark(watch, true);
	send(watch);
}

static void deliver(struct watch *watch, struct kubeapi_event *const *events, size_t count)
{
	for (size_t i = 0; i < count && !watch->is_done; i++) {
		const struct kubeapi_event *event = events[i];
		if (event->version > watch->cursor &&
			concerns(watch, event->resource, event->name_space, event->name))
			write_seen(
				watch, event->type, event->version, event->body, event->previous);
	}
	if (count > 0 && events[count - 1]->version > watch->cursor)
		watch->cursor = events[count - 1]->version;
	send(watch);
}

/* From the ring, up to where the thread is; false when it does not reach back so far. */
static bool catch_up(struct watch *watch)
{
	struct kubeapi_watches *watches = watch->watches;
	struct kubeapi_event *events[BATCH];
	size_t count = 0;

	while (watch->cursor < watches->cursor && !watch->is_done) {
		if (!kubeapi_ring_take(watches->ring, watch->cursor, BATCH, events, &count)) {
			watch->wanted.after = watch->cursor;
			return false;
		}
		deliver(watch, events, count);
		for (size_t i = 0; i < count; i++)
			kubeapi_event_release(events[i]);
		if (count == 0)
			break;
	}
	return true;
}

static void start_joining(struct kubeapi_watches *watches)
{
	struct watch *watch;

	pthread_mutex_lock(&watches->joining_mutex);
	watch = watches->joining;
	watches->joining = NULL;
	pthread_mutex_unlock(&watches->joining_mutex);
	while (watch) {
		struct watch *next = watch->next;
		watch->cursor = watch->wanted.after;
		if (watch->wanted.from_start || !catch_up(watch))
			replay(watch);
		watch->next = watches->active;
		watches->active = watch;
		watch = next;
	}
}

/* --- the thread ---------------------------------------------------------------------------- */

/* The ring has moved on without us: every watch goes on from the tables. */
static void resume_all(struct kubeapi_watches *watches)
{
	watches->cursor = kubeapi_ring_last(watches->ring);
	for (struct watch *watch = watches->active; watch; watch = watch->next) {
		watch->wanted.after = watch->cursor;
		watch->wanted.from_start = watch->wanted.marks_start = false;
		replay(watch);
	}
}

static void read_ring(struct kubeapi_watches *watches)
{
	struct kubeapi_event *events[BATCH];
	size_t count;

	do {
		count = 0;
		if (!kubeapi_ring_take(watches->ring, watches->cursor, BATCH, events, &count)) {
			resume_all(watches);
			continue;
		}
		for (struct watch *watch = watches->active; watch && count; watch = watch->next)
			deliver(watch, events, count);
		if (count > 0)
			watches->cursor = events[count - 1]->version;
		for (size_t i = 0; i < count; i++)
			kubeapi_event_release(events[i]);
	} while (count == BATCH);
}

static void tend(struct kubeapi_watches *watches)
{
	int64_t now_us = clock_monotonic_us();

	for (struct watch **at = &watches->active; *at;) {
		struct watch *watch = *at;
		bool is_over = now_us >= watch->deadline_us;
		if (watch->wanted.bookmarks && !watch->is_done &&
			(now_us >= watch->bookmark_us || is_over)) {
			write_bookmark(watch, false);
			send(watch);
			watch->bookmark_us = now_us + KUBEAPI_WATCH_BOOKMARK_S * CLOCK_US_PER_S;
		}
		if (!is_over && !watch->is_done && !atomic_load(&watch->is_gone)) {
			at = &watch->next;
			continue;
		}
		*at = watch->next;
		watch_free(watch);
	}
}

static void run(void *arg)
{
	struct kubeapi_watches *watches = arg;
	uint64_t pokes = 0;

	while (!atomic_load(&watches->is_stopping)) {
		kubeapi_ring_wait(watches->ring, watches->cursor, &pokes, ROUND_US);
		start_joining(watches);
		read_ring(watches);
		tend(watches);
	}
}

/* --- public -------------------------------------------------------------------------------- */

int kubeapi_watches_start(struct kubeapi_watches **ret, struct kubeapi_objects *objects,
	const struct clock *clock, struct error *err)
{
	struct kubeapi_watches *watches = calloc(1, sizeof(*watches));

	if (!watches || !(watches->scratch = arena_new(0))) {
		free(watches);
		return error_set(err, ERROR_MEMORY, "no memory for watches");
	}
	watches->objects = objects;
	watches->ring = kubeapi_objects_ring(objects);
	watches->clock = clock;
	watches->cursor = kubeapi_ring_last(watches->ring);
	pthread_mutex_init(&watches->joining_mutex, NULL);
	buf_init(&watches->out, 0);
	if (thread_start(&watches->thread, "kubeapi-watch", run, watches, err) < 0) {
		kubeapi_watches_stop(watches);
		return -1;
	}
	*ret = watches;
	return 0;
}

static void free_all(struct watch *watch)
{
	while (watch) {
		struct watch *next = watch->next;
		watch_free(watch);
		watch = next;
	}
}

void kubeapi_watches_stop(struct kubeapi_watches *watches)
{
	if (!watches)
		return;
	atomic_store(&watches->is_stopping, true);
	kubeapi_ring_poke(watches->ring);
	thread_join(watches->thread);
	free_all(watches->joining);
	free_all(watches->active);
	pthread_mutex_destroy(&watches->joining_mutex);
	buf_free(&watches->out);
	arena_free(watches->scratch);
	free(watches);
}

static int64_t timeout_us(const struct kubeapi_watch_request *wanted)
{
	uint16_t random;

	if (wanted->timeout_s > 0)
		return wanted->timeout_s * CLOCK_US_PER_S;
	/* Spread, so that not all clients come back in the same second. */
	id_random(&random, sizeof(random));
	return (KUBEAPI_WATCH_MIN_TIMEOUT_S + random % KUBEAPI_WATCH_MIN_TIMEOUT_S) *
	       CLOCK_US_PER_S;
}

static struct watch *watch_new(
	struct kubeapi_watches *watches, const struct kubeapi_watch_request *wanted)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int64_t now_us = clock_monotonic_us();

	if (!watch || !(watch->arena = arena_new(0))) {
		free(watch);
		return NULL;
	}
	watch->watches = watches;
	watch->wanted = *wanted;
	watch->wanted.name_space = arena_str(watch->arena, wanted->name_space);
	watch->wanted.name = arena_str(watch->arena, wanted->name);
	watch->wanted.labels = kubeapi_selector_copy(watch->arena, &wanted->labels);
	watch->wanted.fields = kubeapi_selector_copy(watch->arena, &wanted->fields);
	watch->deadline_us = now_us + timeout_us(wanted);
	watch->bookmark_us = now_us + KUBEAPI_WATCH_BOOKMARK_S * CLOCK_US_PER_S;
	return watch;
}

int kubeapi_watches_add(struct kubeapi_watches *watches, struct http_request *request,
	struct http_response *response, const struct kubeapi_watch_request *wanted,
	struct kubeapi_failure *failure)
{
	struct watch *watch = watch_new(watches, wanted);

	if (watch)
		watch->stream = http_stream_open(
			request, response, 200, "application/json", on_gone, watch);
	if (!watch || !watch->stream) {
		if (watch)
			arena_free(watch->arena);
		free(watch);
		kubeapi_type_release(wanted->type);
		return kubeapi_fail(failure, 503, "no memory for another watch");
	}
	pthread_mutex_lock(&watches->joining_mutex);
	watch->next = watches->joining;
	watches->joining = watch;
	pthread_mutex_unlock(&watches->joining_mutex);
	kubeapi_ring_poke(watches->ring);
	return 0;
}
