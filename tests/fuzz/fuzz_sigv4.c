/*
 * fuzz_sigv4.c - any request line and headers through claim and verify.
 *
 * Input: method, target and headers as on the wire, one per line, an empty line, the body. Nothing
 * may be accepted: the fuzzer does not know the secret.
 */
#include <stdint.h>
#include <stdlib.h>

#include "aws/sigv4.h"

#define MAX_HEADERS 64
#define FUZZ_ARENA_MAX ((size_t)16 << 20)
#define NOW_US INT64_C(1767268800000000) /* 2026-01-01T12:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(FUZZ_ARENA_MAX);
	struct str rest = str_n((const char *)data, size), line = str_cut(&rest, '\n');
	struct http_header headers[MAX_HEADERS];
	struct sigv4_request request = {.method = str_cut(&line, ' '), .headers = headers};
	struct sigv4_claim claim;
	struct error err;

	request.target = line.ptr ? line : STR("");
	while (!str_is_null(rest) && request.header_count < MAX_HEADERS) {
		struct str value = str_cut(&rest, '\n'), name;
		if (value.len == 0)
			break;
		name = str_cut(&value, ':');
		headers[request.header_count++] =
			(struct http_header){name, value.ptr ? value : STR("")};
	}
	request.body = rest.ptr ? rest : STR("");
	if (sigv4_claim(arena, &request, &claim, &err) == 0 && claim.access_key.len == 0)
		abort();
	if (sigv4_verify(arena, &request, STR("a secret that no input has"), STR("us-east-1"),
		    STR("execute-api"), NOW_US, &err) == 0)
		abort();
	arena_free(arena);
	return 0;
}
