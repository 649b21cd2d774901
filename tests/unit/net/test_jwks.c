/*
 * test_jwks.c - an issuer's keys kept fresh: rotation, loss of the issuer, files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_server.h"
#include "net/jwks.h"
#include "signer.h"

struct issuer {
	struct arena *arena;
	struct http_server *server;
	struct signer old, new;
	_Atomic(const char *) document; /* NULL: 500 */
	atomic_uint asked;
	atomic_uint delay_us;
	char url[64];
	char file[64];
};

static void serve(struct http_request *request, struct http_response *response)
{
	struct issuer *issuer = request->context;
	const char *document = atomic_load(&issuer->document);

	atomic_fetch_add(&issuer->asked, 1);
	usleep(atomic_load(&issuer->delay_us));
	response->status = document ? 200 : 500;
	response->body = str_of(document);
}

static const struct http_route routes[] = {{"GET", "/keys", serve, 0, NULL}};

static const char *set_of(struct issuer *issuer, const struct signer *a, const struct signer *b)
{
	struct str text =
		arena_printf(issuer->arena, "{\"keys\":[%s%s%s]}", signer_jwk(issuer->arena, a, ""),
			b ? "," : "", b ? signer_jwk(issuer->arena, b, "") : "");
	return arena_cstr(issuer->arena, text);
}

static int setup(void **state)
{
	struct issuer *issuer = calloc(1, sizeof(*issuer));
	const struct http_server_config config = {
		.routes = routes, .route_count = 1, .context = issuer};
	struct error err;

	issuer->arena = arena_new(0);
	signer_init(&issuer->old, "P-256", "old");
	signer_init(&issuer->new, "P-256", "new");
	atomic_store(&issuer->document, set_of(issuer, &issuer->old, NULL));
	if (http_server_start(&issuer->server, &config, &err) != 0)
		fail_msg("%s", err.message);
	snprintf(issuer->url, sizeof(issuer->url), "http://127.0.0.1:%u/keys",
		http_server_port(issuer->server));
	snprintf(issuer->file, sizeof(issuer->file), "/tmp/reeve-jwks-XXXXXX");
	close(mkstemp(issuer->file));
	*state = issuer;
	return 0;
}

static int teardown(void **state)
{
	struct issuer *issuer = *state;

	http_server_stop(issuer->server);
	signer_destroy(&issuer->old);
	signer_destroy(&issuer->new);
	unlink(issuer->file);
	arena_free(issuer->arena);
	free(issuer);
	return 0;
}

