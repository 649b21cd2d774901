/*
 * reeve_bench.c - the measuring half of `make bench`: floors and the region's own figures, as JSON
 *lines.
 *
 *	reeve_bench http BODY_FILE COUNT                 one loopback POST, microseconds each
 *	reeve_bench commit BODY_FILE COUNT FOLDER        one SQLite FULL commit of those bytes
 *	reeve_bench inserts BODY_FILE COUNT GROUP FOLDER the same in groups: rows per second
 *	reeve_bench mqtt COUNT FOLDER                    one QoS 1 message there and back
 *	reeve_bench apply MANIFESTS ID COUNT THREADS KUBECONFIG  sets of manifests by server-side
 *apply reeve_bench apply-one MANIFESTS ID COUNT KUBECONFIG      the hosted cluster alone, one at a
 *time reeve_bench create DIR BODY_FILE PREFIX COUNT THREADS KUBECONFIG... create by signed requests
 *until applied
 *
 * tests/bench/bench.py runs these, computes ratios and writes the table.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/map.h"
#include "base/thread.h"
#include "cmd/client.h"
#include "data/json.h"
#include "kube/kube.h"
#include "local/broker.h"
#include "local/state.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/mqtt.h"

#define BODY_MAX ((size_t)4 << 20)
#define MAX_THREADS 64
#define APPLIED_WAIT_US (INT64_C(300) * CLOCK_US_PER_S)

static void die(const struct error *err)
{
	fprintf(stderr, "reeve_bench: %s\n", err->message);
	exit(1);
}

static struct str read_body(struct arena *arena, const char *path)
{
	struct str text;
	struct error err;

	if (state_read_file(arena, path, BODY_MAX, &text, &err) < 0)
		die(&err);
	return text;
}

static void print_samples(const int64_t *samples, size_t count, double seconds)
{
	printf("{\"count\":%zu,\"seconds\":%.6f,\"us\":[", count, seconds);
	for (size_t i = 0; i < count; i++)
		printf("%s%lld", i ? "," : "", (long long)samples[i]);
	printf("]}\n");
}

static double seconds_since(int64_t began_us)
{
	return (double)(clock_monotonic_us() - began_us) / (double)CLOCK_US_PER_S;
}

/* --- floors -------------------------------------------------------------------------------- */

static void answer_created(struct http_request *request, struct http_response *response)
{
	(void)request;
	response->status = 201;
	response->body = STR("{\"ok\":true}");
}

static int bench_http(char **argv)
{
	static const struct http_route routes[] = {{"POST", "/", answer_created, 0, NULL}};
	struct http_server_config config = {
		.host = "127.0.0.1", .routes = routes, .route_count = 1};
	struct arena *arena = arena_new(0), *call_arena = arena_new(0);
	struct str body = read_body(arena, argv[0]);
	size_t count = (size_t)strtoul(argv[1], NULL, 10);
	int64_t *samples = arena_calloc(arena, count, sizeof(*samples));
	struct http_server *server;
	struct http_client *client;
	struct error err;
	char url[64];

	if (http_server_start(&server, &config, &err) < 0)
		die(&err);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_server_port(server));
	struct http_client_config client_config = {.base_url = url};
	if (http_client_new(&client, &client_config, &err) < 0)
		die(&err);
	int64_t began_us = clock_monotonic_us();
	for (size_t i = 0; i < count; i++) {
		struct http_call call = {.method = "POST", .path = STR("/"), .body = body};
		struct http_answer answer;
		int64_t start_us = clock_monotonic_us();
		if (http_client_call(client, call_arena, &call, &answer, &err) < 0)
			die(&err);
		samples[i] = clock_monotonic_us() - start_us;
		arena_reset(call_arena);
	}
	print_samples(samples, count, seconds_since(began_us));
	http_client_free(client);
	http_server_stop(server);
	arena_free(call_arena);
	arena_free(arena);
	return 0;
}

