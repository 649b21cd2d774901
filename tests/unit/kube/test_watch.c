/*
 * test_watch.c - following a kind through listings, watches, and what breaks them.
 */
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "server.h"

#define PATIENCE_US (10 * CLOCK_US_PER_S)
#define LIST "GET /api/v1/configmaps?limit=500"
#define WATCH(version)                                                                  \
	"GET /api/v1/configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=120" \
	"&resourceVersion=" version

static const struct kube_resource config_maps = {
	.version = "v1", .kind = "ConfigMap", .plural = "configmaps", .namespaced = true};

#define ITEM(name, version) \
	"{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" ITEM(name, version) "}\n"

/* What the follower was told, as "ADDED a, MODIFIED b, synced, ". */
struct follower {
	struct kube *kube;
	const struct kube_list *options;
	struct stop stop;
	struct thread *thread;
	pthread_mutex_t mutex; /* told */
	struct buf told;
	const char *ends_at; /* type of the event that ends the watch; NULL: none */
	int result;
	struct error err;
};

static bool on_event(void *arg, struct str type, struct json *object)
{
	struct follower *f = arg;
	struct str name = json_get_text(json_get(object, "metadata"), "name");
	LOCK_SCOPE(&f->mutex);

	buf_printf(&f->told, "%" STR_F " %" STR_F ", ", STR_A(type), STR_A(name));
	return !f->ends_at || !str_eq_c(type, f->ends_at);
}

static void on_synced(void *arg)
{
	struct follower *f = arg;
	LOCK_SCOPE(&f->mutex);

	buf_add_cstr(&f->told, "synced, ");
}

static void run(void *arg)
{
	struct follower *f = arg;

	f->result = kube_follow(
		f->kube, &config_maps, f->options, &f->stop, on_event, on_synced, f, &f->err);
}

static bool has_told(struct follower *f, const char *expected)
{
	LOCK_SCOPE(&f->mutex);
	return str_eq_c(buf_str(&f->told), expected);
}

/* Follows until `expected` was told, or until the follower ends by itself when `ends`. */
static void follow(struct follower *f, const char *expected, bool ends)
{
	struct error err;
	int64_t begun_us = clock_monotonic_us();

	stop_init(&f->stop);
	pthread_mutex_init(&f->mutex, NULL);
	buf_init(&f->told, 0);
	assert_int_equal(thread_start(&f->thread, "follow", run, f, &err), 0);
	while (!ends && !has_told(f, expected) && clock_monotonic_us() - begun_us < PATIENCE_US)
		usleep(2000);
	if (!ends)
		stop_request(&f->stop);
	thread_join(f->thread);
	if (expected)
		assert_string_equal(f->told.ptr, expected);
	buf_free(&f->told);
	pthread_mutex_destroy(&f->mutex);
	stop_destroy(&f->stop);
}

static void a_listing_is_followed_by_a_watch_from_there(void **state)
{
	static const struct exchange script[] = {
		{LIST, NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"10\",\"continue\":\"c/1\"},"
			"\"items\":[" ITEM("a", "3") "]}"},
		{LIST "&continue=c%2F1", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[" ITEM(
				"b", "4") "]}"},
		{WATCH("10"), NULL, 200,
			EVENT("MODIFIED", "a", "11") EVENT("DELETED", "b", "12")
				EVENT("BOOKMARK", "", "20"),
			.is_stream = true, .is_held = true},
	};
	struct server *server = SERVER_START(script);
	struct follower f = {.kube = server_client(server, "{}")};

	follow(&f, "ADDED a, ADDED b, synced, MODIFIED a, DELETED b, BOOKMARK , ", false);
	assert_int_equal(f.result, 0);
	kube_close(f.kube);
	server_finish(server);
	(void)state;
}

static void a_broken_watch_resumes_from_the_last_version(void **state)
{
	static const struct exchange script[] = {
		{LIST, NULL, 200, "{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[]}"},
		{WATCH("10"), NULL, 200, EVENT("ADDED", "a", "11"), .is_stream = true},
		{WATCH("11"), NULL, 500, "{}"},
		{WATCH("11"), NULL, 200, EVENT("BOOKMARK", "", "30"), .is_stream = true},
		{WATCH("30"), NULL, 200, EVENT("MODIFIED", "a", "31"), .is_stream = true,
			.is_held = true},
	};
	struct server *server = SERVER_START(script);
	struct follower f = {.kube = server_client(server, "{}")};

	follow(&f, "synced, ADDED a, BOOKMARK , MODIFIED a, ", false);
	assert_int_equal(f.result, 0);
	kube_close(f.kube);
	server_finish(server);
	(void)state;
}

