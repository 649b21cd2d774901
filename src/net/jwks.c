/*
 * jwks.c - see jwks.h. One thread reads; requests look up, and may wait for its next reading.
 */
#include "net/jwks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "net/http_client.h"

struct jwks {
	char *url, *file;
	void (*on_failure)(void *arg, const struct error *err);
	void *arg;
	struct http_client *client; /* NULL: no URL */
	struct stop stop;
	struct thread *reader;

	pthread_mutex_t mutex; /* all below */
	pthread_cond_t was_read;
	struct jwk_set *from_file, *from_url;
	int64_t begun_us;  /* the last reading, monotonic */
	uint64_t readings; /* that ended */
	unsigned failures; /* in a row */
	unsigned waiting;
	bool is_reading;
	bool is_wanted; /* a reading before its time */
};

/* --- reading --------------------------------------------------------------------------------- */

static int load_file(const char *path, struct jwk_set **ret, struct error *err)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(JWK_SET_MAX_BYTES + 1);
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[4096];
	ssize_t len = 0;

	while (fd >= 0 && !text.failed && (len = read(fd, piece, sizeof(piece))) > 0)
		buf_add(&text, piece, (size_t)len);
	if (fd < 0 || len < 0)
		return error_set(
			err, error_from_errno(errno), "key set %s: %s", path, strerror(errno));
	if (text.failed)
		return error_set(err, ERROR_TOO_LARGE, "key set %s is longer than %zu bytes", path,
			JWK_SET_MAX_BYTES);
	if (jwk_set_parse(ret, buf_str(&text), err) != 0)
		return error_prefix(err, "%s", path);
	return 0;
}

static int load_url(struct jwks *keys, struct jwk_set **ret, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct http_header headers[] = {{STR("Accept"), STR("application/json")}};
	const struct http_call call = {.method = "GET",
		.path = str_of(keys->url),
		.headers = headers,
		.header_count = sizeof(headers) / sizeof(headers[0]),
		.timeout_us = JWKS_FETCH_TIMEOUT_US};
	struct http_answer answer;

	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for keys");
	if (http_client_call(keys->client, arena, &call, &answer, err) != 0)
		return -1;
	if (answer.status != 200)
		return error_set(
			err, ERROR_UNAVAILABLE, "GET %s answered %d", keys->url, answer.status);
	if (jwk_set_parse(ret, answer.body, err) != 0)
		return error_prefix(err, "%s", keys->url);
	return 0;
}

/* Puts the new set in the place of the old, which nobody can be looking at any more then. */
static void replace(struct jwks *keys, struct jwk_set **place, struct jwk_set *set)
{
	pthread_mutex_lock(&keys->mutex);
	struct jwk_set *old = *place;
	*place = set;
	pthread_mutex_unlock(&keys->mutex);
	jwk_set_free(old);
}

static void tell_failure(const struct jwks *keys, const struct error *err)
{
	if (err->code != ERROR_CANCELLED && keys->on_failure)
		keys->on_failure(keys->arg, err);
}

static bool read_again(struct jwks *keys)
{
	struct error err = {0};
	struct jwk_set *set;
	bool has_file = true, has_url = true;

	if (keys->file) {
		has_file = load_file(keys->file, &set, &err) == 0;
		if (has_file)
			replace(keys, &keys->from_file, set);
		else
			tell_failure(keys, &err);
	}
	if (keys->url) {
		has_url = load_url(keys, &set, &err) == 0;
		if (has_url)
			replace(keys, &keys->from_url, set);
		else
			tell_failure(keys, &err);
	}
	return has_file && has_url;
}

/* --- the thread ------------------------------------------------------------------------------ */

/* Until the next reading is due; 0: now. */
static int64_t time_left(struct jwks *keys)
{
	int64_t now_us = clock_monotonic_us();
	LOCK_SCOPE(&keys->mutex);
	int64_t wait_us = keys->failures > 0 ? thread_backoff_us(keys->failures - 1, JWKS_RETRY_US,
						       JWKS_RETRY_MAX_US)
					     : JWKS_REFRESH_US;

	if (keys->is_wanted || keys->begun_us == 0 || now_us - keys->begun_us >= wait_us)
		return 0;
	return wait_us - (now_us - keys->begun_us);
}

static void begin(struct jwks *keys)
{
	LOCK_SCOPE(&keys->mutex);
	keys->begun_us = clock_monotonic_us();
	keys->is_reading = true;
	keys->is_wanted = false;
}

static void end(struct jwks *keys, bool is_whole)
{
	LOCK_SCOPE(&keys->mutex);
	keys->is_reading = false;
	keys->readings++;
	keys->failures = is_whole ? 0 : keys->failures + 1;
	pthread_cond_broadcast(&keys->was_read);
}

