/*
 * sentinel.c - the sentinel's three threads: watch, list, publish.
 *
 * The watch thread reads CLM's stream and the list thread CLM's pages; both fill the queue, which
 * the publish thread empties. The stream is opened before the first list is read, so that no change
 * falls between the two. Where the stream cannot go on (the cursor was compacted away, CLM was
 * restored to an earlier time) it begins at "now" and a list is read at once.
 */
#include "clm/sentinel.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "base/thread.h"
#include "clm/sentinel_decide.h"
#include "clm/sentinel_queue.h"
#include "net/cloudevent.h"
#include "net/http_client.h"

#define API_PATH "/api/hyperfleet/v1"
#define EVENT_SOURCE "hyperfleet-sentinel"
#define IN_FLIGHT_MAX 64			 /* messages begun before the first is waited for */
#define WATCH_SILENCE_US (INT64_C(30) * 1000000) /* three heartbeats */
#define FIRST_LIST_US (INT64_C(1) * 1000000)	 /* to wait for the stream to open */
#define RETRY_US INT64_C(200000)		 /* first wait after a failure */
#define RETRY_MAX_US (INT64_C(10) * 1000000)
#define MAX_PAGES 100000 /* of one full list */
#define MAX_TYPE 128	 /* of an event, with the kind's name */
#define MAX_NEXT 128	 /* of what names a list's next page */

struct sentinel {
	struct arena *arena; /* settings and copied texts; unchanged after start */
	struct sentinel_settings settings;
	struct log *log;
	const struct clock *clock;
	struct http_client *http;
	struct mqtt *mqtt;
	const char *topic;
	struct stop stop;      /* also ends HTTP calls */
	struct stop list_bell; /* a list is wanted now */
	struct stop work_bell; /* something is due */
	struct thread *watch_thread, *list_thread, *publish_thread;

	pthread_mutex_t queue_mutex;
	struct sentinel_queue *queue;

	/* The watch thread's own. */
	struct arena *row_arena;
	int64_t cursor, epoch; /* -1: unknown */
	bool has_read;	       /* something came on this connection */

	atomic_bool list_all; /* the next list tells every unreconciled resource */
	atomic_uint_fast64_t rows, lists, published, repeated, failed;
};

static void want_list(struct sentinel *sentinel)
{
	atomic_store(&sentinel->list_all, true);
	stop_poke(&sentinel->list_bell);
}

/* --- watch ----------------------------------------------------------------------------------- */

/* A report that changes no more than words calls nobody: adapters wait for conditions to become
 * True. */
static bool is_echo(struct sentinel *sentinel, struct str id, struct str event,
	const struct json *resource, uint64_t progress)
{
	if (!str_eq_c(event, "status") || !json_is_null(json_get(resource, "deleted_time")))
		return false;
	LOCK_SCOPE(&sentinel->queue_mutex);
	return !sentinel_queue_has_progress(sentinel->queue, id, progress);
}

static void apply_row(struct sentinel *sentinel, const struct json *row)
{
	const struct json *resource = json_get(row, "resource");
	struct str id = json_get_text(row, "id"), kind = json_get_text(row, "kind");
	struct str event = json_get_text(row, "event");
	enum sentinel_step step = sentinel_on_row(event, resource);
	if (str_is_null(id) || step == SENTINEL_IGNORE)
		return;
	uint64_t progress = sentinel_progress(resource);
	if (step == SENTINEL_PUBLISH && is_echo(sentinel, id, event, resource, progress))
		return;
	struct str data = STR_NULL;
	bool is_kept = true;
	if (step == SENTINEL_PUBLISH)
		data = sentinel_data(&sentinel->settings, sentinel->row_arena, resource, event);
	pthread_mutex_lock(&sentinel->queue_mutex);
	if (step == SENTINEL_FORGET)
		sentinel_queue_forget(sentinel->queue, id);
	else if (!str_is_null(data))
		is_kept = sentinel_queue_push(
			sentinel->queue, id, kind, data, !sentinel_is_settled(resource));
	sentinel_queue_note(sentinel->queue, id, progress);
	pthread_mutex_unlock(&sentinel->queue_mutex);
	if (!is_kept || (step == SENTINEL_PUBLISH && str_is_null(data)))
		want_list(sentinel); /* no memory just now */
	stop_poke(&sentinel->work_bell);
}

