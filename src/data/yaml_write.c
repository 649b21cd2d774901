/*
 * yaml_write.c - documents to YAML that a person would write: block style, strings bare where they
 * may be, text of several lines as a literal block.
 *
 * libyaml's emitter is not used: it wraps, folds and indents by its own taste, and this much is
 * shorter than steering it.
 */
#include "base/cleanup.h"
#include "data/json_scan.h"
#include "data/yaml.h"
#include "data/yaml_scalar.h"

#define INDENT 2u
#define SIMPLE_KEY_MAX 512u /* readers look at most 1024 bytes ahead for the ':' */

static void write_members(
	struct buf *out, const struct json *object, unsigned indent, bool is_first_inline);
static void write_items(
	struct buf *out, const struct json *array, unsigned indent, bool is_first_inline);

static void pad(struct buf *out, unsigned indent)
{
	for (unsigned i = 0; i < indent; i++)
		buf_add_byte(out, ' ');
}

/* --- characters ---------------------------------------------------------------------------- */

static uint32_t decode(const char *at, size_t length)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = (unsigned char)at[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)at[i] & 0x3f);
	return code;
}

/* Whether a reader takes the character as it is (YAML 1.2 section 5.1), and as one that does not
 * end a line. */
static bool is_printable(uint32_t code)
{
	return (code >= 0x20 && code < 0x7f) ||
	       (code >= 0xa0 && code <= 0xd7ff && code != 0x2028 && code != 0x2029) ||
	       (code >= 0xe000 && code <= 0xfffd && code != 0xfeff) || code >= 0x10000;
}

/* All characters printable, besides newlines when allowed. */
static bool is_clean(struct str text, bool allow_newlines)
{
	const char *end = text.ptr + text.len;

	for (const char *at = text.ptr; at < end;) {
		size_t length = json_utf8_length(at, end);
		if (length == 0)
			return false;
		if (!is_printable(decode(at, length)) && !(allow_newlines && *at == '\n'))
			return false;
		at += length;
	}
	return true;
}

/* --- scalars ------------------------------------------------------------------------------- */

/* Words that some reader of YAML 1.1 takes for something else. */
static bool is_word_of_old(struct str text)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "=", "<<"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_casecmp(text, str_of(words[i])) == 0)
			return true;
	return false;
}

static bool may_be_plain(struct str text)
{
	if (text.len == 0 || strchr("-?:,[]{}#&*!|>'\"%@` ", text.ptr[0]) || text.ptr[0] == '.' ||
		text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == ':')
		return false;
	if (str_find(text, STR(": ")) >= 0 || str_find(text, STR(" #")) >= 0)
		return false;
	return yaml_scalar_resolve(text) == YAML_SCALAR_STRING && !is_word_of_old(text) &&
	       is_clean(text, false);
}

/* Double quotes take anything. */
static void write_quoted(struct buf *out, struct str text)
{
	const char *end = text.ptr + text.len;

	buf_add_byte(out, '"');
	for (const char *at = text.ptr; at < end;) {
		size_t length = json_utf8_length(at, end);
		uint32_t code = length ? decode(at, length) : 0xfffd;
		if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (int)code);
		else if (code == '\n')
			buf_add_cstr(out, "\\n");
		else if (code == '\t')
			buf_add_cstr(out, "\\t");
		else if (is_printable(code) && length)
			buf_add(out, at, length);
		else
			buf_printf(out, "\\u%04x", code);
		at += length ? length : 1;
	}
	buf_add_byte(out, '"');
}

static bool may_be_literal(struct str text)
{
	return str_index(text, '\n') > 0 && text.ptr[0] != ' ' && is_clean(text, true);
}

/* "|" keeps the one newline at the end, "|-" says there is none, "|+" that there are more. */
static void write_literal(struct buf *out, struct str text, unsigned indent)
{
	bool ends_line = str_ends_with(text, STR("\n"));

	buf_add_cstr(out, !ends_line ? "|-\n" : str_ends_with(text, STR("\n\n")) ? "|+\n" : "|\n");
	if (ends_line)
		text.len--;
	while (!str_is_null(text)) {
		struct str line = str_cut(&text, '\n');
		if (line.len)
			pad(out, indent + INDENT);
		buf_add_str(out, line);
		buf_add_byte(out, '\n');
	}
}

/* A string, and the end of its line. */
static void write_string(struct buf *out, struct str text, unsigned indent)
{
	if (may_be_literal(text)) {
		write_literal(out, text, indent);
		return;
	}
	if (may_be_plain(text))
		buf_add_str(out, text);
	else
		write_quoted(out, text);
	buf_add_byte(out, '\n');
}

/* Text that was spliced into the document is read now. */
static void write_raw(struct buf *out, const struct json *raw)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(0);
	struct json *value;

	/* JSON in one line is YAML; parsing it takes out newlines, and proves that it is JSON. */
	if (!json_write(&text, raw, JSON_WRITE_COMPACT) ||
		json_parse(arena, buf_str(&text), NULL, &value, NULL) < 0) {
		out->failed = true;
		return;
	}
	json_write(out, value, JSON_WRITE_COMPACT);
	buf_add_byte(out, '\n');
}

/* What fits behind a key or a dash, and the end of the line. */
static void write_scalar(struct buf *out, const struct json *value, unsigned indent)
{
	switch (json_type(value)) {
	case JSON_STRING:
		write_string(out, json_str(value), indent);
		break;
	case JSON_RAW:
		write_raw(out, value);
		break;
	default: /* an empty collection too */
		json_write(out, value, JSON_WRITE_COMPACT);
		buf_add_byte(out, '\n');
	}
}

/* --- collections --------------------------------------------------------------------------- */

static void write_key(struct buf *out, struct str key, unsigned indent)
{
	bool is_simple = key.len <= SIMPLE_KEY_MAX;

	if (!is_simple)
		buf_add_cstr(out, "? ");
	if (may_be_plain(key))
		buf_add_str(out, key);
	else
		write_quoted(out, key);
	if (!is_simple) {
		buf_add_byte(out, '\n');
		pad(out, indent);
	}
	buf_add_byte(out, ':');
}

static void write_members(
	struct buf *out, const struct json *object, unsigned indent, bool is_first_inline)
{
	struct json *value;

	json_for_each (object, i, value) {
		if (i || !is_first_inline)
			pad(out, indent);
		write_key(out, json_key_at(object, i), indent);
		if (json_count(value) == 0) {
			buf_add_byte(out, ' ');
			write_scalar(out, value, indent);
			continue;
		}
		buf_add_byte(out, '\n');
		if (json_is(value, JSON_OBJECT))
			write_members(out, value, indent + INDENT, false);
		else
			write_items(out, value, indent, false);
	}
}

static void write_items(
	struct buf *out, const struct json *array, unsigned indent, bool is_first_inline)
{
	struct json *value;

	json_for_each (array, i, value) {
		if (i || !is_first_inline)
			pad(out, indent);
		buf_add_cstr(out, "- ");
		if (json_count(value) == 0)
			write_scalar(out, value, indent);
		else if (json_is(value, JSON_OBJECT))
			write_members(out, value, indent + INDENT, true);
		else
			write_items(out, value, indent + INDENT, true);
	}
}

bool yaml_write(struct buf *out, const struct json *value)
{
	if (json_count(value) == 0)
		write_scalar(out, value, 0);
	else if (json_is(value, JSON_OBJECT))
		write_members(out, value, 0, false);
	else
		write_items(out, value, 0, false);
	return !out->failed;
}