static void run(void *arg)
{
	struct jwks *keys = arg;

	while (!stop_requested(&keys->stop)) {
		int64_t left_us = time_left(keys);

		if (left_us > 0) { /* a poke ends it early */
			stop_sleep(&keys->stop, left_us);
			continue;
		}
		begin(keys);
		end(keys, read_again(keys));
	}
}

/* --- looking up ------------------------------------------------------------------------------ */

static enum jwk_match find_now(
	struct jwks *keys, struct str id, enum jwk_algorithm algorithm, struct jwk **ret_key)
{
	enum jwk_match in_file = jwk_set_find(keys->from_file, id, algorithm, ret_key);
	enum jwk_match in_url = in_file == JWK_FOUND
					? JWK_ABSENT
					: jwk_set_find(keys->from_url, id, algorithm, ret_key);

	return in_url == JWK_ABSENT ? in_file : in_url;
}

/* Waits for the reading that is under way, or for one more. False when there shall be none, or the
 * last one failed: forged tokens would keep threads waiting for an issuer that is away. It is
 * asked all the same, so that it is believed as soon as it is back. */
static bool wait_for_reading(struct jwks *keys)
{
	int64_t now_us = clock_monotonic_us();
	uint64_t seen = keys->readings;
	struct timespec until;
	int waited = 0;

	if (keys->waiting >= JWKS_MAX_WAITING ||
		(!keys->is_reading && keys->begun_us != 0 &&
			now_us - keys->begun_us < JWKS_LEAST_INTERVAL_US))
		return false;
	if (!keys->is_reading && !keys->is_wanted) {
		keys->is_wanted = true;
		stop_poke(&keys->stop);
	}
	if (keys->failures > 0)
		return false;
	now_us += JWKS_WAIT_US;
	until = (struct timespec){now_us / CLOCK_US_PER_S, now_us % CLOCK_US_PER_S * 1000};
	keys->waiting++;
	while (keys->readings == seen && waited == 0)
		waited = pthread_cond_timedwait(&keys->was_read, &keys->mutex, &until);
	keys->waiting--;
	return true;
}

int jwks_find(struct jwks *keys, struct str id, enum jwk_algorithm algorithm, struct jwk **ret_key,
	struct error *err)
{
	LOCK_SCOPE(&keys->mutex);
	enum jwk_match match = find_now(keys, id, algorithm, ret_key);

	if (match == JWK_ABSENT && wait_for_reading(keys))
		match = find_now(keys, id, algorithm, ret_key);
	if (match == JWK_FOUND)
		return 0;
	if (match == JWK_ABSENT && (keys->failures > 0 || keys->readings == 0 || keys->is_reading ||
					   keys->is_wanted)) /* it may bring the key */
		return error_set(err, ERROR_UNAVAILABLE,
			"the issuer's keys cannot be read at present; try again");
	return error_set(err, ERROR_UNAUTHENTICATED,
		match == JWK_UNFIT ? "the token's alg is not one of the key that it names"
				   : "the token's key is not among the issuer's");
}

/* --- life ------------------------------------------------------------------------------------ */

static int start(struct jwks *keys, const struct jwks_config *config, struct error *err)
{
	keys->url = config->url ? strdup(config->url) : NULL;
	keys->file = config->file ? strdup(config->file) : NULL;
	keys->on_failure = config->on_failure;
	keys->arg = config->arg;
	if ((config->url && !keys->url) || (config->file && !keys->file))
		return error_set(err, ERROR_MEMORY, "no memory for keys");
	if (keys->file && load_file(keys->file, &keys->from_file, err) != 0)
		return -1;
	if (keys->url) {
		const struct http_client_config client = {
			.ca_file = config->ca_file, .stop = &keys->stop};
		if (http_client_new(&keys->client, &client, err) != 0)
			return -1;
	} else { /* what the file says was read just now */
		keys->begun_us = clock_monotonic_us();
		keys->readings = 1;
	}
	return thread_start(&keys->reader, "jwks", run, keys, err);
}

int jwks_new(struct jwks **ret, const struct jwks_config *config, struct error *err)
{
	struct jwks *keys = calloc(1, sizeof(*keys));
	pthread_condattr_t monotonic;

	if (!keys)
		return error_set(err, ERROR_MEMORY, "no memory for keys");
	stop_init(&keys->stop);
	pthread_mutex_init(&keys->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&keys->was_read, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (start(keys, config, err) != 0) {
		jwks_free(keys);
		return -1;
	}
	*ret = keys;
	return 0;
}

void jwks_free(struct jwks *keys)
{
	if (!keys)
		return;
	stop_request(&keys->stop);
	thread_join(keys->reader);
	http_client_free(keys->client);
	jwk_set_free(keys->from_file);
	jwk_set_free(keys->from_url);
	pthread_cond_destroy(&keys->was_read);
	pthread_mutex_destroy(&keys->mutex);
	stop_destroy(&keys->stop);
	free(keys->url);
	free(keys->file);
	free(keys);
}
