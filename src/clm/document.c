/*
 * document.c - see document.h.
 */
#include "clm/document.h"

#include <math.h>

#define NUMBER_SHOWN_MAX 40 /* bytes of a number in a sentence */

static bool holds_nul(struct str text)
{
	return text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
}

static bool is_zero(struct str text)
{
	for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++)
		if (text.ptr[i] >= '1' && text.ptr[i] <= '9')
			return false;
	return true;
}

static int check_number(const struct json *value, struct error *err)
{
	struct str text = json_number_text(value);
	double number = json_double(value, NAN);

	if (isfinite(number) && (number != 0 || is_zero(text)))
		return 0;
	return error_set(err, ERROR_INVALID,
		"the body holds the number %.*s%s, which is too %s to be read by others",
		(int)(text.len < NUMBER_SHOWN_MAX ? text.len : NUMBER_SHOWN_MAX), text.ptr,
		text.len > NUMBER_SHOWN_MAX ? "..." : "", number == 0 ? "small" : "large");
}

/* As deep as the parser lets a document be (JSON_MAX_DEPTH). */
int document_check(const struct json *document, struct error *err)
{
	bool is_object = json_is(document, JSON_OBJECT);
	const struct json *item;

	if (json_is(document, JSON_NUMBER))
		return check_number(document, err);
	if (holds_nul(json_str(document)))
		return error_set(
			err, ERROR_INVALID, "a text of the body holds the character U+0000");
	if (!is_object && !json_is(document, JSON_ARRAY))
		return 0;
	json_for_each (document, i, item) {
		if (is_object && holds_nul(json_key_at(document, i)))
			return error_set(err, ERROR_INVALID,
				"a name in the body holds the character U+0000");
		if (document_check(item, err) != 0)
			return -1;
	}
	return 0;
}
