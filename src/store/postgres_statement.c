/*
 * postgres_statement.c - PostgreSQL's statements: prepared once per connection, run, read.
 *
 * Each connection keeps its most recently used statements in a short list, found by their text (as
 * the SQLite driver does, for the same reasons). Values travel as text and the server finds their
 * types from where they stand. A result comes whole, so several may be open at once and outlive
 * their statement.
 */
#include "store/postgres.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_PARAMETERS 65535 /* of one statement; the protocol's */
#define NAME_BYTES 24
#define INTEGER_BYTES 32 /* of a number as text */

struct postgres_statement {
	struct postgres_statement *next;
	char name[NAME_BYTES];
	size_t length;
	char text[];
};

/* --- the cache ----------------------------------------------------------------------------- */

void postgres_forget_statements(struct postgres_connection *connection)
{
	while (connection->statements) {
		struct postgres_statement *first = connection->statements;
		connection->statements = first->next;
		free(first);
	}
	connection->statement_count = 0;
}

/* A transaction in which a statement failed takes none: then nothing is forgotten. */
static int forget_oldest(struct postgres_connection *connection, struct error *err)
{
	struct postgres_statement **oldest = &connection->statements;
	char text[NAME_BYTES + 16];

	while ((*oldest)->next)
		oldest = &(*oldest)->next;
	snprintf(text, sizeof(text), "DEALLOCATE %s", (*oldest)->name);
	if (postgres_run_script(&connection->sql, text, err) < 0)
		return -1;
	free(*oldest);
	*oldest = NULL;
	connection->statement_count--;
	return 0;
}

static struct postgres_statement *find(struct postgres_connection *connection, struct str text)
{
	for (struct postgres_statement **at = &connection->statements; *at; at = &(*at)->next) {
		struct postgres_statement *statement = *at;
		if (statement->length != text.len ||
			memcmp(statement->text, text.ptr, text.len) != 0)
			continue;
		*at = statement->next;
		statement->next = connection->statements;
		connection->statements = statement;
		return statement;
	}
	return NULL;
}

static int acquire(struct postgres_connection *connection, struct str text,
	struct postgres_statement **ret, struct error *err)
{
	struct postgres_statement *statement = find(connection, text);

	*ret = statement;
	if (statement)
		return 0;
	if (postgres_settle(connection, err) < 0)
		return -1;
	if (connection->statement_count == STORE_MAX_STATEMENTS &&
		forget_oldest(connection, err) < 0)
		return -1;
	statement = calloc(1, sizeof(*statement) + text.len + 1);
	if (!statement)
		return error_set(err, ERROR_MEMORY, "no memory to prepare a statement");
	memcpy(statement->text, text.ptr, text.len);
	statement->length = text.len;
	snprintf(statement->name, sizeof(statement->name), "s%llu",
		(unsigned long long)++connection->statement_number);
	PGresult *result = PQprepare(connection->handle, statement->name, statement->text, 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		free(statement);
		return postgres_fail(connection, result, "cannot prepare a statement", err);
	}
	PQclear(result);
	statement->next = connection->statements;
	connection->statements = statement;
	connection->statement_count++;
	*ret = statement;
	return 0;
}

int postgres_prepare(struct postgres_connection *connection, struct str text, struct error *err)
{
	struct postgres_statement *statement;

	return acquire(connection, text, &statement, err);
}

/* --- values -------------------------------------------------------------------------------- */

static int set_text(
	struct arena *arena, const struct sql_value *value, const char **ret, struct error *err)
{
	if (memchr(value->text.ptr, '\0', value->text.len))
		return error_set(err, ERROR_INVALID, "a text holds the character U+0000");
	*ret = arena_str(arena, value->text).ptr; /* ends in a zero byte */
	return 0;
}

static int set_parameter(
	struct arena *arena, const struct sql_value *value, const char **ret, struct error *err)
{
	char *number;