static sqlite3 *open_raw(const char *folder, sqlite3_stmt **ret_insert)
{
	char path[512];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/raw.db", folder);
	unlink(path);
	if (sqlite3_open(path, &db) != SQLITE_OK ||
		sqlite3_exec(db,
			"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (id TEXT "
			"PRIMARY KEY, body TEXT)",
			NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?1, ?2)", -1, ret_insert, NULL) !=
			SQLITE_OK) {
		fprintf(stderr, "reeve_bench: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
	return db;
}

static void insert_raw(sqlite3_stmt *insert, struct str body)
{
	char id[ID_UUID_SIZE];

	id_uuid7(id, clock_now_us(&clock_system));
	sqlite3_bind_text(insert, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_text(insert, 2, body.ptr, (int)body.len, SQLITE_STATIC);
	sqlite3_step(insert);
	sqlite3_reset(insert);
}

static int bench_inserts(struct str body, size_t count, size_t group, const char *folder)
{
	struct arena *arena = arena_new(0);
	int64_t *samples = arena_calloc(arena, count, sizeof(*samples));
	size_t commits = 0;
	sqlite3_stmt *insert;
	sqlite3 *db = open_raw(folder, &insert);
	int64_t began_us = clock_monotonic_us();

	for (size_t done = 0; done < count; commits++) {
		int64_t start_us = clock_monotonic_us();
		sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		for (size_t i = 0; i < group && done < count; i++, done++)
			insert_raw(insert, body);
		if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
			return 1;
		samples[commits] = clock_monotonic_us() - start_us;
	}
	double seconds = seconds_since(began_us);
	printf("{\"rows\":%zu,\"commits\":%zu,\"seconds\":%.6f,\"us\":[", count, commits, seconds);
	for (size_t i = 0; i < commits; i++)
		printf("%s%lld", i ? "," : "", (long long)samples[i]);
	printf("]}\n");
	sqlite3_finalize(insert);
	sqlite3_close(db);
	arena_free(arena);
	return 0;
}

static void on_back(void *context, struct arena *arena, const struct mqtt_message *message)
{
	(void)arena;
	(void)message;
	stop_poke(context);
}

static int bench_mqtt(char **argv)
{
	size_t count = (size_t)strtoul(argv[0], NULL, 10);
	char folder[512];
	struct arena *arena = arena_new(0);
	int64_t *samples = arena_calloc(arena, count, sizeof(*samples));
	struct state *state;
	struct broker *broker;
	struct mqtt *mqtt;
	struct stop back;
	struct error err;
	uint16_t port;

	if (state_open(&state, argv[1], &err) < 0 || state_port(state, "broker", &port, &err) < 0)
		die(&err);
	snprintf(folder, sizeof(folder), "%s/broker", argv[1]);
	struct broker_config config = {
		.folder = folder, .host = "127.0.0.1", .port = port, .source_id = "maestro"};
	if (broker_start(&broker, &config, &err) < 0)
		die(&err);
	stop_init(&back);
	struct mqtt_config mqtt_config = {.host = "127.0.0.1",
		.port = port,
		.client_id = "bench",
		.username = "clm",
		.password = broker_password(broker, "clm"),
		.on_message = on_back,
		.context = &back};
	if (mqtt_start(&mqtt, &mqtt_config, &err) < 0 ||
		mqtt_subscribe(mqtt, "clm/bench", &err) < 0 ||
		mqtt_wait_ready(mqtt, 5 * CLOCK_US_PER_S, &err) < 0)
		die(&err);
	int64_t began_us = clock_monotonic_us();
	for (size_t i = 0; i < count; i++) {
		struct mqtt_message message = {
			.topic = STR("clm/bench"), .payload = STR("{\"id\":\"x\"}")};
		int64_t start_us = clock_monotonic_us();
		if (mqtt_publish(mqtt, &message, &err) < 0)
			die(&err);
		stop_sleep(&back, 5 * CLOCK_US_PER_S);
		samples[i] = clock_monotonic_us() - start_us;
	}
	print_samples(samples, count, seconds_since(began_us));
	mqtt_stop(mqtt);
	broker_stop(broker);
	state_close(state);
	arena_free(arena);
	return 0;
}

/* --- applying manifests from a file -------------------------------------------------------- */

struct applying {
	struct kube *kube;
	struct str text; /* a JSON array of manifests */
	struct str id;	 /* in the text, to be replaced by a new one per set */
	int64_t left;	 /* atomic */
	const char *only_kind;
	int64_t *samples;
	int64_t done; /* atomic */
};

static struct str with_new_id(struct arena *arena, const struct applying *applying)
{
	char id[ID_UUID_SIZE];
	struct str rest = applying->text;
	struct buf out;
	ptrdiff_t at;

	buf_init(&out, BODY_MAX);
	id_uuid4(id);
	while ((at = str_find(rest, applying->id)) >= 0) {
		buf_add(&out, rest.ptr, (size_t)at);
		buf_add_cstr(&out, id);
		rest = str_slice(rest, (size_t)at + applying->id.len, rest.len);
	}
	buf_add_str(&out, rest);
	struct str text = arena_str(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static void apply_manifest(
	struct applying *applying, struct arena *arena, const struct json *manifest)
{
	struct kube_resource resource;
	struct error err;
	const struct json *metadata = json_get(manifest, "metadata");

	if (kube_find_kind(applying->kube, json_get_text(manifest, "apiVersion"),
		    json_get_text(manifest, "kind"), &resource, &err) < 0)
		die(&err);
	struct kube_ref ref = {.resource = &resource,
		.name_space = json_get_text(metadata, "namespace"),
		.name = json_get_text(metadata, "name")};
	if (kube_apply(applying->kube, arena, &ref, manifest, "bench", true, NULL, &err) < 0)
		die(&err);
}

static void apply_sets(void *argument)
{
	struct applying *applying = argument;
	struct error err;

	while (__atomic_sub_fetch(&applying->left, 1, __ATOMIC_RELAXED) >= 0) {
		struct arena *arena = arena_new(0);
		struct json *manifests, *manifest;
		if (json_parse(arena, with_new_id(arena, applying), NULL, &manifests, &err) < 0)
			die(&err);
		int64_t spent_us = 0;
		json_for_each (manifests, i, manifest) {
			int64_t start_us = clock_monotonic_us();
			apply_manifest(applying, arena, manifest);
			if (!applying->only_kind ||
				str_eq_c(json_get_text(manifest, "kind"), applying->only_kind))
				spent_us += clock_monotonic_us() - start_us;
		}
		applying->samples[__atomic_fetch_add(&applying->done, 1, __ATOMIC_RELAXED)] =
			spent_us;
		arena_free(arena);
	}
}

static int bench_apply(const char *manifests, const char *id, size_t count, size_t threads,
	const char *kubeconfig, const char *only_kind)
{
	struct arena *arena = arena_new(0);
	struct applying applying = {.text = read_body(arena, manifests),
		.id = str_of(id),
		.left = (int64_t)count,
		.only_kind = only_kind,
		.samples = arena_calloc(arena, count, sizeof(int64_t))};
	struct thread *running[MAX_THREADS];
	struct error err;

	if (kube_open(&applying.kube, kubeconfig, "reeve-bench", NULL, &err) < 0)
		die(&err);
	int64_t began_us = clock_monotonic_us();
	for (size_t i = 0; i < threads; i++)
		if (thread_start(&running[i], "apply", apply_sets, &applying, &err) < 0)
			die(&err);
	for (size_t i = 0; i < threads; i++)
		thread_join(running[i]);
	print_samples(applying.samples, count, seconds_since(began_us));
	kube_close(applying.kube);
	arena_free(arena);
	return 0;
}

/* --- create until applied ------------------------------------------------------------------ */

struct creating {
	struct client *client;
	struct str body;
	const char *prefix;
	int64_t count;
	int64_t next;				      /* atomic: number of the next cluster */
	int64_t *began_us, *accepted_us, *applied_us; /* by number; applied under mutex */
	struct stop stop;

	/* Guards the clusters by id, and how many are applied. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct map *seen;    /* namespace -> when it was seen, while its POST is not answered yet */
	struct map *waiting; /* namespace -> number + 1 */
	int64_t applied;
};

struct following {
	struct creating *creating;
	struct kube *kube;
	struct thread *thread;
	bool is_synced;
};

static bool on_hosted_cluster(void *argument, struct str type, struct json *object)
{
	struct following *following = argument;
	struct creating *creating = following->creating;
	int64_t now_us = clock_monotonic_us();

	if (!str_eq(type, STR("ADDED")))
		return true;
	struct str name_space = json_str(json_find(object, "metadata", "namespace", NULL));
	LOCK_SCOPE(&creating->mutex);
	intptr_t number = (intptr_t)map_remove(creating->waiting, name_space);
	if (number) {
		creating->applied_us[number - 1] = now_us;
		creating->applied++;
		pthread_cond_broadcast(&creating->changed);
	} else if (following->is_synced) {
		map_put(creating->seen, name_space, (void *)(intptr_t)now_us, NULL);
	}
	return true;
}

static void on_synced(void *argument)
{
	struct following *following = argument;

	LOCK_SCOPE(&following->creating->mutex);
	following->is_synced = true;
	pthread_cond_broadcast(&following->creating->changed);
}

static void follow(void *argument)
{
	struct following *following = argument;
	struct kube_resource resource;
	struct error err;

	if (kube_find_kind(following->kube, STR("hypershift.openshift.io/v1beta1"),
		    STR("HostedCluster"), &resource, &err) < 0)
		die(&err);
	kube_follow(following->kube, &resource, NULL, &following->creating->stop, on_hosted_cluster,
		on_synced, following, &err);
}

static void note_accepted(struct creating *creating, int64_t number, struct str id)
{
	char name_space[80];

	snprintf(name_space, sizeof(name_space), "cluster-%" STR_F, STR_A(id));
	LOCK_SCOPE(&creating->mutex);
	creating->accepted_us[number] = clock_monotonic_us();
	intptr_t seen_us = (intptr_t)map_remove(creating->seen, str_of(name_space));
	if (seen_us) {
		creating->applied_us[number] = seen_us;
		creating->applied++;
		pthread_cond_broadcast(&creating->changed);
	} else {
		map_put(creating->waiting, str_of(name_space), (void *)(intptr_t)(number + 1),
			NULL);
	}
}

static void create_one(struct creating *creating, int64_t number)
{
	struct arena *arena = arena_new(0);
	struct json *request, *cluster;
	struct error err;

	if (json_parse(arena, creating->body, NULL, &request, &err) < 0)
		die(&err);
	json_set_text(request, "name",
		arena_printf(arena, "%s%lld", creating->prefix, (long long)number));
	creating->began_us[number] = clock_monotonic_us();
	if (client_call(creating->client, arena, "POST", STR("/api/v0/clusters"), request, &cluster,
		    &err) < 0)
		die(&err);
	note_accepted(creating, number, json_get_text(cluster, "id"));
	arena_free(arena);
}

static void create_clusters(void *argument)
{
	struct creating *creating = argument;
	int64_t number;

	while ((number = __atomic_fetch_add(&creating->next, 1, __ATOMIC_RELAXED)) <
		creating->count)
		create_one(creating, number);
}

static void await_applied(struct creating *creating, int64_t target)
{
	int64_t until_us = clock_monotonic_us() + APPLIED_WAIT_US;

	LOCK_SCOPE(&creating->mutex);
	while (creating->applied < target) {
		struct timespec wake;
		clock_gettime(CLOCK_REALTIME, &wake);
		wake.tv_sec++;
		pthread_cond_timedwait(&creating->changed, &creating->mutex, &wake);
		if (clock_monotonic_us() > until_us) {
			fprintf(stderr, "reeve_bench: only %lld of %lld applied\n",
				(long long)creating->applied, (long long)target);
			exit(1);
		}
	}
}

/* One at a time (threads = 1): each is applied before the next begins. */
static void create_in_turn(struct creating *creating)
{
	for (int64_t number = 0; number < creating->count; number++) {
		create_one(creating, number);
		await_applied(creating, number + 1);
	}
}

static int64_t latest(const int64_t *times, int64_t count)
{
	int64_t last = 0;

	for (int64_t i = 0; i < count; i++)
		if (times[i] > last)
			last = times[i];
	return last;
}

static void print_creation(const struct creating *creating, int64_t began_us)
{
	printf("{\"count\":%lld,\"accepted_seconds\":%.6f,\"applied_seconds\":%.6f,\"accepted_us\":"
	       "[",
		(long long)creating->count,
		(double)(latest(creating->accepted_us, creating->count) - began_us) / 1e6,
		(double)(latest(creating->applied_us, creating->count) - began_us) / 1e6);
	for (int64_t i = 0; i < creating->count; i++)
		printf("%s%lld", i ? "," : "",
			(long long)(creating->accepted_us[i] - creating->began_us[i]));
	printf("],\"us\":[");
	for (int64_t i = 0; i < creating->count; i++)
		printf("%s%lld", i ? "," : "",
			(long long)(creating->applied_us[i] - creating->began_us[i]));
	printf("]}\n");
}

static int bench_create(int argc, char **argv)
{
	struct arena *arena = arena_new(0);
	size_t threads = (size_t)strtoul(argv[4], NULL, 10);
	struct creating creating = {.body = read_body(arena, argv[1]),
		.prefix = argv[2],
		.count = strtoll(argv[3], NULL, 10),
		.seen = map_new(),
		.waiting = map_new()};
	struct following following[MAX_THREADS];
	struct thread *running[MAX_THREADS];
	struct error err;
	int kubeconfigs = argc - 5;

	creating.began_us = arena_calloc(arena, (size_t)creating.count, sizeof(int64_t));
	creating.accepted_us = arena_calloc(arena, (size_t)creating.count, sizeof(int64_t));
	creating.applied_us = arena_calloc(arena, (size_t)creating.count, sizeof(int64_t));
	pthread_mutex_init(&creating.mutex, NULL);
	pthread_cond_init(&creating.changed, NULL);
	stop_init(&creating.stop);
	if (client_open(&creating.client, argv[0], NULL, &err) < 0)
		die(&err);
	for (int i = 0; i < kubeconfigs; i++) {
		following[i] = (struct following){.creating = &creating};
		if (kube_open(&following[i].kube, argv[5 + i], "reeve-bench", &creating.stop,
			    &err) < 0 ||
			thread_start(&following[i].thread, "follow", follow, &following[i], &err) <
				0)
			die(&err);
	}
	pthread_mutex_lock(&creating.mutex);
	for (int i = 0; i < kubeconfigs; i++)
		while (!following[i].is_synced)
			pthread_cond_wait(&creating.changed, &creating.mutex);
	pthread_mutex_unlock(&creating.mutex);
	int64_t began_us = clock_monotonic_us();
	if (threads == 1) {
		create_in_turn(&creating);
	} else {
		for (size_t i = 0; i < threads; i++)
			if (thread_start(&running[i], "create", create_clusters, &creating, &err) <
				0)
				die(&err);
		for (size_t i = 0; i < threads; i++)
			thread_join(running[i]);
		await_applied(&creating, creating.count);
	}
	print_creation(&creating, began_us);
	fflush(stdout);
	_exit(0); /* the watches need not end in order */
}

static int usage(void)
{
	fprintf(stderr, "usage: see the head of tests/bench/reeve_bench.c\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	char **rest = argv + 2;
	int left = argc - 2;
	struct arena *arena = arena_new(0);

	if (strcmp(mode, "http") == 0 && left == 2)
		return bench_http(rest);
	if (strcmp(mode, "commit") == 0 && left == 3)
		return bench_inserts(
			read_body(arena, rest[0]), (size_t)strtoul(rest[1], NULL, 10), 1, rest[2]);
	if (strcmp(mode, "inserts") == 0 && left == 4)
		return bench_inserts(read_body(arena, rest[0]), (size_t)strtoul(rest[1], NULL, 10),
			(size_t)strtoul(rest[2], NULL, 10), rest[3]);
	if (strcmp(mode, "mqtt") == 0 && left == 2)
		return bench_mqtt(rest);
	if (strcmp(mode, "apply") == 0 && left == 5)
		return bench_apply(rest[0], rest[1], (size_t)strtoul(rest[2], NULL, 10),
			(size_t)strtoul(rest[3], NULL, 10), rest[4], NULL);
	if (strcmp(mode, "apply-one") == 0 && left == 4)
		return bench_apply(rest[0], rest[1], (size_t)strtoul(rest[2], NULL, 10), 1, rest[3],
			"HostedCluster");
	if (strcmp(mode, "create") == 0 && left >= 6)
		return bench_create(left, rest);
	return usage();
}
