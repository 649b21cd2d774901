/*
 * test_json_jansson.c - our JSON and jansson's must agree: on what is a document, and on what it
 * says. Documents are random, and random ones with random damage.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "data_test.h"

#define DOCUMENTS 4000
#define DAMAGES 4 /* of each document */

static const char *oracle_path;

struct oracle {
	pid_t pid;
	FILE *to, *from;
};

static void oracle_start(struct oracle *oracle)
{
	int to[2], from[2];

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	oracle->pid = fork();
	assert_true(oracle->pid >= 0);
	if (oracle->pid == 0) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		close(to[1]);
		close(from[0]);
		execl(oracle_path, oracle_path, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	oracle->to = fdopen(to[1], "w");
	oracle->from = fdopen(from[0], "r");
}

static void oracle_stop(struct oracle *oracle)
{
	int status;

	fclose(oracle->to);
	fclose(oracle->from);
	assert_int_equal(waitpid(oracle->pid, &status, 0), oracle->pid);
	assert_int_equal(status, 0);
}

/* The verdict and the canonical text behind it. */
static struct str oracle_ask(struct oracle *oracle, struct arena *arena, struct str document)
{
	uint32_t length = (uint32_t)document.len;

	assert_int_equal(fwrite(&length, sizeof(length), 1, oracle->to), 1);
	assert_int_equal(fwrite(document.ptr, 1, document.len, oracle->to), document.len);
	assert_int_equal(fflush(oracle->to), 0);
	assert_int_equal(fread(&length, sizeof(length), 1, oracle->from), 1);
	char *answer = arena_calloc(arena, length + 1, 1);
	assert_int_equal(fread(answer, 1, length, oracle->from), length);
	return str_n(answer, length);
}

/* --- documents ----------------------------------------------------------------------------- */

static void random_string(struct buf *out, unsigned *seed)
{
	static const char *const pieces[] = {"a", "bc", "key", "12345678", " ", "\\n", "\\\"",
		"\\\\", "\\/", "\\u0041", "\\u00e9", "\\ud83d\\ude00", "\\u0000", "\xc3\xbc",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f", "~", "<&>"};

	buf_add_byte(out, '"');
	for (int n = rand_r(seed) % 6; n > 0; n--)
		buf_add_cstr(
			out, pieces[(size_t)rand_r(seed) % (sizeof(pieces) / sizeof(*pieces))]);
	buf_add_byte(out, '"');
}

static void random_number(struct buf *out, unsigned *seed)
{
	static const char *const numbers[] = {"0", "-0", "1", "-17", "3.25", "1e5", "1E-5",
		"-2.5e+3", "123456789012", "0.1", "9223372036854775807", "-9223372036854775808",
		"1e300"};

	buf_add_cstr(out, numbers[(size_t)rand_r(seed) % (sizeof(numbers) / sizeof(*numbers))]);
}

static void random_space(struct buf *out, unsigned *seed)
{
	static const char *const spaces[] = {"", "", "", " ", "\n", "\t\r\n "};

	buf_add_cstr(out, spaces[rand_r(seed) % 6]);
}

static void random_value(struct buf *out, unsigned *seed, int depth)
{
	static const char *const words[] = {"true", "false", "null"};
	int kind = rand_r(seed) % (depth > 0 ? 7 : 3);

	random_space(out, seed);
	if (kind == 0) {
		buf_add_cstr(out, words[rand_r(seed) % 3]);
	} else if (kind == 1) {
		random_number(out, seed);
	} else if (kind == 2) {
		random_string(out, seed);
	} else {
		bool is_object = kind > 4;
		buf_add_byte(out, is_object ? '{' : '[');
		random_space(out, seed);
		for (int n = rand_r(seed) % 6, i = 0; i < n; i++) {
			if (i)
				buf_add_byte(out, ',');
			random_space(out, seed);
			if (is_object) {
				random_string(out, seed);
				random_space(out, seed);
				buf_add_byte(out, ':');
			}
			random_value(out, seed, depth - 1);
		}
		buf_add_byte(out, is_object ? '}' : ']');
	}
	random_space(out, seed);
}

static void damage(struct buf *text, unsigned *seed)
{
	static const char bytes[] =
		"\"\\{}[],:0123456789eE.+-tfnu \n\x01\x1f\x7f\x80\xbf\xc0\xe2\xed"
		"\xf4\xff";

	if (text->len == 0)
		return;
	size_t at = (size_t)rand_r(seed) % text->len;
	char byte = bytes[(size_t)rand_r(seed) % sizeof(bytes)]; /* NUL included */
	switch (rand_r(seed) % 4) {
	case 0:
		text->ptr[at] = byte;
		break;
	case 1:
		memmove(text->ptr + at, text->ptr + at + 1, text->len - at);
		text->len--;
		break;
	case 2:
		text->len = at;
		break;
	default:
		buf_add_byte(text, ' ');
		memmove(text->ptr + at + 1, text->ptr + at, text->len - at - 1);
		text->ptr[at] = byte;
	}
}

/* --- comparing ----------------------------------------------------------------------------- */

static bool compare(struct oracle *oracle, struct arena *arena, struct str document, unsigned flags)
{
	struct error err = {0};
	struct json *value = NULL;
	bool is_taken = json_parse(arena, document, NULL, &value, &err) == 0;
	struct str theirs = oracle_ask(oracle, arena, document);

	if (theirs.ptr[0] == '?')
		return false;
	if (is_taken != (theirs.ptr[0] == 'A'))
		fail_msg("<%" STR_F ">: we %s, jansson says %c", STR_A(document),
			is_taken ? "take it" : err.message, theirs.ptr[0]);
	if (!is_taken)
		return false;
	struct str again = oracle_ask(oracle, arena, json_text(arena, value, flags));
	if (!str_eq(again, theirs))
		fail_msg("<%" STR_F ">: we write what reads as <%s>, not <%s>", STR_A(document),
			again.ptr, theirs.ptr);
	return true;
}

static void we_agree_with_jansson(void **state)
{
	static const unsigned flags[] = {JSON_WRITE_COMPACT, JSON_WRITE_PRETTY, JSON_WRITE_SORTED,
		JSON_WRITE_HTML | JSON_WRITE_PRETTY};
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(0);
	struct oracle oracle;
	unsigned seed = 42, taken = 0;

	oracle_start(&oracle);
	for (int i = 0; i < DOCUMENTS; i++) {
		arena_reset(*state);
		buf_clear(&text);
		random_value(&text, &seed, 4);
		taken += compare(&oracle, *state, buf_str(&text), flags[i % 4]);
		for (int k = 0; k < DAMAGES; k++) {
			damage(&text, &seed);
			compare(&oracle, *state, buf_str(&text), flags[i % 4]);
		}
	}
	oracle_stop(&oracle);
	assert_true(taken > DOCUMENTS / 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {TEST(we_agree_with_jansson)};

	if (argc < 2) {
		fprintf(stderr, "usage: %s ORACLE\n", argv[0]);
		return 2;
	}
	oracle_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
