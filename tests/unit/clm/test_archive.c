/*
 * The file of a backup: what is whole is read as it was written, what is not is refused, wherever
 * it was cut, changed or grown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "clm/archive.h"

#define MAX_FILE 4096
#define ROWS "{\"things\":3}"
/* Of gzip: time, flags, system; whether it is text; padding. */
#define MAX_HARMLESS_BITS (6 * 8 + 1 + 7)

static const char *const lines[] = {
	"{\"reeve_backup\":1}", "{\"a\":\"\xc3\xa9\"}", "{\"b\":[1,2,3]}", "{\"c\":null}"};
#define LINES (sizeof(lines) / sizeof(lines[0]))

struct files {
	char folder[64];
	char plain[96];
	char zipped[96];
	char broken[96];
};

static void write_archive(const char *path)
{
	struct archive_writer *writer;
	struct error err;

	if (archive_create(&writer, path, &err) != 0)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < LINES; i++)
		assert_int_equal(archive_add(writer, str_of(lines[i]), &err), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(archive_finish(writer, STR(ROWS), &err), 0);
}

static int setup(void **state)
{
	struct files *files = calloc(1, sizeof(*files));

	snprintf(files->folder, sizeof(files->folder), "/tmp/reeve-archive-XXXXXX");
	assert_non_null(mkdtemp(files->folder));
	snprintf(files->plain, sizeof(files->plain), "%s/a.jsonl", files->folder);
	snprintf(files->zipped, sizeof(files->zipped), "%s/a.jsonl.gz", files->folder);
	snprintf(files->broken, sizeof(files->broken), "%s/broken", files->folder);
	write_archive(files->plain);
	write_archive(files->zipped);
	*state = files;
	return 0;
}

static int teardown(void **state)
{
	struct files *files = *state;

	unlink(files->plain);
	unlink(files->zipped);
	unlink(files->broken);
	assert_int_equal(rmdir(files->folder), 0); /* no other name is left */
	free(files);
	return 0;
}

/* Lines read to the end, or -1. */
static int read_all(const char *path, struct error *err)
{
	struct archive_reader *reader;
	struct str line;
	int more, count = 0;

	if (archive_open(&reader, path, err) < 0)
		return -1;
	while ((more = archive_next(reader, &line, err)) == 1) {
		if ((size_t)count < LINES && !str_eq_c(line, lines[count]))
			fail_msg("%s: line %d is \"%" STR_F "\"", path, count, STR_A(line));
		count++;
	}
	if (more == 0)
		assert_true(str_eq_c(line, ROWS));
	archive_close(reader);
	return more < 0 ? -1 : count;
}

static size_t slurp(const char *path, char out[MAX_FILE])
{
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	size_t length = fread(out, 1, MAX_FILE, file);
	fclose(file);
	return length;
}

static void write_bytes(const char *path, const char *bytes, size_t length)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fwrite(bytes, 1, length, file);
	fclose(file);
}

static void must_refuse(
	const char *path, const char *bytes, size_t length, const char *what, size_t at)
{
	struct error err = {.message = ""};

	write_bytes(path, bytes, length);
	if (read_all(path, &err) != -1)
		fail_msg("%s at %zu is not seen", what, at);
	assert_int_equal(err.code, ERROR_INVALID);
	assert_non_null(strstr(err.message, ", line "));
}

static void what_is_whole_is_read_as_it_was_written(void **state)
{
	const struct files *files = *state;
	char plain[MAX_FILE], zipped[MAX_FILE];
	struct error err;

	assert_int_equal(read_all(files->plain, &err), LINES);
	assert_int_equal(read_all(files->zipped, &err), LINES);
	slurp(files->plain, plain);
	slurp(files->zipped, zipped);
	assert_memory_equal(plain, "{\"reeve_backup\":1,\"crc32\":\"", 27);
	assert_memory_equal(zipped, "\x1f\x8b", 2);
}

