/*
 * postgres_test.h - databases for tests that run under tests/with-postgres.
 *
 * Without it REEVE_TEST_POSTGRES is not set and the same tests run on SQLite.
 */
#ifndef REEVE_TEST_POSTGRES_H
#define REEVE_TEST_POSTGRES_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline const char *postgres_test_folder(void)
{
	return getenv("REEVE_TEST_POSTGRES");
}

static inline void postgres_test_url(char *ret, size_t size, const char *database)
{
	snprintf(
		ret, size, "postgresql:///%s?host=%s&user=reeve", database, postgres_test_folder());
}

/* On the server itself, beside any store. False after a failure, which is printed. */
static inline bool postgres_test_run(const char *database, const char *statement)
{
	char url[256];

	postgres_test_url(url, sizeof(url), database);
	PGconn *handle = PQconnectdb(url);
	PQclear(PQexec(handle, "SET client_min_messages = error"));
	PGresult *result = PQexec(handle, statement);
	bool is_done = PQresultStatus(result) == PGRES_COMMAND_OK ||
		       PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!is_done)
		fprintf(stderr, "%s: %s", statement, PQerrorMessage(handle));
	PQclear(result);
	PQfinish(handle);
	return is_done;
}

static inline bool postgres_test_drop(const char *database)
{
	char text[128];

	snprintf(text, sizeof(text), "DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
	return postgres_test_run("postgres", text);
}

static inline bool postgres_test_create(const char *database)
{
	char text[128];

	snprintf(text, sizeof(text), "CREATE DATABASE %s", database);
	return postgres_test_drop(database) && postgres_test_run("postgres", text);
}

/* The URL of a store of this process's own: a file in the folder, or a database. */
static inline void test_store_url(char *ret, size_t size, const char *folder, const char *name)
{
	char database[64];

	snprintf(database, sizeof(database), "%s_%ld", name, (long)getpid());
	if (postgres_test_folder())
		postgres_test_url(ret, size, database);
	else
		snprintf(ret, size, "sqlite:%s/%s.db", folder, name);
}

/* As if nothing had been written to it; nobody has it open. */
static inline bool test_store_wipe(const char *folder, const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "%s_%ld", name, (long)getpid());
	if (postgres_test_folder())
		return postgres_test_create(text);
	for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end;
		end++) {
		snprintf(text, sizeof(text), "%s/%s.db%s", folder, name, *end);
		unlink(text);
	}
	return true;
}

#endif
