/*
 * test_credentials.c - credentials files as other tools write them, and the key ring.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/credentials.h"

struct fixture {
	char folder[64];
	char path[96];
	struct arena *arena;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/reeve-aws-XXXXXX");
	if (!mkdtemp(fixture->folder))
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/file", fixture->folder);
	fixture->arena = arena_new(0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->path);
	assert_int_equal(rmdir(fixture->folder), 0); /* nothing else was left behind */
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static mode_t mode_of(const char *path)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	return info.st_mode & 0777;
}

/* --- credentials files --------------------------------------------------------------------- */

static void a_profile_is_found_among_others(void **state)
{
	static const struct {
		const char *name, *text;
		int code; /* 0: found */
		const char *word;
	} rows[] = {
		{"plain", "[dev]\naws_access_key_id=A\naws_secret_access_key=S\nregion=r\n", 0,
			NULL},
		{"spaces, comments, CR LF, no last line end",
			"# a\r\n; b\r\n\r\n[ dev ]\r\n aws_access_key_id = A \r\n"
			"aws_secret_access_key = S\r\nregion=r",
			0, NULL},
		{"others before and after",
			"[x]\naws_access_key_id=X\n[dev]\naws_access_key_id=A\n"
			"aws_secret_access_key=S\nregion=r\n[y]\naws_access_key_id=Y\n",
			0, NULL},
		{"unknown settings",
			"[dev]\noutput=json\naws_access_key_id=A\naws_secret_access_key=S\nregion="
			"r",
			0, NULL},
		{"another profile", "[x]\naws_access_key_id=A\naws_secret_access_key=S\n",
			ERROR_NOT_FOUND, "[dev]"},
		{"half a key", "[dev]\naws_access_key_id=A\n", ERROR_NOT_FOUND,
			"aws_secret_access_key"},
		{"empty", "", ERROR_NOT_FOUND, "[dev]"},
		{"no value", "[dev]\naws_access_key_id\n", ERROR_INVALID, "line 2"},
		{"open bracket", "\n\n[dev\n", ERROR_INVALID, "line 3"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sigv4_credentials found;
		struct str region;
		struct error err = {.code = ERROR_NONE};

		write_text(fixture->path, rows[i].text);
		int result = credentials_load(
			fixture->arena, fixture->path, "dev", &found, &region, &err);
		if (result != (rows[i].code ? -1 : 0) || (int)err.code != rows[i].code)
			fail_msg("%s: %d, %s", rows[i].name, result, err.message);
		if (rows[i].code) {
			assert_non_null(strstr(err.message, rows[i].word));
			assert_non_null(strstr(err.message, fixture->path));
			continue;
		}
		assert_true(str_eq(found.access_key, STR("A")));
		assert_true(str_eq(found.secret_key, STR("S")));
		assert_true(str_is_null(found.session_token));
		assert_true(str_eq(region, STR("r")));
	}
}

static void what_is_saved_is_read_back_and_private(void **state)
{
	static const struct key_ring_entry entry = {
		.access_key = STR("AKIA1"), .secret_key = STR("se+cr/et=")};
	struct fixture *fixture = *state;
	struct sigv4_credentials found;
	struct str region;

	assert_int_equal(
		credentials_save(fixture->path, "default", &entry, STR("us-east-1"), NULL), 0);
	assert_int_equal(mode_of(fixture->path), 0600);
	assert_int_equal(
		credentials_load(fixture->arena, fixture->path, "default", &found, &region, NULL),
		0);
	assert_true(str_eq(found.access_key, entry.access_key));
	assert_true(str_eq(found.secret_key, entry.secret_key));
	assert_true(str_eq(region, STR("us-east-1")));
}

/* --- the key ring -------------------------------------------------------------------------- */

static void a_minted_key_is_found_now_and_after_reopening(void **state)
{
	struct fixture *fixture = *state;
	struct key_ring *ring;
	struct key_ring_entry minted, found;
	struct error err;

	assert_int_equal(key_ring_open(&ring, fixture->path, &err), 0);
	assert_int_equal(key_ring_first(ring, fixture->arena, &found, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_int_equal(key_ring_mint(ring, fixture->arena, STR("123456789012"), STR("admin"),
				 &minted, &err),
		0);
	assert_int_equal(mode_of(fixture->path), 0600);
	assert_true(minted.access_key.len == 20 && str_starts_with(minted.access_key, STR("AKIA")));
	assert_int_equal(minted.secret_key.len, 40);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			key_ring_find(ring, fixture->arena, minted.access_key, &found, &err), 0);
		assert_true(str_eq(found.secret_key, minted.secret_key));
		assert_true(str_eq(found.account_id, STR("123456789012")));
		assert_true(str_eq(found.arn, STR("arn:aws:iam::123456789012:user/admin")));
		assert_true(str_eq(found.user_id, minted.user_id));
		key_ring_close(ring);
		assert_int_equal(key_ring_open(&ring, fixture->path, &err), 0);
	}
	assert_int_equal(key_ring_find(ring, fixture->arena, STR("AKIAOTHER"), &found, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	key_ring_close(ring);
}

static void hundreds_of_keys_fit_and_differ(void **state)
{
	enum { COUNT = 600 };
	struct fixture *fixture = *state;
	struct key_ring *ring;
	struct key_ring_entry first = {.access_key = STR_NULL}, entry;
	struct error err = {.message = ""};

	assert_int_equal(key_ring_open(&ring, fixture->path, &err), 0);
	for (int i = 0; i < COUNT; i++) {
		if (key_ring_mint(ring, fixture->arena, STR("1"), STR("u"), &entry, &err) < 0)
			fail_msg("key %d: %s", i, err.message);
		if (i == 0)
			first = entry;
		else
			assert_false(str_eq(entry.access_key, first.access_key));
	}
	assert_int_equal(key_ring_first(ring, fixture->arena, &entry, &err), 0);
	assert_true(str_eq(entry.secret_key, first.secret_key));
	key_ring_close(ring);
}

static void a_damaged_ring_is_named_and_not_overwritten(void **state)
{
	static const char *const texts[] = {"{", "{\"keys\":{}}", "[]", ""};
	struct fixture *fixture = *state;
	struct key_ring *ring;
	struct error err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_text(fixture->path, texts[i]);
		assert_int_equal(key_ring_open(&ring, fixture->path, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_non_null(strstr(err.message, fixture->path));
	}
}

static void a_key_that_cannot_be_saved_is_not_kept(void **state)
{
	struct fixture *fixture = *state;
	char path[128];
	struct key_ring *ring;
	struct key_ring_entry entry;
	struct error err;

	snprintf(path, sizeof(path), "%s/none/keys", fixture->folder);
	assert_int_equal(key_ring_open(&ring, path, &err), 0);
	assert_int_equal(key_ring_mint(ring, fixture->arena, STR("1"), STR("u"), &entry, &err), -1);
	assert_non_null(strstr(err.message, path));
	assert_int_equal(key_ring_first(ring, fixture->arena, &entry, &err), -1);
	key_ring_close(ring);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_profile_is_found_among_others),
		WITH_FOLDER(what_is_saved_is_read_back_and_private),
		WITH_FOLDER(a_minted_key_is_found_now_and_after_reopening),
		WITH_FOLDER(hundreds_of_keys_fit_and_differ),
		WITH_FOLDER(a_damaged_ring_is_named_and_not_overwritten),
		WITH_FOLDER(a_key_that_cannot_be_saved_is_not_kept),
	};

	return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