/* The heartbeat tells where the feed stands. */
static void apply_heartbeat(struct sentinel *sentinel, int64_t sequence)
{
	if (sentinel->cursor >= 0 && sequence >= sentinel->cursor)
		return;
	if (sentinel->cursor >= 0)
		log_warn(sentinel->log, "the feed went back; reading everything again",
			LOG_INT("cursor", sentinel->cursor), LOG_INT("sequence", sequence));
	sentinel->cursor = sequence;
	want_list(sentinel);
}

static bool on_line(void *arg, struct str line)
{
	struct sentinel *sentinel = arg;
	struct json *row = NULL;
	struct error err = {0};
	int64_t sequence, epoch;
	arena_reset(sentinel->row_arena);
	if (json_parse(sentinel->row_arena, line, NULL, &row, &err) != 0) {
		log_warn(sentinel->log,
			"a row of the watch stream is unreadable; reading everything",
			LOG_ERROR(&err));
		want_list(sentinel);
		return true;
	}
	sentinel->has_read = true;
	if (json_to_int(json_get(row, "heartbeat"), &sequence)) {
		apply_heartbeat(sentinel, sequence);
		return true;
	}
	if (!json_to_int(json_get(row, "sequence"), &sequence))
		return true;
	atomic_fetch_add(&sentinel->rows, 1);
	if (json_to_int(json_get(row, "epoch"), &epoch)) {
		if (sentinel->epoch >= 0 && epoch != sentinel->epoch)
			want_list(sentinel);
		sentinel->epoch = epoch;
	}
	apply_row(sentinel, row);
	sentinel->cursor = sequence;
	return true;
}

/* Reads the stream until it ends. */
static int watch_once(
	struct sentinel *sentinel, struct arena *arena, int *ret_status, struct error *err)
{
	struct str type = sentinel->settings.resource_type;
	struct http_call call = {.method = "GET", .timeout_us = WATCH_SILENCE_US};
	call.path = sentinel->cursor >= 0
			    ? arena_printf(arena,
				      API_PATH "/%" STR_F "/watch?include=resource&after=%jd",
				      STR_A(type), (intmax_t)sentinel->cursor)
			    : arena_printf(arena, API_PATH "/%" STR_F "/watch?include=resource",
				      STR_A(type));
	return http_client_lines(
		sentinel->http, &call, &sentinel->stop, on_line, sentinel, ret_status, err);
}

static void run_watch(void *arg)
{
	struct sentinel *sentinel = arg;
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	unsigned failures = 0;
	thread_yield_to_others();
	while (!stop_requested(&sentinel->stop)) {
		struct error err = {0};
		int status = 0;
		arena_reset(arena);
		sentinel->has_read = false;
		int rc = watch_once(sentinel, arena, &status, &err);
		if (stop_requested(&sentinel->stop))
			break;
		if (sentinel->has_read)
			failures = 0;
		if (status == 410) {
			log_warn(sentinel->log, "the watch's cursor is too old; reading everything",
				LOG_INT("cursor", sentinel->cursor));
			sentinel->cursor = -1;
		} else if (rc != 0 && failures == 0) {
			log_warn(sentinel->log, "CLM's watch stream ended; opening it again",
				LOG_ERROR(&err));
		}
		stop_sleep(&sentinel->stop, thread_backoff_us(failures++, RETRY_US, RETRY_MAX_US));
	}
}

/* --- list ------------------------------------------------------------------------------------ */

/* A listed resource: the file's rules decide, but where everything is told again each unreconciled
 * resource is, and one that is younger than its rule's debounce gets its turn by the queue. */
static void apply_listed(struct sentinel *sentinel, struct arena *arena,
	const struct json *resource, int64_t now_us, bool tell_all)
{
	struct sentinel_verdict verdict;
	struct str id = json_get_text(resource, "id");
	bool settled = sentinel_is_settled(resource);
	if (str_is_empty(id))
		return;
	sentinel_decide(&sentinel->settings, arena, resource, now_us, &verdict);
	bool publish = verdict.publish || (tell_all && !settled);
	struct str data =
		publish ? sentinel_data(&sentinel->settings, arena, resource, verdict.reason)
			: STR_NULL;
	pthread_mutex_lock(&sentinel->queue_mutex);
	if (!str_is_null(data))
		sentinel_queue_offer(sentinel->queue, id, json_get_text(resource, "kind"), data);
	else if (!settled)
		sentinel_queue_list_keep(sentinel->queue, id);
	pthread_mutex_unlock(&sentinel->queue_mutex);
}

