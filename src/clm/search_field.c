/*
 * search_field.c - see search_field.h. The one place that knows how the two databases read JSON.
 */
#include "clm/search_field.h"

#include "base/cleanup.h"
#include "data/json.h"

#define SPEC_PATH_MAX (2 * TSL_MAX_LENGTH)

static const struct {
	const char *name;
	enum field_type type;
} columns[] = {
	{"id", FIELD_TEXT},
	{"name", FIELD_TEXT},
	{"kind", FIELD_TEXT},
	{"generation", FIELD_INTEGER},
	{"created_time", FIELD_TIME},
	{"updated_time", FIELD_TIME},
	{"deleted_time", FIELD_TIME},
	{"created_by", FIELD_TEXT},
	{"updated_by", FIELD_TEXT},
	{"deleted_by", FIELD_TEXT},
	{"href", FIELD_TEXT},
	{"owner_id", FIELD_TEXT},
	{"owner_kind", FIELD_TEXT},
	{"owner_href", FIELD_TEXT},
	{"tenancy", FIELD_TEXT},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

/* --- clause ---------------------------------------------------------------------------------- */

void search_append(struct arena *arena, struct search_clause *clause, const char *text)
{
	clause->text = arena_printf(arena, "%" STR_F "%s", STR_A(clause->text), text);
}

int search_bind(struct arena *arena, struct search_clause *clause, struct sql_value value,
	const char *cast, struct error *err)
{
	if (clause->value_count == SEARCH_MAX_VALUES)
		return error_set(
			err, ERROR_INVALID, "a search has at most %u values", SEARCH_MAX_VALUES);
	clause->values[clause->value_count++] = value;
	clause->text = arena_printf(arena, "%" STR_F "$%zu%s", STR_A(clause->text),
		clause->value_count, clause->dialect == SQL_POSTGRESQL ? cast : "");
	return 0;
}

/* --- finding --------------------------------------------------------------------------------- */

static int no_field(const struct tsl *name, struct error *err)
{
	return error_set(err, ERROR_INVALID,
		"field '%" STR_F "' cannot be searched; the columns of a resource, labels.<key>, "
		"spec.<path> and status.conditions.<Type> can",
		STR_A(name->text));
}

static bool is_condition_type(struct str type)
{
	for (size_t i = 0; i < type.len; i++) {
		char c = type.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
			return false;
	}
	return type.len > 0 && type.ptr[0] >= 'A' && type.ptr[0] <= 'Z';
}

static int find_condition(const struct tsl *name, struct field *ret, struct error *err)
{
	static const struct {
		const char *name;
		enum field_type type;
	} members[] = {
		{"last_updated_time", FIELD_CONDITION_TIME},
		{"last_transition_time", FIELD_CONDITION_TIME},
		{"observed_generation", FIELD_CONDITION_GENERATION},
	};

	if (name->part_count < 3 || name->part_count > 4 || !str_eq_c(name->parts[1], "conditions"))
		return no_field(name, err);
	ret->key = name->parts[2];
	if (!is_condition_type(ret->key))
		return error_set(err, ERROR_INVALID,
			"a condition type is a capital letter with letters and digits behind it, "
			"is '%" STR_F "'",
			STR_A(ret->key));
	ret->type = FIELD_STATUS;
	ret->column = "status";
	if (name->part_count == 3)
		return 0;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!str_eq_c(name->parts[3], members[i].name))
			continue;
		ret->type = members[i].type;
		ret->column = members[i].name;
		return 0;
	}
	return no_field(name, err);
}

/* Unquoted, all behind "labels." is the key: example.com/tier. */
static int find_label(const struct tsl *name, struct field *ret, struct error *err)
{
	size_t prefix = sizeof("labels.") - 1;

	if (name->part_count < 2 || (name->is_quoted && name->part_count != 2))
		return no_field(name, err);
	ret->type = FIELD_LABEL;
	ret->key = name->is_quoted ? name->parts[1] : str_slice(name->text, prefix, name->text.len);
	return 0;
}

/* SQLite's paths have no way to write a quote within a key. */
static int find_spec(const struct tsl *name, struct field *ret, struct error *err)
{
	ret->type = FIELD_SPEC;
	ret->path = name->parts + 1;
	ret->path_count = name->part_count - 1;
	for (size_t i = 0; i < ret->path_count; i++)
		if (str_index(ret->path[i], '"') >= 0)
			return error_set(err, ERROR_INVALID,
				"field '%" STR_F "' cannot be searched: a key holds a quote",
				STR_A(name->text));
	return 0;
}

int search_field_find(const struct tsl *name, struct field *ret, struct error *err)
{
	*ret = (struct field){.name = name->text};
	if (name->type != TSL_NAME)
		return error_set(err, ERROR_INVALID,
			"failed to parse search query: expected a field at '%" STR_F "'",
			STR_A(name->text));
	if (str_eq_c(name->parts[0], "labels"))
		return find_label(name, ret, err);
	if (str_eq_c(name->parts[0], "status"))
		return find_condition(name, ret, err);
	if (str_eq_c(name->parts[0], "spec") && name->part_count > 1)
		return find_spec(name, ret, err);
	for (size_t i = 0; i < COLUMN_COUNT && name->part_count == 1; i++) {
		if (!str_eq_c(name->parts[0], columns[i].name))
			continue;
		ret->type = columns[i].type;
		ret->column = columns[i].name;
		return 0;
	}
	return no_field(name, err);
}