static void write_file(struct issuer *issuer, const char *text)
{
	FILE *file = fopen(issuer->file, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct jwks *start(const struct jwks_config *config)
{
	struct jwks *keys;
	struct error err;

	if (jwks_new(&keys, config, &err) != 0)
		fail_msg("%s", err.message);
	return keys;
}

static enum error_code find(struct jwks *keys, const char *id)
{
	struct jwk *key = NULL;
	struct error err = {0};

	if (jwks_find(keys, str_of(id), JWK_ES256, &key, &err) == 0)
		assert_true(str_eq_c(jwk_id(key), id));
	jwk_free(key);
	return err.code;
}

/* While readings fail nobody waits for one, but it is asked for. */
static enum error_code find_soon(struct jwks *keys, const char *id)
{
	enum error_code code = find(keys, id);

	for (int tries = 0; code != ERROR_NONE && tries < 150; tries++) {
		usleep(20000);
		code = find(keys, id);
	}
	return code;
}

static void wait_out_the_interval(void)
{
	usleep((useconds_t)JWKS_LEAST_INTERVAL_US + 100000);
}

static void a_new_key_is_fetched_when_a_token_names_it(void **state)
{
	struct issuer *issuer = *state;
	struct jwks *keys = start(&(struct jwks_config){.url = issuer->url});

	assert_int_equal(find(keys, "old"), ERROR_NONE);
	assert_int_equal(find(keys, "new"), ERROR_UNAUTHENTICATED);
	atomic_store(&issuer->document, set_of(issuer, &issuer->new, NULL));
	wait_out_the_interval();
	assert_int_equal(find(keys, "old"), ERROR_NONE); /* what is known asks nobody */
	assert_int_equal(find(keys, "new"), ERROR_NONE);
	assert_int_equal(find(keys, "old"), ERROR_UNAUTHENTICATED); /* withdrawn */
	assert_int_equal(atomic_load(&issuer->asked), 2);
	jwks_free(keys);
}

static void unknown_keys_do_not_flood_the_issuer(void **state)
{
	struct issuer *issuer = *state;
	struct jwks *keys = start(&(struct jwks_config){.url = issuer->url});

	assert_int_equal(find(keys, "old"), ERROR_NONE);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(find(keys, "made-up"), ERROR_UNAUTHENTICATED);
	assert_int_equal(atomic_load(&issuer->asked), 1);
	jwks_free(keys);
}

struct seeker {
	pthread_t thread;
	struct jwks *keys;
	enum error_code code;
};

static void *seek(void *argument)
{
	struct seeker *seeker = argument;

	seeker->code = find(seeker->keys, "new");
	return NULL;
}

/* Who may not wait for the reading that can bring the key is told to come back, not that the token
 * is bad. */
static void a_new_key_is_not_called_unknown_while_it_is_read(void **state)
{
	enum { COUNT = JWKS_MAX_WAITING * 3 };
	struct issuer *issuer = *state;
	struct jwks *keys = start(&(struct jwks_config){.url = issuer->url});
	struct seeker seekers[COUNT];
	unsigned counts[ERROR_CODE_COUNT] = {0};

	assert_int_equal(find(keys, "old"), ERROR_NONE);
	atomic_store(&issuer->document, set_of(issuer, &issuer->new, NULL));
	atomic_store(&issuer->delay_us, 500000);
	wait_out_the_interval();
	for (size_t i = 0; i < COUNT; i++) {
		seekers[i] = (struct seeker){.keys = keys};
		pthread_create(&seekers[i].thread, NULL, seek, &seekers[i]);
	}
	for (size_t i = 0; i < COUNT; i++) {
		pthread_join(seekers[i].thread, NULL);
		counts[seekers[i].code]++;
	}
	assert_true(counts[ERROR_NONE] >= JWKS_MAX_WAITING);
	assert_int_equal(counts[ERROR_NONE] + counts[ERROR_UNAVAILABLE], COUNT);
	jwks_free(keys);
}

static void a_lost_issuer_takes_no_key_away(void **state)
{
	struct issuer *issuer = *state;
	struct jwks *keys = start(&(struct jwks_config){.url = issuer->url});

	assert_int_equal(find(keys, "old"), ERROR_NONE);
	atomic_store(&issuer->document, NULL);
	wait_out_the_interval();
	assert_int_equal(find(keys, "new"), ERROR_UNAVAILABLE);
	assert_int_equal(find(keys, "old"), ERROR_NONE);
	atomic_store(&issuer->document, "{\"keys\":[]}"); /* nonsense is no better than silence */
	wait_out_the_interval();
	assert_int_equal(find(keys, "new"), ERROR_UNAVAILABLE);
	assert_int_equal(find(keys, "old"), ERROR_NONE);
	int64_t began_us = clock_monotonic_us();
	for (int i = 0; i < 50; i++)
		assert_int_equal(find(keys, "made-up"), ERROR_UNAVAILABLE);
	assert_true(clock_monotonic_us() - began_us < JWKS_WAIT_US / 10); /* at once */
	atomic_store(&issuer->document, set_of(issuer, &issuer->old, &issuer->new));
	wait_out_the_interval();
	assert_int_equal(find_soon(keys, "new"), ERROR_NONE);
	jwks_free(keys);
}

static void an_issuer_that_comes_later_is_found(void **state)
{
	struct issuer *issuer = *state;
	const char *document = atomic_exchange(&issuer->document, NULL);
	struct jwks *keys = start(&(struct jwks_config){.url = issuer->url});

	assert_int_equal(find(keys, "old"), ERROR_UNAVAILABLE);
	atomic_store(&issuer->document, document);
	wait_out_the_interval();
	assert_int_equal(find_soon(keys, "old"), ERROR_NONE);
	jwks_free(keys);
}

static void a_file_is_read_at_the_start_and_again(void **state)
{
	struct issuer *issuer = *state;
	struct jwks *keys;
	struct error err;

	write_file(issuer, "{\"keys\":[]}");
	assert_int_equal(jwks_new(&keys, &(struct jwks_config){.file = issuer->file}, &err), -1);
	assert_non_null(strstr(err.message, issuer->file));
	assert_int_equal(jwks_new(&keys, &(struct jwks_config){.file = "/nowhere"}, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);

	write_file(issuer, atomic_load(&issuer->document));
	keys = start(&(struct jwks_config){.file = issuer->file});
	assert_int_equal(find(keys, "old"), ERROR_NONE);
	write_file(issuer, set_of(issuer, &issuer->old, &issuer->new));
	wait_out_the_interval();
	assert_int_equal(find(keys, "new"), ERROR_NONE);
	jwks_free(keys);
}

static void a_file_serves_beside_the_url(void **state)
{
	struct issuer *issuer = *state;

	write_file(issuer, set_of(issuer, &issuer->new, NULL));
	struct jwks *keys = start(&(struct jwks_config){.file = issuer->file, .url = issuer->url});
	assert_int_equal(find(keys, "new"), ERROR_NONE);
	assert_int_equal(find(keys, "old"), ERROR_NONE);
	jwks_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_new_key_is_fetched_when_a_token_names_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			unknown_keys_do_not_flood_the_issuer, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_new_key_is_not_called_unknown_while_it_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_issuer_takes_no_key_away, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_issuer_that_comes_later_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_file_is_read_at_the_start_and_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_serves_beside_the_url, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