/* A walk over all pages. Reeve's CLM pages by what was seen last, which costs the same however far
 * the walk is; HyperFleet's knows nothing of that and is asked by number. */
struct walk {
	bool tell_all;
	int64_t now_us;
	unsigned page;	     /* the next, from 1 */
	char next[MAX_NEXT]; /* what it is asked by; "": by its number */
	size_t seen, count;  /* resources: so far, on the last page */
	int64_t total;
};

static struct str page_path(
	const struct sentinel_settings *settings, struct arena *arena, const struct walk *walk)
{
	struct str list = arena_printf(arena, API_PATH "/%" STR_F "?size=%jd",
		STR_A(settings->resource_type), (intmax_t)settings->page_size);

	if (walk->page == 1)
		return arena_printf(arena, "%" STR_F "&after=", STR_A(list));
	if (walk->next[0])
		return arena_printf(arena, "%" STR_F "&after=%" STR_F, STR_A(list),
			STR_A(http_encode(arena, str_of(walk->next))));
	return arena_printf(arena, "%" STR_F "&page=%u", STR_A(list), walk->page);
}

static int list_page(
	struct sentinel *sentinel, struct arena *arena, struct walk *walk, struct error *err)
{
	const struct sentinel_settings *settings = &sentinel->settings;
	struct http_call call = {.method = "GET",
		.path = page_path(settings, arena, walk),
		.timeout_us = settings->timeout_us,
		.retries = 3};
	struct json *answer = NULL;
	const struct json *resource;
	if (http_client_json(sentinel->http, arena, &call, NULL, &answer, err) != 0)
		return -1;
	const struct json *items = json_get(answer, "items");
	json_for_each (items, i, resource)
		apply_listed(sentinel, arena, resource, walk->now_us, walk->tell_all);
	struct str next = json_get_text(answer, "next");
	snprintf(walk->next, sizeof(walk->next), "%" STR_F,
		STR_A(next.len < sizeof(walk->next) ? next : STR("")));
	walk->count = json_count(items);
	walk->seen += walk->count;
	walk->total = json_int(json_get(answer, "total"), 0);
	walk->page++;
	return 0;
}

static int list_all(
	struct sentinel *sentinel, struct arena *arena, bool tell_all, struct error *err)
{
	struct walk walk = {
		.tell_all = tell_all, .now_us = clock_now_us(sentinel->clock), .page = 1};
	pthread_mutex_lock(&sentinel->queue_mutex);
	sentinel_queue_list_begin(sentinel->queue);
	pthread_mutex_unlock(&sentinel->queue_mutex);
	while (walk.page <= MAX_PAGES) {
		arena_reset(arena);
		if (list_page(sentinel, arena, &walk, err) != 0)
			return -1;
		stop_poke(&sentinel->work_bell);
		if (walk.count == 0 || (!walk.next[0] && (int64_t)walk.seen >= walk.total))
			break;
	}
	pthread_mutex_lock(&sentinel->queue_mutex);
	sentinel_queue_list_end(sentinel->queue);
	pthread_mutex_unlock(&sentinel->queue_mutex);
	return 0;
}

static void run_list(void *arg)
{
	struct sentinel *sentinel = arg;
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	unsigned failures = 0;
	thread_yield_to_others();
	/* The stream's first heartbeat ends this wait; without a stream the list goes first. */
	stop_sleep(&sentinel->list_bell, FIRST_LIST_US);
	while (!stop_requested(&sentinel->list_bell)) {
		struct error err = {0};
		bool tell_all = atomic_exchange(&sentinel->list_all, false);
		if (list_all(sentinel, arena, tell_all, &err) == 0) {
			atomic_fetch_add(&sentinel->lists, 1);
			failures = 0;
			stop_sleep(&sentinel->list_bell, sentinel->settings.poll_us);
			continue;
		}
		if (tell_all)
			atomic_store(&sentinel->list_all, true);
		if (stop_requested(&sentinel->list_bell))
			break;
		if (failures == 0)
			log_warn(sentinel->log, "could not list resources; trying again",
				LOG_ERROR(&err));
		stop_sleep(&sentinel->list_bell,
			thread_backoff_us(failures++, RETRY_US, RETRY_MAX_US));
	}
}

