/*
 * postgres_error.c - what PostgreSQL's condition codes mean to whoever called the store.
 *
 * The sentence of a broken rule is the one that SQLite gives (table.column), so that code above
 * reads one form. What libpq says never holds a password; a URL might, and is not printed.
 */
#include "store/postgres.h"

#include <stdio.h>

/* By the whole code first, then by its class; in this order. */
static const struct {
	const char *state;
	enum error_code code;
} codes[] = {
	{"23502", ERROR_INVALID}, /* not null */
	{"23514", ERROR_INVALID}, /* check */
	{"23", ERROR_CONFLICT},	  /* unique, foreign key, exclusion */
	{"22", ERROR_INVALID},	  /* a value that its column cannot hold */
	{"53100", ERROR_NO_SPACE},
	{"53", ERROR_UNAVAILABLE},    /* connections, memory */
	{"54", ERROR_TOO_LARGE},      /* the server's limits */
	{"55P03", ERROR_UNAVAILABLE}, /* a lock was not free in time */
	{"57", ERROR_UNAVAILABLE},    /* shut down, cancelled, starting */
	{"08", ERROR_UNAVAILABLE},
	{"28", ERROR_UNAVAILABLE},    /* who we are */
	{"3D", ERROR_UNAVAILABLE},    /* no such database */
	{"58", ERROR_UNAVAILABLE},    /* files of the server */
	{"40", ERROR_UNAVAILABLE},    /* serialization, deadlock: try again */
	{"25006", ERROR_UNAVAILABLE}, /* a server that only reads: a standby */
	{"XX001", ERROR_UNAVAILABLE}, /* damaged */
	{"XX002", ERROR_UNAVAILABLE},
};

static enum error_code code_of(const char *state)
{
	for (size_t i = 0; state && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strncmp(state, codes[i].state, strlen(codes[i].state)) == 0)
			return codes[i].code;
	return ERROR_INTERNAL;
}

/* `Key (kind, name)=(a, b) already exists.` as `resources.kind, resources.name`. */
static void add_columns(char *out, size_t size, const char *table, const char *detail)
{
	const char *from = detail ? strchr(detail, '(') : NULL;
	const char *to = from ? strstr(from, ")=") : NULL;
	size_t used = 0;

	out[0] = '\0';
	for (const char *name = from ? from + 1 : NULL, *next; to && name < to; name = next) {
		next = name;
		while (next < to && *next != ',')
			next++;
		int added = snprintf(out + used, size - used, "%s%s.%.*s", used ? ", " : "", table,
			(int)(next - name), name);
		if (added < 0 || (used += (size_t)added) >= size)
			return;
		while (next < to && (*next == ',' || *next == ' '))
			next++;
	}
}

static int fail_rule(
	const PGresult *result, const char *state, enum error_code code, struct error *err)
{
	const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	char columns[256] = "";

	if (strcmp(state, "23505") == 0 && table)
		add_columns(columns, sizeof(columns), table,
			PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
	if (columns[0])
		return error_set(err, code, "UNIQUE constraint failed: %s", columns);
	return error_set(err, code, "%s", primary ? primary : "a rule of the database is broken");
}

/* libpq's messages end in a newline and may have several lines; the first is the sentence. */
static int first_line(const char *message)
{
	return (int)strcspn(message, "\n");
}

int postgres_fail(struct postgres_connection *connection, PGresult *result, const char *what,
	struct error *err)
{
	const char *name = connection->database->name;
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	enum error_code code = code_of(state);

	if (!message)
		message = PQerrorMessage(connection->handle);
	if (PQstatus(connection->handle) != CONNECTION_OK)
		error_set(err, code == ERROR_NO_SPACE ? code : ERROR_UNAVAILABLE,
			"the connection to database %s was lost (%.*s); try again", name,
			first_line(message), message);
	else if (code == ERROR_CONFLICT || (code == ERROR_INVALID && state[1] == '3'))
		fail_rule(result, state, code, err);
	else if (code == ERROR_INVALID || code == ERROR_TOO_LARGE) /* for who sent the value */
		error_set(err, code, "%.*s", first_line(message), message);
	else if (code == ERROR_NO_SPACE)
		error_set(err, code, "no space left on the disk of database %s", name);
	else
		error_set(err, code, "database %s: %s: %.*s", name, what, first_line(message),
			message);
	PQclear(result);
	return -1;
}
