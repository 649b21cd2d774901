/*
 * credentials.c - access keys in files: the shared credentials file (INI), and a region's key ring
 * (JSON).
 */
#include "aws/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/id.h"
#include "data/json.h"

#define CREDENTIALS_FILE_MAX ((size_t)1 << 20)
#define PATH_TEXT_MAX 4096
#define ACCESS_KEY_RANDOM 16 /* characters after "AKIA" */
#define SECRET_BYTES 30	     /* 40 characters of base64 */

static int read_file(struct arena *arena, const char *path, struct str *ret, struct error *err)
{
	struct stat info;

	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		return error_set(
			err, error_from_errno(errno), "cannot read %s: %s", path, strerror(errno));
	if ((size_t)info.st_size > CREDENTIALS_FILE_MAX)
		return error_set(err, ERROR_TOO_LARGE, "%s is larger than %zu bytes", path,
			CREDENTIALS_FILE_MAX);
	char *text = arena_alloc(arena, (size_t)info.st_size + 1);
	ssize_t got = text ? read(fd, text, (size_t)info.st_size) : -1;
	if (got < 0)
		return error_set(err, ERROR_INTERNAL, "cannot read %s", path);
	*ret = str_n(text, (size_t)got);
	return 0;
}

static int write_file(const char *path, struct str text, struct error *err)
{
	char temporary[PATH_TEXT_MAX];

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool is_written =
		fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
	int failure = errno;
	if (fd >= 0)
		close(fd);
	if (is_written && rename(temporary, path) == 0)
		return 0;
	unlink(temporary);
	return error_set(
		err, error_from_errno(failure), "cannot write %s: %s", path, strerror(failure));
}

int credentials_load(struct arena *arena, const char *path, const char *profile,
	struct sigv4_credentials *ret, struct str *ret_region, struct error *err)
{
	struct str text, region = STR_NULL;
	struct sigv4_credentials found = {0};
	bool in_profile = false;
	int number = 0;

	if (read_file(arena, path, &text, err) < 0)
		return -1;
	while (!str_is_null(text)) {
		struct str line = str_trim(str_cut(&text, '\n'));
		number++;
		if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
			continue;
		if (line.ptr[0] == '[') {
			if (line.ptr[line.len - 1] != ']')
				return error_set(err, ERROR_INVALID,
					"%s line %d: a profile is [NAME]", path, number);
			in_profile = str_eq_c(str_trim(str_slice(line, 1, line.len - 2)), profile);
			continue;
		}
		if (str_index(line, '=') < 0)
			return error_set(err, ERROR_INVALID, "%s line %d: expected NAME = VALUE",
				path, number);
		struct str value = line, name = str_trim(str_cut(&value, '='));
		value = str_trim(value);
		if (!in_profile)
			continue;
		if (str_eq(name, STR("aws_access_key_id")))
			found.access_key = value;
		else if (str_eq(name, STR("aws_secret_access_key")))
			found.secret_key = value;
		else if (str_eq(name, STR("aws_session_token")))
			found.session_token = value;
		else if (str_eq(name, STR("region")))
			region = value;
	}
	if (!found.access_key.len || !found.secret_key.len)
		return error_set(err, ERROR_NOT_FOUND,
			"%s has no profile [%s] with aws_access_key_id and aws_secret_access_key",
			path, profile);
	*ret = found;
	*ret_region = region;
	return 0;
}

int credentials_save(const char *path, const char *profile, const struct key_ring_entry *entry,
	struct str region, struct error *err)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(CREDENTIALS_FILE_MAX);

	buf_printf(&text,
		"[%s]\naws_access_key_id = %" STR_F "\naws_secret_access_key = %" STR_F
		"\nregion = %" STR_F "\n",
		profile, STR_A(entry->access_key), STR_A(entry->secret_key), STR_A(region));
	return write_file(path, buf_str(&text), err);
}

/* --- the key ring -------------------------------------------------------------------------- */

struct key_ring {
	char *path;
	pthread_mutex_t mutex; /* guards the document and its arena */
	struct arena *arena;
	struct json *document; /* {"keys": [{access_key, secret_key, account_id, arn, user_id}]} */
};

static int load_ring(struct key_ring *ring, struct error *err)
{
	struct str text;
	struct error missing;

	if (read_file(ring->arena, ring->path, &text, &missing) < 0) {
		if (missing.code != ERROR_NOT_FOUND) {
			if (err)
				*err = missing;
			return -1;
		}
		ring->document = json_new_object(ring->arena);
		json_set(ring->document, "keys", json_new_array(ring->arena));
		return 0;
	}
	if (json_parse(ring->arena, text, NULL, &ring->document, err) < 0)
		return error_prefix(err, "%s is damaged", ring->path);
	if (!json_is(json_get(ring->document, "keys"), JSON_ARRAY))
		return error_set(
			err, ERROR_INVALID, "%s is damaged: it has no list \"keys\"", ring->path);
	return 0;
}