/* --- reading --------------------------------------------------------------------------------- */

/* $."a"."b": SQLite's path of the spec. */
static int sqlite_path(
	struct arena *arena, const struct field *field, struct str *ret, struct error *err)
{
	CLEANUP(buf_free) struct buf path = BUF_INITIALIZER(SPEC_PATH_MAX);

	buf_add_byte(&path, '$');
	for (size_t i = 0; i < field->path_count; i++)
		buf_printf(&path, ".\"%" STR_F "\"", STR_A(field->path[i]));
	*ret = path.failed ? STR_NULL : arena_str(arena, buf_str(&path));
	return str_is_null(*ret) ? error_set(err, ERROR_MEMORY, "no room for a search") : 0;
}

/* The values that a piece of SQL text refers to are numbered by where they came. */
static void append_numbered(
	struct arena *arena, struct search_clause *clause, const char *before, size_t number)
{
	clause->text = arena_printf(arena, "%" STR_F "%s$%zu", STR_A(clause->text), before, number);
}

static int append_spec_sqlite(struct arena *arena, struct search_clause *clause,
	const struct field *field, bool as_number, struct error *err)
{
	struct str path;

	if (sqlite_path(arena, field, &path, err) != 0)
		return -1;
	search_append(arena, clause,
		as_number ? "(CASE WHEN json_type(spec, " : "(CASE json_type(spec, ");
	if (search_bind(arena, clause, SQL_STR(path), "", err) != 0)
		return -1;
	size_t number = clause->value_count;
	append_numbered(arena, clause,
		as_number ? ") IN ('integer', 'real') THEN json_extract(spec, "
			  : ") WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
			    "ELSE CAST(json_extract(spec, ",
		number);
	search_append(arena, clause, as_number ? ") END)" : ") AS TEXT) END)");
	return 0;
}

static int append_spec_postgres(struct arena *arena, struct search_clause *clause,
	const struct field *field, bool as_number, struct error *err)
{
	size_t first = clause->value_count + 1;

	search_append(arena, clause,
		as_number ? "(CASE WHEN jsonb_typeof(spec::jsonb #> ARRAY["
			  : "(spec::jsonb #>> ARRAY[");
	for (size_t i = 0; i < field->path_count; i++) {
		if (i > 0)
			search_append(arena, clause, ", ");
		if (search_bind(arena, clause, SQL_STR(field->path[i]), "::text", err) != 0)
			return -1;
	}
	if (!as_number) {
		search_append(arena, clause, "])");
		return 0;
	}
	search_append(arena, clause, "]) = 'number' THEN (spec::jsonb #>> ARRAY[");
	for (size_t i = 0; i < field->path_count; i++)
		append_numbered(arena, clause, i > 0 ? ", " : "", first + i);
	search_append(arena, clause, "])::numeric END)");
	return 0;
}

static int append_member(struct arena *arena, struct search_clause *clause,
	const struct field *field, struct error *err)
{
	bool is_sqlite = clause->dialect == SQL_SQLITE;

	clause->text = arena_printf(arena,
		is_sqlite ? "%" STR_F
			    "(SELECT json_extract(value, '$.%s') FROM json_each(conditions) "
			    "WHERE json_extract(value, '$.type') = "
			  : "%" STR_F
			    "(SELECT c ->> '%s' FROM jsonb_array_elements(conditions::jsonb) "
			    "AS c WHERE c ->> 'type' = ",
		STR_A(clause->text), field->column);
	if (search_bind(arena, clause, SQL_STR(field->key), "::text", err) != 0)
		return -1;
	search_append(arena, clause, ")");
	return 0;
}

int search_field_append(struct arena *arena, struct search_clause *clause,
	const struct field *field, bool as_number, struct error *err)
{
	bool is_sqlite = clause->dialect == SQL_SQLITE;
	int result;

	switch (field->type) {
	case FIELD_TEXT:
	case FIELD_INTEGER:
	case FIELD_TIME:
		search_append(arena, clause, field->column);
		return 0;
	case FIELD_LABEL:
		search_append(arena, clause,
			is_sqlite ? "(SELECT value FROM json_each(labels) WHERE key = "
				  : "(labels::jsonb ->> ");
		result = search_bind(arena, clause, SQL_STR(field->key), "::text", err);
		search_append(arena, clause, ")");
		return result;
	case FIELD_SPEC:
		return is_sqlite ? append_spec_sqlite(arena, clause, field, as_number, err)
				 : append_spec_postgres(arena, clause, field, as_number, err);
	case FIELD_STATUS:
		return append_member(arena, clause, field, err);
	case FIELD_CONDITION_TIME:
		clause->is_fleeting = true; /* resource_refresh() */
		/* Fractions are written without trailing zeros: without the Z they sort as text. */
		search_append(arena, clause, "rtrim(");
		result = append_member(arena, clause, field, err);
		search_append(arena, clause, is_sqlite ? ", 'Z')" : ", 'Z') COLLATE \"C\"");
		return result;
	case FIELD_CONDITION_GENERATION:
		search_append(arena, clause, "CAST(");
		result = append_member(arena, clause, field, err);
		search_append(arena, clause, " AS BIGINT)");
		return result;
	}
	return error_set(err, ERROR_INTERNAL, "a field without a type");
}