static void an_outdated_version_is_listed_anew(void **state)
{
	static const struct exchange script[] = {
		{LIST, NULL, 200, "{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[]}"},
		{WATCH("10"), NULL, 200,
			EVENT("ADDED", "a", "11") "{\"type\":\"ERROR\",\"object\":{\"kind\":"
						  "\"Status\",\"code\":410}}\n",
			.is_stream = true, .is_held = true},
		{LIST, NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"40\"},\"items\":[" ITEM(
				"b", "33") "]}"},
		{WATCH("40"), NULL, 410, "{\"message\":\"too old\"}"},
		{LIST, NULL, 200, "{\"metadata\":{\"resourceVersion\":\"50\"},\"items\":[]}"},
		{WATCH("50"), NULL, 200, EVENT("ADDED", "c", "51"), .is_stream = true,
			.is_held = true},
	};
	struct server *server = SERVER_START(script);
	struct follower f = {.kube = server_client(server, "{}")};

	follow(&f, "synced, ADDED a, ADDED b, synced, synced, ADDED c, ", false);
	kube_close(f.kube);
	server_finish(server);
	(void)state;
}

static void an_expired_page_is_listed_in_one_piece(void **state)
{
	static const struct exchange script[] = {
		{LIST, NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"10\",\"continue\":\"x\"},"
			"\"items\":[" ITEM("a", "1") "]}"},
		{LIST "&continue=x", NULL, 410, "{}"},
		{"GET /api/v1/configmaps?", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"12\"},"
			"\"items\":[" ITEM("a", "1") "," ITEM("b", "2") "]}"},
		{WATCH("12"), NULL, 200, EVENT("BOOKMARK", "", "13"), .is_stream = true,
			.is_held = true},
	};
	struct server *server = SERVER_START(script);
	struct follower f = {.kube = server_client(server, "{}")};

	follow(&f, "ADDED a, ADDED a, ADDED b, synced, BOOKMARK , ", false);
	kube_close(f.kube);
	server_finish(server);
	(void)state;
}

static void the_follower_may_end_it(void **state)
{
	static const struct exchange script[] = {
		{LIST, NULL, 200, "{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[]}"},
		{WATCH("10"), NULL, 200, EVENT("ADDED", "a", "11") EVENT("DELETED", "a", "12"),
			.is_stream = true, .is_held = true},
	};
	struct server *server = SERVER_START(script);
	struct follower f = {.kube = server_client(server, "{}"), .ends_at = "ADDED"};

	follow(&f, "synced, ADDED a, ", true);
	assert_int_equal(f.result, 0);
	kube_close(f.kube);
	server_finish(server);
	(void)state;
}

static void a_refusal_is_told(void **state)
{
	static const struct exchange scripts[][2] = {
		{{LIST, NULL, 403, "{\"message\":\"configmaps is forbidden\"}"}},
		{{LIST, NULL, 200, "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}"},
			{WATCH("1"), NULL, 404, "{\"message\":\"no such kind\"}"}},
	};
	static const enum error_code codes[] = {ERROR_FORBIDDEN, ERROR_NOT_FOUND};

	for (size_t i = 0; i < 2; i++) {
		struct server *server = server_start(scripts[i], i + 1);
		struct follower f = {.kube = server_client(server, "{}")};
		follow(&f, NULL, true);
		assert_int_equal(f.result, -1);
		assert_int_equal(f.err.code, codes[i]);
		kube_close(f.kube);
		server_finish(server);
	}
	(void)state;
}

static void selectors_go_with_list_and_watch(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1/namespaces/ns/configmaps?labelSelector=a%3Db&fieldSelector="
		 "metadata.name%3Dx&limit=500",
			NULL, 200, "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}"},
		{"GET /api/v1/namespaces/ns/configmaps?labelSelector=a%3Db&fieldSelector="
		 "metadata.name%3Dx&watch=true&allowWatchBookmarks=true&timeoutSeconds=120"
		 "&resourceVersion=1",
			NULL, 200, EVENT("ADDED", "x", "2"), .is_stream = true, .is_held = true},
	};
	static const struct kube_list options = {STR("ns"), STR("a=b"), STR("metadata.name=x")};
	struct server *server = SERVER_START(script);
	struct follower f = {.kube = server_client(server, "{}"), .options = &options};

	follow(&f, "synced, ADDED x, ", false);
	kube_close(f.kube);
	server_finish(server);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listing_is_followed_by_a_watch_from_there),
		cmocka_unit_test(a_broken_watch_resumes_from_the_last_version),
		cmocka_unit_test(an_outdated_version_is_listed_anew),
		cmocka_unit_test(an_expired_page_is_listed_in_one_piece),
		cmocka_unit_test(the_follower_may_end_it),
		cmocka_unit_test(a_refusal_is_told),
		cmocka_unit_test(selectors_go_with_list_and_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
