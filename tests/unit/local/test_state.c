/*
 * test_state.c - the region's folder: one owner, layout version, ports that stay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "local/state.h"

static char folder[64];

static int setup(void **unused)
{
	(void)unused;
	snprintf(folder, sizeof(folder), "/tmp/reeve-state-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **unused)
{
	char path[128];
	static const char *const files[] = {"lock", "state.json", "a/b", "a", ""};

	(void)unused;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		remove(path);
	}
	return 0;
}

static void write_state(const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/state.json", folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void a_port_stays_the_same_over_restarts(void **unused)
{
	struct state *state;
	struct error err;
	uint16_t first, second, other;

	(void)unused;
	assert_int_equal(state_open(&state, folder, &err), 0);
	assert_int_equal(state_port(state, "broker", &first, &err), 0);
	assert_int_equal(state_port(state, "clm", &other, &err), 0);
	assert_int_not_equal(first, other);
	state_close(state);
	assert_int_equal(state_open(&state, folder, &err), 0);
	assert_int_equal(state_port(state, "broker", &second, &err), 0);
	assert_int_equal(first, second);
	state_close(state);
}

static void a_second_owner_is_refused_in_words(void **unused)
{
	struct state *state, *other;
	struct error err;
	char pid[16];

	(void)unused;
	assert_int_equal(state_open(&state, folder, &err), 0);
	assert_int_equal(state_open(&other, folder, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_non_null(strstr(err.message, pid));
	assert_non_null(strstr(err.message, "--dir"));
	state_close(state);
	assert_int_equal(state_open(&other, folder, &err), 0);
	state_close(other);
}

static void bad_state_files_are_refused_and_kept(void **unused)
{
	static const struct {
		const char *text;
		enum error_code code;
		const char *word;
	} cases[] = {
		{"{\"layout\": 99}", ERROR_CONFLICT, "newer"},
		{"{\"layout\": ", ERROR_INVALID, "damaged"},
		{"{\"layout\": \"one\"}", ERROR_INVALID, "damaged"},
		{"[]", ERROR_INVALID, "damaged"},
		{"", ERROR_INVALID, "damaged"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct state *state;
		struct error err;
		char path[128], now[64] = "";

		write_state(cases[i].text);
		assert_int_equal(state_open(&state, folder, &err), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_non_null(strstr(err.message, cases[i].word));
		snprintf(path, sizeof(path), "%s/state.json", folder);
		int fd = open(path, O_RDONLY);
		assert_true(read(fd, now, sizeof(now) - 1) >= 0);
		close(fd);
		assert_string_equal(now, cases[i].text);
	}
}

static void folders_are_made_with_their_parents(void **unused)
{
	char path[128];
	struct error err;

	(void)unused;
	snprintf(path, sizeof(path), "%s/a/b", folder);
	assert_int_equal(state_make_folder(path, &err), 0);
	assert_int_equal(access(path, W_OK), 0);
	assert_int_equal(state_make_folder(path, &err), 0);
}

static void files_and_pipes_are_read_up_to_a_limit(void **unused)
{
	static const struct {
		size_t length, max;
		int result;
	} cases[] = {{0, 10, 0}, {9, 10, 0}, {10, 10, 0}, {11, 10, -1}, {5000, 10, -1}};
	static char text[5000];
	char path[128];

	(void)unused;
	snprintf(path, sizeof(path), "%s/a", folder);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = cases[i].length;
		struct arena *arena = arena_new(0);
		for (int is_pipe = 0; is_pipe < 2; is_pipe++) {
			struct str got = STR_NULL;
			struct error err = {0};
			int fds[2] = {-1, -1}, result;
			assert_int_equal(is_pipe ? pipe(fds) : 0, 0);
			int out = is_pipe ? fds[1] : open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
			assert_int_equal(write(out, text, length), length);
			close(out);
			if (is_pipe)
				result = state_read_fd(
					arena, fds[0], "it", cases[i].max, &got, &err);
			else
				result = state_read_file(arena, path, cases[i].max, &got, &err);
			assert_int_equal(result, cases[i].result);
			if (result == 0)
				assert_int_equal(got.len, length);
			else
				assert_int_equal(err.code, ERROR_TOO_LARGE);
			if (is_pipe)
				close(fds[0]);
		}
		arena_free(arena);
	}
	struct error err = {0};
	struct str got;
	struct arena *arena = arena_new(0);
	assert_int_equal(state_read_file(arena, folder, 10, &got, &err), -1);
	assert_non_null(strstr(err.message, "directory"));
	arena_free(arena);
}

static void paths_that_are_too_long_are_refused(void **unused)
{
	static char name[STATE_PATH_MAX + 1];
	char out[STATE_PATH_MAX];
	struct error err = {0};

	(void)unused;
	memset(name, 'a', STATE_PATH_MAX);
	assert_int_equal(state_path_print(out, &err, "%s", name), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	assert_int_equal(state_path_print(out, &err, "%s", name + 1), 0);
	assert_int_equal(strlen(out), STATE_PATH_MAX - 1);
	setenv("REEVE_DIR", name, 1);
	assert_int_equal(state_default_dir(out, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	setenv("REEVE_DIR", "/somewhere", 1);
	assert_int_equal(state_default_dir(out, &err), 0);
	assert_string_equal(out, "/somewhere");
	unsetenv("REEVE_DIR");
	setenv("REEVE_ROOT", name, 1);
	assert_int_equal(state_find_shipped("nothing", out, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	setenv("REEVE_ROOT", folder, 1);
	assert_int_equal(state_find_shipped("nothing", out, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	unsetenv("REEVE_ROOT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_port_stays_the_same_over_restarts, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_second_owner_is_refused_in_words, setup, teardown),
		cmocka_unit_test_setup_teardown(
			bad_state_files_are_refused_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(
			folders_are_made_with_their_parents, setup, teardown),
		cmocka_unit_test_setup_teardown(
			files_and_pipes_are_read_up_to_a_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(
			paths_that_are_too_long_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