/* --- publish --------------------------------------------------------------------------------- */

static int begin_message(struct sentinel *sentinel, struct arena *arena,
	const struct sentinel_message *message, struct mqtt_ticket **ret, struct error *err)
{
	char type[MAX_TYPE], id[ID_UUID_SIZE];
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(sizeof(type) - 1);
	struct mqtt_message packet = {.topic = str_of(sentinel->topic)};
	buf_add_cstr(&text, "com.redhat.hyperfleet.");
	for (size_t i = 0; i < message->kind.len; i++)
		buf_add_byte(&text, (char)tolower((unsigned char)message->kind.ptr[i]));
	buf_add_cstr(&text, ".reconcile");
	id_uuid7(id, clock_now_us(sentinel->clock));
	struct cloudevent event = {.id = arena_str(arena, str_of(id)),
		.source = STR(EVENT_SOURCE),
		.type = arena_str(arena, buf_str(&text)),
		.datacontenttype = STR("application/json"),
		.data = message->data};
	if (cloudevent_to_mqtt_structured(arena, &event, &packet, err) != 0)
		return -1;
	packet.topic = str_of(sentinel->topic);
	return mqtt_publish_begin(sentinel->mqtt, &packet, ret, err);
}

/* Sends what was taken, several in flight; returns how many the broker did not take. */
static size_t publish_batch(struct sentinel *sentinel, struct arena *arena,
	const struct sentinel_message *messages, size_t count, struct error *err)
{
	struct mqtt_ticket *tickets[IN_FLIGHT_MAX] = {NULL};
	bool is_sent[IN_FLIGHT_MAX] = {false};
	size_t failed = 0;
	for (size_t i = 0; i < count; i++)
		if (begin_message(sentinel, arena, &messages[i], &tickets[i], err) != 0)
			break;
	for (size_t i = 0; i < count; i++)
		is_sent[i] = tickets[i] && mqtt_publish_end(sentinel->mqtt, tickets[i], err) == 0;
	int64_t now_us = clock_monotonic_us();
	LOCK_SCOPE(&sentinel->queue_mutex);
	/* Backwards, so that what failed stands in its old order again. */
	for (size_t i = count; i-- > 0;) {
		if (is_sent[i]) {
			atomic_fetch_add(&sentinel->published, 1);
			atomic_fetch_add(&sentinel->repeated, messages[i].attempt > 0);
			sentinel_queue_sent(sentinel->queue, messages[i].entry, now_us);
		} else {
			sentinel_queue_failed(sentinel->queue, messages[i].entry);
			failed++;
		}
	}
	atomic_fetch_add(&sentinel->failed, failed);
	return failed;
}

/* Waits although the bell rings: nothing can be sent just now. */
static void pause_publishing(struct sentinel *sentinel, int64_t wait_us)
{
	int64_t end_us = clock_monotonic_us() + wait_us, now_us;
	while ((now_us = clock_monotonic_us()) < end_us)
		if (stop_sleep(&sentinel->work_bell, end_us - now_us))
			return;
}

static void run_publish(void *arg)
{
	struct sentinel *sentinel = arg;
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	unsigned failures = 0;
	thread_yield_to_others();
	while (!stop_requested(&sentinel->work_bell)) {
		struct sentinel_message messages[IN_FLIGHT_MAX];
		struct error err = {0};
		arena_reset(arena);
		pthread_mutex_lock(&sentinel->queue_mutex);
		size_t count = sentinel_queue_take(
			sentinel->queue, clock_monotonic_us(), messages, IN_FLIGHT_MAX);
		pthread_mutex_unlock(&sentinel->queue_mutex);
		if (count == 0) {
			stop_sleep(&sentinel->work_bell, SENTINEL_SWEEP_US);
			continue;
		}
		if (publish_batch(sentinel, arena, messages, count, &err) == 0) {
			failures = 0;
			continue;
		}
		if (failures == 0)
			log_warn(sentinel->log, "could not publish; trying again", LOG_ERROR(&err));
		pause_publishing(sentinel, thread_backoff_us(failures++, RETRY_US, RETRY_MAX_US));
	}
}

/* --- life ------------------------------------------------------------------------------------ */