/* Some bits of gzip's frame hold nothing (when and where it was made, what fills up the last byte):
 * a file in which only these differ has the same content, which read_all() looks at. */
static bool is_content_same(const char *path, const char *bytes, size_t length)
{
	struct error err;

	write_bytes(path, bytes, length);
	return read_all(path, &err) == (int)LINES;
}

static void every_changed_bit_is_seen(void **state)
{
	const struct files *files = *state;
	const char *const paths[] = {files->plain, files->zipped};
	size_t harmless[2] = {0};

	for (size_t k = 0; k < 2; k++) {
		char bytes[MAX_FILE];
		size_t length = slurp(paths[k], bytes);
		for (size_t i = 0; i < length * 8; i++) {
			bytes[i / 8] ^= (char)(1 << i % 8);
			if (k == 1 && is_content_same(files->broken, bytes, length))
				harmless[k]++;
			else
				must_refuse(files->broken, bytes, length, "a changed bit", i / 8);
			bytes[i / 8] ^= (char)(1 << i % 8);
		}
	}
	assert_true(harmless[1] <= MAX_HARMLESS_BITS);
}

static void every_cut_and_every_addition_is_seen(void **state)
{
	const struct files *files = *state;
	const char *const paths[] = {files->plain, files->zipped};

	for (size_t k = 0; k < 2; k++) {
		char bytes[MAX_FILE];
		size_t length = slurp(paths[k], bytes);
		for (size_t i = 0; i < length; i++)
			must_refuse(files->broken, bytes, i, "a cut", i);
		for (int byte = 0; byte < 256; byte++) {
			bytes[length] = (char)byte;
			must_refuse(files->broken, bytes, length + 1, "an addition", (size_t)byte);
		}
		memcpy(bytes + length, bytes, length);
		must_refuse(files->broken, bytes, length * 2, "a second copy", length);
	}
}

static void the_damaged_line_is_named(void **state)
{
	const struct files *files = *state;
	char bytes[MAX_FILE];
	size_t length = slurp(files->plain, bytes);
	char *at = strstr(bytes, "[1,2,3]");
	struct error err;

	at[1] = '7';
	must_refuse(files->broken, bytes, length, "a changed line", 3);
	assert_int_equal(read_all(files->broken, &err), -1);
	assert_non_null(strstr(err.message, "broken, line 3: the line is damaged"));
}

static void what_is_not_finished_leaves_no_file(void **state)
{
	const struct files *files = *state;
	struct archive_writer *writer;
	struct error err;

	assert_int_equal(archive_create(&writer, files->broken, &err), 0);
	assert_int_equal(archive_add(writer, str_of(lines[0]), &err), 0);
	archive_abandon(writer);
	assert_int_equal(access(files->broken, F_OK), -1);
	assert_int_equal(archive_create(&writer, "/nonexistent/file", &err), -1);
	assert_non_null(strstr(err.message, "/nonexistent/file"));
	assert_int_equal(archive_open(&(struct archive_reader *){NULL}, "/dev/null", &err), -1);
	assert_non_null(strstr(err.message, "not a regular file"));
}

static void a_full_disk_is_told(void **state)
{
	struct archive_writer *writer;
	struct error err = {.message = ""};
	int saved = dup(STDOUT_FILENO);
	int result = 0;

	(void)state;
	assert_non_null(freopen("/dev/full", "we", stdout));
	assert_int_equal(archive_create(&writer, "-", &err), 0);
	result = archive_add(writer, str_of(lines[0]), &err);
	if (result == 0)
		result = archive_finish(writer, STR(ROWS), &err);
	else
		archive_abandon(writer);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERROR_NO_SPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_whole_is_read_as_it_was_written, setup, teardown),
		cmocka_unit_test_setup_teardown(every_changed_bit_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(
			every_cut_and_every_addition_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(the_damaged_line_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_not_finished_leaves_no_file, setup, teardown),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