	*ret = NULL;
	switch (value->type) {
	case SQL_NULL:
		return 0;
	case SQL_TEXT:
		return set_text(arena, value, ret, err);
	case SQL_BLOB:
		*ret = value->text.ptr ? value->text.ptr : "";
		return 0;
	case SQL_INTEGER:
	case SQL_REAL:
		break;
	}
	number = arena_alloc(arena, INTEGER_BYTES);
	if (!number)
		return error_set(err, ERROR_MEMORY, "no memory for a statement's values");
	if (value->type == SQL_INTEGER)
		snprintf(number, INTEGER_BYTES, "%lld", (long long)value->integer);
	else
		snprintf(number, INTEGER_BYTES, "%.17g", value->real);
	*ret = number;
	return 0;
}

static int set_parameters(struct arena *arena, const struct sql_value *values, size_t count,
	struct postgres_parameters *ret, struct error *err)
{
	if (count > MAX_PARAMETERS)
		return error_set(err, ERROR_TOO_LARGE, "a statement has more than %d values",
			MAX_PARAMETERS);
	ret->count = (int)count;
	ret->texts = arena_calloc(arena, count + 1, sizeof(*ret->texts));
	ret->lengths = arena_calloc(arena, count + 1, sizeof(*ret->lengths));
	ret->formats = arena_calloc(arena, count + 1, sizeof(*ret->formats));
	if (!ret->texts || !ret->lengths || !ret->formats)
		return error_set(err, ERROR_MEMORY, "no memory for a statement's values");
	for (size_t i = 0; i < count; i++) {
		if (set_parameter(arena, &values[i], &ret->texts[i], err) < 0)
			return -1;
		ret->formats[i] = values[i].type == SQL_BLOB;
		ret->lengths[i] = values[i].type == SQL_BLOB ? (int)values[i].text.len : 0;
	}
	return arena_is_exhausted(arena)
		       ? error_set(err, ERROR_MEMORY, "no memory for a statement's values")
		       : 0;
}

/* --- running ------------------------------------------------------------------------------- */

/* SQLite wants the word INTEGER for a row's own number, which there has 64 bits. */
static struct str with_wide_keys(struct arena *arena, const char *text)
{
	static const char narrow[] = "INTEGER PRIMARY KEY", wide[] = "BIGINT PRIMARY KEY";
	struct str done = STR("");
	const char *at;

	while ((at = strstr(text, narrow)) != NULL) {
		done = arena_printf(
			arena, "%" STR_F "%.*s%s", STR_A(done), (int)(at - text), text, wide);
		text = at + strlen(narrow);
	}
	return arena_printf(arena, "%" STR_F "%s", STR_A(done), text);
}

int postgres_run_script(struct sql *sql, const char *text, struct error *err)
{
	struct postgres_connection *connection = postgres_of(sql);

	if (strstr(text, "INTEGER PRIMARY KEY")) {
		arena_reset(connection->values);
		text = with_wide_keys(connection->values, text).ptr;
		if (!text)
			return error_set(err, ERROR_MEMORY, "no memory for a script");
	}
	if (postgres_settle(connection, err) < 0)
		return -1;
	PGresult *result = PQexec(connection->handle, text);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		return postgres_fail(connection, result, "cannot run", err);
	PQclear(result);
	return 0;
}

/* The parameters live in connection->values until the next statement. */
static int make_ready(struct postgres_connection *connection, struct str text,
	const struct sql_value *values, size_t count, struct postgres_statement **ret,
	struct postgres_parameters *ret_parameters, struct error *err)
{
	arena_reset(connection->values);
	if (set_parameters(connection->values, values, count, ret_parameters, err) < 0)
		return -1;
	return acquire(connection, text, ret, err);
}

int postgres_execute(struct postgres_connection *connection, struct str text,
	const struct sql_value *values, size_t count, PGresult **ret, struct error *err)
{
	struct postgres_statement *statement;
	struct postgres_parameters parameters;

	if (make_ready(connection, text, values, count, &statement, &parameters, err) < 0)
		return -1;
	return postgres_await(connection, statement->name, &parameters, ret, err);
}

int postgres_run_later(struct sql *sql, struct str text, const struct sql_value *values,
	size_t count, struct error *err)
{
	struct postgres_connection *connection = postgres_of(sql);
	struct postgres_statement *statement;
	struct postgres_parameters parameters;

	if (make_ready(connection, text, values, count, &statement, &parameters, err) < 0)
		return -1;
	return postgres_queue(connection, statement->name, &parameters, err);
}

