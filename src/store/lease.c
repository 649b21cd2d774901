/*
 * lease.c - leases in a table: taken and renewed by compare-and-swap inside a write.
 */
#include "store/lease.h"

struct taking {
	struct str name, holder;
	int64_t now_us, duration_us;
	int64_t token;
};

/* The row of a lease; 0 when there is none. */
static int read_lease(struct sql *sql, struct str name, struct arena *arena, struct str *ret_holder,
	int64_t *ret_token, int64_t *ret_expires_us, struct error *err)
{
	struct sql_rows *rows;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT holder, token, expires_us FROM leases WHERE name = $1",
		    SQL_STR(name)) < 0)
		return -1;
	int result = sql_next(rows, err);
	if (result > 0) {
		*ret_holder = arena ? sql_str_copy(rows, 0, arena) : STR_NULL;
		*ret_token = sql_int(rows, 1);
		*ret_expires_us = sql_int(rows, 2);
	}
	sql_end(rows);
	return result;
}

#define LEASE_ARENA_MAX 4096

static int take(struct sql *sql, struct taking *taking, struct arena *arena, struct error *err)
{
	struct str holder = STR_NULL;
	int64_t token = 0, expires_us = 0;
	int found = read_lease(sql, taking->name, arena, &holder, &token, &expires_us, err);

	if (found < 0)
		return -1;
	bool is_ours = found && str_eq(holder, taking->holder);
	if (found && !is_ours && expires_us > taking->now_us)
		return error_set(err, ERROR_CONFLICT,
			"lease \"%" STR_F "\" is held by \"%" STR_F "\" for another %lld ms",
			STR_A(taking->name), STR_A(holder),
			(long long)((expires_us - taking->now_us) / 1000));
	/* A renewal in time keeps the number; every other taking gets a new one. */
	taking->token = is_ours && expires_us > taking->now_us ? token : token + 1;
	return SQL_RUN(sql, err,
		"INSERT INTO leases (name, holder, token, expires_us) VALUES ($1, $2, $3, $4) "
		"ON CONFLICT (name) DO UPDATE SET holder = $2, token = $3, expires_us = $4",
		SQL_STR(taking->name), SQL_STR(taking->holder), SQL_INT(taking->token),
		SQL_INT(taking->now_us + taking->duration_us));
}

static int take_work(struct sql *sql, void *argument, struct error *err)
{
	struct arena *arena = arena_new(LEASE_ARENA_MAX);
	int result = take(sql, argument, arena, err);

	arena_free(arena);
	return result;
}

int lease_take(struct store *store, struct str name, struct str holder, int64_t now_us,
	int64_t duration_us, int64_t *ret_token, struct error *err)
{
	struct taking taking = {
		.name = name, .holder = holder, .now_us = now_us, .duration_us = duration_us};

	if (store_write(store, take_work, &taking, err) < 0)
		return -1;
	*ret_token = taking.token;
	return 0;
}

int lease_check(struct sql *sql, struct str name, int64_t token, struct error *err)
{
	struct str holder;
	int64_t newest = 0, expires_us;

	if (read_lease(sql, name, NULL, &holder, &newest, &expires_us, err) < 0)
		return -1;
	if (newest != token)
		return error_set(err, ERROR_PRECONDITION,
			"lease \"%" STR_F "\" was taken over (fencing number %lld, ours is %lld)",
			STR_A(name), (long long)newest, (long long)token);
	return 0;
}

struct releasing {
	struct str name;
	int64_t token;
};

static int release_work(struct sql *sql, void *argument, struct error *err)
{
	const struct releasing *releasing = argument;

	return SQL_RUN(sql, err, "UPDATE leases SET expires_us = 0 WHERE name = $1 AND token = $2",
		SQL_STR(releasing->name), SQL_INT(releasing->token));
}

int lease_release(struct store *store, struct str name, int64_t token, struct error *err)
{
	struct releasing releasing = {name, token};

	return store_write(store, release_work, &releasing, err);
}
