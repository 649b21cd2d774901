/*
 * test_kubeapi_protobuf.c - built-in kinds from protobuf: what a client sent, and damaged messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "local/kubeapi_protobuf.h"
#include "local/kubeapi_types.h"

static int setup(void **state)
{
	return kubeapi_types_new((struct kubeapi_types **)state, NULL);
}

static int teardown(void **state)
{
	kubeapi_types_free(*state);
	return 0;
}

/* A message in pieces: a field of bytes around what follows up to its end is written by hand. */
static void put(struct buf *out, unsigned number, const char *bytes, size_t len)
{
	buf_add_byte(out, (char)(number << 3 | 2));
	buf_add_byte(out, (char)len);
	buf_add(out, bytes, len);
}

static void put_message(struct buf *out, unsigned number, struct buf *message)
{
	put(out, number, message->ptr ? message->ptr : "", message->len);
	buf_free(message);
}

static void put_text(struct buf *out, unsigned number, const char *text)
{
	put(out, number, text, strlen(text));
}

static void put_number(struct buf *out, unsigned number, unsigned value)
{
	buf_add_byte(out, (char)(number << 3));
	buf_add_byte(out, (char)value);
}

static void put_envelope(
	struct buf *out, const char *api_version, const char *kind, struct buf *message)
{
	struct buf type = BUF_INITIALIZER(1000);

	buf_add(out, "k8s\0", 4);
	put_text(&type, 1, api_version);
	put_text(&type, 2, kind);
	put_message(out, 1, &type);
	put_message(out, 2, message);
	put_text(out, 3, "");
	put_text(out, 4, "");
}

/* As Go writes it: values that are not pointers are always there, also empty ones. */
static void make_pod(struct buf *out)
{
	struct buf pod = BUF_INITIALIZER(1000), meta = BUF_INITIALIZER(1000);
	struct buf label = BUF_INITIALIZER(1000), time = BUF_INITIALIZER(1000);
	struct buf spec = BUF_INITIALIZER(1000), volume = BUF_INITIALIZER(1000);
	struct buf source = BUF_INITIALIZER(1000), empty = BUF_INITIALIZER(1000);
	struct buf container = BUF_INITIALIZER(1000), limits = BUF_INITIALIZER(1000);
	struct buf entry = BUF_INITIALIZER(1000), amount = BUF_INITIALIZER(1000);

	put_text(&meta, 1, "p");
	put_text(&meta, 2, "");
	put_message(&meta, 8, &time);
	put_text(&label, 1, "a");
	put_text(&label, 2, "");
	put_message(&meta, 11, &label);
	put_message(&pod, 1, &meta);
	put_text(&volume, 1, "v");
	put_text(&empty, 1, "Memory");
	put_message(&source, 2, &empty);
	put_message(&volume, 2, &source);
	put_message(&spec, 1, &volume);
	put_text(&container, 1, "c");
	put_text(&container, 3, "run");
	put_text(&container, 3, "");
	put_text(&amount, 1, "100m");
	put_text(&entry, 1, "cpu");
	put_message(&entry, 2, &amount);
	put_message(&limits, 1, &entry);
	put_message(&container, 8, &limits);
	put_message(&spec, 2, &container);
	put_number(&spec, 4, 0);
	put_number(&spec, 11, 0);
	put_number(&spec, 12, 1);
	put_message(&pod, 2, &spec);
	put_envelope(out, "v1", "Pod", &pod);
}

static void a_pod_is_read(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	CLEANUP(buf_free) struct buf body = BUF_INITIALIZER(10000);
	struct json *object;
	struct error err;

	make_pod(&body);
	assert_int_equal(kubeapi_protobuf_read(arena, kubeapi_types_document(*state),
				 buf_str(&body), &object, &err),
		0);
	assert_string_equal(json_text(arena, object, 0).ptr,
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"labels\":{"
		"\"a\":\"\"}},"
		"\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{\"medium\":\"Memory\"}}],"
		"\"containers\":[{\"name\":\"c\",\"command\":[\"run\",\"\"],\"resources\":{"
		"\"limits\":{"
		"\"cpu\":\"100m\"}}}],\"terminationGracePeriodSeconds\":0,\"hostPID\":true}}");
}

static void a_message_that_is_cut_off_or_changed_does_no_harm(void **state)
{
	CLEANUP(buf_free) struct buf body = BUF_INITIALIZER(10000);
	const struct json *document = kubeapi_types_document(*state);
	struct json *object;

	make_pod(&body);
	for (size_t len = 0; len < body.len; len++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		char *copy = malloc(len + 1);
		memcpy(copy, body.ptr, len);
		kubeapi_protobuf_read(arena, document, str_n(copy, len), &object, NULL);
		free(copy);
	}
	for (size_t at = 0; at < body.len; at++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		body.ptr[at] ^= 0x55;
		kubeapi_protobuf_read(arena, document, buf_str(&body), &object, NULL);
		body.ptr[at] ^= 0x55;
	}
}

static void kinds_without_numbers_are_refused(void **state)
{
	static const char *const names[] = {"CustomResourceDefinition", "Widget", ""};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		CLEANUP(buf_free) struct buf body = BUF_INITIALIZER(10000);
		struct buf message = BUF_INITIALIZER(10);
		struct json *object;
		struct error err;
		put_envelope(&body, "v1", names[i], &message);
		assert_int_equal(kubeapi_protobuf_read(arena, kubeapi_types_document(*state),
					 buf_str(&body), &object, &err),
			-1);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_is_read),
		cmocka_unit_test(a_message_that_is_cut_off_or_changed_does_no_harm),
		cmocka_unit_test(kinds_without_numbers_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
