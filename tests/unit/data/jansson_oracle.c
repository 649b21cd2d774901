/*
 * jansson_oracle.c - what jansson makes of documents, for test_json_jansson.
 *
 * A process of its own: jansson and src/data/json both define json_equal() and others, and the
 * linker would let one call the other's. On standard input and output it speaks in frames: a
 * uint32_t length, then so many bytes. Each document is answered by one frame: 'A' and the document
 * in canonical form, 'R' for refused, or '?' where jansson has a limit that is not JSON's (numbers
 * have to fit a machine word, keys must not hold NUL, depth).
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_MAX (1u << 24)

static int answer(char verdict, const char *text)
{
	uint32_t length = (uint32_t)strlen(text) + 1;

	return fwrite(&length, sizeof(length), 1, stdout) == 1 &&
	       fwrite(&verdict, 1, 1, stdout) == 1 &&
	       fwrite(text, 1, length - 1, stdout) == length - 1 && fflush(stdout) == 0;
}

static int judge(const char *document, size_t length)
{
	json_error_t error;
	json_t *value = json_loadb(document, length,
		JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);

	if (!value) {
		enum json_error_code code = json_error_code(&error);
		int is_limit = code == json_error_numeric_overflow ||
			       code == json_error_null_byte_in_key ||
			       code == json_error_stack_overflow;
		return answer(is_limit ? '?' : 'R', "");
	}
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	int done = text && answer('A', text);
	free(text);
	json_decref(value);
	return done;
}

int main(void)
{
	uint32_t length;

	while (fread(&length, sizeof(length), 1, stdin) == 1) {
		char *document = length <= DOCUMENT_MAX ? malloc(length + 1) : NULL;
		if (!document || fread(document, 1, length, stdin) != length)
			return 1;
		int done = judge(document, length);
		free(document);
		if (!done)
			return 1;
	}
	return 0;
}