int postgres_run(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err)
{
	PGresult *result;

	if (postgres_execute(postgres_of(sql), text, values, count, &result, err) < 0)
		return -1;
	if (ret_changed)
		*ret_changed = strtoll(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	return 0;
}

int postgres_query(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err)
{
	struct postgres_connection *connection = postgres_of(sql);
	struct postgres_rows *rows = arena_new_of(connection->arena, struct postgres_rows);
	if (!rows)
		return error_set(err, ERROR_MEMORY, "too many queries in one transaction");
	if (postgres_run_later(sql, text, values, count, err) < 0)
		return -1;
	*rows = (struct postgres_rows){.rows = {sql},
		.connection = connection,
		.at = -1,
		.place = connection->sent,
		.next = connection->open};
	connection->open = rows;
	*ret = &rows->rows;
	return 0;
}

static int fetch(struct postgres_rows *self, struct error *err)
{
	uint64_t place = self->place;

	if (place == 0)
		return 0;
	if (postgres_fetch(self->connection, place, err) == 0)
		return 0;
	postgres_end(&self->rows);
	return -1;
}

int postgres_next(struct sql_rows *rows, struct error *err)
{
	struct postgres_rows *self = (struct postgres_rows *)rows;

	if (fetch(self, err) < 0)
		return -1;
	if (!self->result)
		return 0;
	if (++self->at < PQntuples(self->result))
		return 1;
	postgres_end(rows);
	return 0;
}

void postgres_end(struct sql_rows *rows)
{
	struct postgres_rows *self = (struct postgres_rows *)rows;

	if (!self->result && self->place == 0)
		return;
	PQclear(self->result);
	self->result = NULL;
	self->place = 0;
	for (struct postgres_rows **at = &self->connection->open; *at; at = &(*at)->next) {
		if (*at == self) {
			*at = self->next;
			break;
		}
	}
}

void postgres_end_work(struct sql *sql)
{
	struct postgres_connection *connection = postgres_of(sql);

	while (connection->open)
		postgres_end(&connection->open->rows);
	arena_reset(connection->arena);
}

/* --- columns ------------------------------------------------------------------------------- */

int postgres_columns(struct sql_rows *rows)
{
	struct postgres_rows *self = (struct postgres_rows *)rows;

	return fetch(self, NULL) == 0 ? PQnfields(self->result) : 0;
}

const char *postgres_column_name(struct sql_rows *rows, int column)
{
	return PQfname(((struct postgres_rows *)rows)->result, column);
}

/* The numbers that the server gives these types (pg_type.dat), the same in every version. */
enum sql_type postgres_column_type(struct sql_rows *rows, int column)
{
	enum { BYTEA = 17, INT8 = 20, INT2 = 21, INT4 = 23, FLOAT4 = 700, FLOAT8 = 701 };

	if (postgres_is_null(rows, column))
		return SQL_NULL;
	switch (PQftype(((struct postgres_rows *)rows)->result, column)) {
	case INT2:
	case INT4:
	case INT8:
		return SQL_INTEGER;
	case FLOAT4:
	case FLOAT8:
		return SQL_REAL;
	case BYTEA:
		return SQL_BLOB;
	default:
		return SQL_TEXT;
	}
}

bool postgres_is_null(struct sql_rows *rows, int column)
{
	const struct postgres_rows *self = (struct postgres_rows *)rows;

	return !self->result || self->at < 0 || PQgetisnull(self->result, self->at, column);
}

/* As the other driver has it: NULL is 0, true is 1. */
int64_t postgres_integer(struct sql_rows *rows, int column)
{
	struct str text = postgres_text(rows, column);

	if (text.len == 0)
		return 0;
	return text.ptr[0] == 't' ? 1 : strtoll(text.ptr, NULL, 10);
}

double postgres_real(struct sql_rows *rows, int column)
{
	struct str text = postgres_text(rows, column);

	return text.len == 0 ? 0 : strtod(text.ptr, NULL);
}

struct str postgres_text(struct sql_rows *rows, int column)
{
	const struct postgres_rows *self = (struct postgres_rows *)rows;

	if (postgres_is_null(rows, column))
		return STR_NULL;
	return str_n(PQgetvalue(self->result, self->at, column),
		(size_t)PQgetlength(self->result, self->at, column));
}
