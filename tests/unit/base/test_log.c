/*
 * test_log.c - lines of the log in both forms.
 */
#include "base/log.h"

#include <unistd.h>

#include "base_test.h"

#define LINES_MAX 65536

/* The log writes into a pipe; what is in it is read back. */
struct sink {
	int fds[2];
	struct log *log;
	char text[LINES_MAX];
};

static void sink_open(struct sink *sink, enum log_format format, enum log_level level)
{
	assert_int_equal(pipe(sink->fds), 0);
	sink->log = log_new(sink->fds[1], format, level);
	assert_non_null(sink->log);
}

static const char *sink_read(struct sink *sink)
{
	ssize_t got = read(sink->fds[0], sink->text, sizeof(sink->text) - 1);

	assert_true(got >= 0);
	sink->text[got] = '\0';
	return sink->text;
}

static void sink_close(struct sink *sink)
{
	log_free(sink->log);
	close(sink->fds[0]);
	close(sink->fds[1]);
}

static void a_json_line_has_typed_fields(void **state)
{
	static struct sink sink;
	struct error err;

	sink_open(&sink, LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	error_set(&err, ERROR_INVALID, "bad \"x\"");
	log_warn(log_child(sink.log, "agent"), "applied", LOG_CSTR("name", "a\n\"b\\\x01"),
		LOG_INT("version", -5), LOG_DOUBLE("s", 0.25), LOG_BOOL("new", true),
		LOG_STR("none", STR_NULL), LOG_ERROR(&err));
	const char *line = sink_read(&sink);
	assert_memory_equal(line, "{\"time\":\"2", 10);
	assert_non_null(strstr(line,
		"\"level\":\"warn\",\"component\":\"agent\",\"message\":\"applied\","
		"\"name\":\"a\\n\\\"b\\\\\\u0001\",\"version\":-5,\"s\":0.25,\"new\":true,"
		"\"none\":\"\",\"error\":\"bad \\\"x\\\"\"}\n"));
	sink_close(&sink);
	(void)state;
}

static void a_human_line_quotes_what_needs_it(void **state)
{
	static struct sink sink;

	sink_open(&sink, LOG_FORMAT_HUMAN, LOG_LEVEL_DEBUG);
	log_debug(sink.log, "ready", LOG_CSTR("url", "http://x"), LOG_CSTR("text", "two words"),
		LOG_CSTR("esc", "\x1b[31m"), LOG_INT("n", 1));
	const char *line = sink_read(&sink);
	assert_non_null(strstr(line, "DEBUG reeve      ready  url=http://x  text=\"two words\"  "
				     "esc=\"\\u001b[31m\"  n=1\n"));
	sink_close(&sink);
	(void)state;
}

static void lines_below_the_level_are_dropped(void **state)
{
	static struct sink sink;

	sink_open(&sink, LOG_FORMAT_JSON, LOG_LEVEL_WARN);
	log_info(sink.log, "quiet");
	log_info(NULL, "nowhere");
	assert_false(log_is_on(sink.log, LOG_LEVEL_INFO));
	assert_true(log_is_on(sink.log, LOG_LEVEL_ERROR));
	assert_false(log_is_on(NULL, LOG_LEVEL_ERROR));
	log_error(sink.log, "loud");
	assert_null(strstr(sink_read(&sink), "quiet"));
	assert_non_null(strstr(sink.text, "\"message\":\"loud\"}"));
	sink_close(&sink);
	(void)state;
}

static void a_line_over_the_limit_keeps_its_message(void **state)
{
	static struct sink sink;
	static char huge[20000];

	memset(huge, 'x', sizeof(huge) - 1);
	sink_open(&sink, LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	log_info(sink.log, "stored", LOG_CSTR("document", huge));
	assert_non_null(strstr(sink_read(&sink), "\"message\":\"stored\",\"fields_cut\":true}\n"));
	sink_close(&sink);
	(void)state;
}

static void levels_are_named(void **state)
{
	enum log_level level = LOG_LEVEL_INFO;

	assert_true(log_level_parse(STR("debug"), &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_true(log_level_parse(STR("error"), &level));
	assert_false(log_level_parse(STR("loud"), &level));
	assert_int_equal(level, LOG_LEVEL_ERROR);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_json_line_has_typed_fields),
		cmocka_unit_test(a_human_line_quotes_what_needs_it),
		cmocka_unit_test(lines_below_the_level_are_dropped),
		cmocka_unit_test(a_line_over_the_limit_keeps_its_message),
		cmocka_unit_test(levels_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