static int start_clients(
	struct sentinel *sentinel, const struct sentinel_config *config, struct error *err)
{
	const struct sentinel_settings *settings = &sentinel->settings;
	struct http_client_config http = {
		.base_url = config->clm_url ? config->clm_url
					    : arena_cstr(sentinel->arena, settings->base_url),
		.user_agent = arena_printf(sentinel->arena,
			EVENT_SOURCE "/" REEVE_VERSION " (%" STR_F ")", STR_A(settings->name))
				      .ptr,
		.stop = &sentinel->stop};
	struct mqtt_config mqtt = {.host = config->broker_host,
		.port = config->broker_port,
		.client_id =
			arena_printf(sentinel->arena, "sentinel-%" STR_F, STR_A(settings->name))
				.ptr,
		.username = config->username,
		.password = config->password,
		.log = config->log};
	sentinel->topic = arena_printf(sentinel->arena, "clm/%" STR_F, STR_A(settings->topic)).ptr;
	if (arena_is_exhausted(sentinel->arena))
		return error_set(err, ERROR_MEMORY, "no memory for the sentinel");
	if (http_client_new(&sentinel->http, &http, err) != 0)
		return -1;
	return mqtt_start(&sentinel->mqtt, &mqtt, err);
}

static int start_threads(struct sentinel *sentinel, struct error *err)
{
	if (thread_start(
		    &sentinel->publish_thread, "sentinel-publish", run_publish, sentinel, err) != 0)
		return -1;
	if (thread_start(&sentinel->watch_thread, "sentinel-watch", run_watch, sentinel, err) != 0)
		return -1;
	return thread_start(&sentinel->list_thread, "sentinel-list", run_list, sentinel, err);
}

int sentinel_start(struct sentinel **ret, const struct sentinel_config *config, struct error *err)
{
	struct sentinel *sentinel = calloc(1, sizeof(*sentinel));
	if (!sentinel)
		return error_set(err, ERROR_MEMORY, "no memory for the sentinel");
	stop_init(&sentinel->stop);
	stop_init(&sentinel->list_bell);
	stop_init(&sentinel->work_bell);
	pthread_mutex_init(&sentinel->queue_mutex, NULL);
	sentinel->log = config->log;
	sentinel->clock = config->clock ? config->clock : &clock_system;
	sentinel->cursor = sentinel->epoch = -1;
	atomic_init(&sentinel->list_all, true);
	sentinel->arena = arena_new(0);
	sentinel->row_arena = arena_new(0);
	sentinel->queue = sentinel_queue_new();
	if (!sentinel->arena || !sentinel->row_arena || !sentinel->queue) {
		error_set(err, ERROR_MEMORY, "no memory for the sentinel");
		goto fail;
	}
	if (sentinel_settings_load(
		    sentinel->arena, config->config_file, &sentinel->settings, err) != 0 ||
		start_clients(sentinel, config, err) != 0 || start_threads(sentinel, err) != 0)
		goto fail;
	*ret = sentinel;
	return 0;
fail:
	sentinel_stop(sentinel);
	return -1;
}

void sentinel_stop(struct sentinel *sentinel)
{
	if (!sentinel)
		return;
	stop_request(&sentinel->stop);
	stop_request(&sentinel->list_bell);
	stop_request(&sentinel->work_bell);
	thread_join(sentinel->watch_thread);
	thread_join(sentinel->list_thread);
	thread_join(sentinel->publish_thread);
	mqtt_stop(sentinel->mqtt);
	http_client_free(sentinel->http);
	sentinel_queue_free(sentinel->queue);
	pthread_mutex_destroy(&sentinel->queue_mutex);
	stop_destroy(&sentinel->stop);
	stop_destroy(&sentinel->list_bell);
	stop_destroy(&sentinel->work_bell);
	arena_free(sentinel->row_arena);
	arena_free(sentinel->arena);
	free(sentinel);
}

void sentinel_count(struct sentinel *sentinel, struct sentinel_counters *ret)
{
	struct sentinel_counters counters = {.rows = atomic_load(&sentinel->rows),
		.lists = atomic_load(&sentinel->lists),
		.published = atomic_load(&sentinel->published),
		.repeated = atomic_load(&sentinel->repeated),
		.failed = atomic_load(&sentinel->failed)};
	pthread_mutex_lock(&sentinel->queue_mutex);
	counters.waiting = sentinel_queue_count(sentinel->queue);
	pthread_mutex_unlock(&sentinel->queue_mutex);
	*ret = counters;
}