int key_ring_open(struct key_ring **ret, const char *path, struct error *err)
{
	struct key_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return error_set(err, ERROR_MEMORY, "no memory for %s", path);
	pthread_mutex_init(&ring->mutex, NULL);
	ring->path = strdup(path);
	ring->arena = arena_new(CREDENTIALS_FILE_MAX * 8);
	if (!ring->path || !ring->arena || load_ring(ring, err) < 0) {
		key_ring_close(ring);
		return -1;
	}
	*ret = ring;
	return 0;
}

void key_ring_close(struct key_ring *ring)
{
	if (!ring)
		return;
	pthread_mutex_destroy(&ring->mutex);
	arena_free(ring->arena);
	free(ring->path);
	free(ring);
}

static void read_entry(struct arena *arena, const struct json *key, struct key_ring_entry *ret)
{
	*ret = (struct key_ring_entry){
		.access_key = arena_str(arena, json_get_text(key, "access_key")),
		.secret_key = arena_str(arena, json_get_text(key, "secret_key")),
		.account_id = arena_str(arena, json_get_text(key, "account_id")),
		.arn = arena_str(arena, json_get_text(key, "arn")),
		.user_id = arena_str(arena, json_get_text(key, "user_id"))};
}

int key_ring_find(struct key_ring *ring, struct arena *arena, struct str access_key,
	struct key_ring_entry *ret, struct error *err)
{
	const struct json *key;

	LOCK_SCOPE(&ring->mutex);
	json_for_each (json_get(ring->document, "keys"), i, key) {
		if (str_eq(json_get_text(key, "access_key"), access_key)) {
			read_entry(arena, key, ret);
			return 0;
		}
	}
	return error_set(err, ERROR_NOT_FOUND,
		"access key \"%" STR_F "\" is not one this region knows", STR_A(access_key));
}

int key_ring_first(
	struct key_ring *ring, struct arena *arena, struct key_ring_entry *ret, struct error *err)
{
	LOCK_SCOPE(&ring->mutex);
	const struct json *key = json_at(json_get(ring->document, "keys"), 0);
	if (!key)
		return error_set(err, ERROR_NOT_FOUND, "%s has no access key", ring->path);
	read_entry(arena, key, ret);
	return 0;
}

static struct str random_key(struct arena *arena, const char *prefix)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint8_t bytes[ACCESS_KEY_RANDOM];
	char text[ACCESS_KEY_RANDOM + 1];

	id_random(bytes, sizeof(bytes));
	for (size_t i = 0; i < ACCESS_KEY_RANDOM; i++)
		text[i] = alphabet[bytes[i] & 31];
	text[ACCESS_KEY_RANDOM] = '\0';
	return arena_printf(arena, "%s%s", prefix, text);
}

int key_ring_mint(struct key_ring *ring, struct arena *arena, struct str account_id,
	struct str user_name, struct key_ring_entry *ret, struct error *err)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(CREDENTIALS_FILE_MAX);
	uint8_t secret[SECRET_BYTES];

	LOCK_SCOPE(&ring->mutex);
	struct json *key = json_new_object(ring->arena);
	id_random(secret, sizeof(secret));
	json_set_text(key, "access_key", random_key(ring->arena, "AKIA"));
	json_set_text(
		key, "secret_key", hash_base64(ring->arena, str_n((char *)secret, sizeof(secret))));
	json_set_text(key, "account_id", arena_str(ring->arena, account_id));
	json_set_text(key, "arn",
		arena_printf(ring->arena, "arn:aws:iam::%" STR_F ":user/%" STR_F, STR_A(account_id),
			STR_A(user_name)));
	json_set_text(key, "user_id", random_key(ring->arena, "AIDA"));
	struct json *keys = json_get(ring->document, "keys");
	json_append(keys, key);
	if (!json_write(&text, ring->document, JSON_WRITE_PRETTY) ||
		arena_is_exhausted(ring->arena)) {
		json_remove_at(keys, json_count(keys) - 1);
		return error_set(err, ERROR_MEMORY, "no memory for another access key");
	}
	if (write_file(ring->path, buf_str(&text), err) < 0) {
		json_remove_at(keys, json_count(keys) - 1);
		return -1;
	}
	read_entry(arena, key, ret);
	return 0;
}
