/*
 * lease.c - one holder at a time, told by a number that only grows.
 *
 * A row per name stays for ever with the last number given out, also after a release, so that a
 * number never comes twice. A holder that lets its lease run out gets a new number even if nobody
 * else took it meanwhile: it cannot know.
 */
#include "store/lease.h"

#include "base/clock.h"

struct lease {
	struct str name;
	struct str holder;
	int64_t now_us;
	int64_t duration_us;
	int64_t token;
};

/* The sentence for a lease that was not given. */
static int refuse(struct sql *sql, const struct lease *lease, struct error *err)
{
	struct sql_rows *rows;

	if (SQL_QUERY(sql, &rows, err, "SELECT holder, expires_us FROM leases WHERE name = $1",
		    SQL_STR(lease->name)) < 0)
		return -1;
	int found = sql_next(rows, err);
	if (found == 1) {
		int64_t left_us = sql_int(rows, 1) - lease->now_us;
		error_set(err, ERROR_CONFLICT,
			"lease %" STR_F " is held by %" STR_F " for %lld.%03lld s more",
			STR_A(lease->name), STR_A(sql_str(rows, 0)),
			(long long)(left_us / CLOCK_US_PER_S),
			(long long)(left_us % CLOCK_US_PER_S / CLOCK_US_PER_MS));
	} else if (found == 0) {
		error_set(err, ERROR_CONFLICT, "lease %" STR_F " is held by another",
			STR_A(lease->name));
	}
	sql_end(rows);
	return -1;
}

/* One statement decides and writes, so that the rule holds also where writers run side by side:
 * of two that find a lease run out, the second sees what the first has made of the row. */
static int take(struct sql *sql, void *argument, struct error *err)
{
	struct lease *lease = argument;
	struct sql_rows *rows;

	if (SQL_QUERY(sql, &rows, err,
		    "INSERT INTO leases (name, holder, token, expires_us) VALUES ($1, $2, 1, $3) "
		    "ON CONFLICT (name) DO UPDATE SET holder = $2, expires_us = $3, "
		    "token = leases.token + CASE WHEN leases.expires_us <= $4 THEN 1 ELSE 0 END "
		    "WHERE leases.holder = $2 OR leases.expires_us <= $4 RETURNING token",
		    SQL_STR(lease->name), SQL_STR(lease->holder),
		    SQL_INT(lease->now_us + lease->duration_us), SQL_INT(lease->now_us)) < 0)
		return -1;
	int found = sql_next(rows, err);
	if (found == 1)
		lease->token = sql_int(rows, 0);
	sql_end(rows);
	if (found == 0)
		return refuse(sql, lease, err);
	return found < 0 ? -1 : 0;
}

int lease_take(struct store *store, struct str name, struct str holder, int64_t now_us,
	int64_t duration_us, int64_t *ret_token, struct error *err)
{
	struct lease lease = {name, holder, now_us, duration_us, 0};

	if (store_write(store, take, &lease, err) < 0)
		return -1;
	*ret_token = lease.token;
	return 0;
}

int lease_check(struct sql *sql, struct str name, int64_t token, struct error *err)
{
	struct sql_rows *rows;

	if (SQL_QUERY(sql, &rows, err, "SELECT token FROM leases WHERE name = $1", SQL_STR(name)) <
		0)
		return -1;
	int found = sql_next(rows, err);
	int64_t newest = found == 1 ? sql_int(rows, 0) : 0;
	sql_end(rows);
	if (found < 0)
		return -1;
	if (newest != token)
		return error_set(err, ERROR_PRECONDITION,
			"lease %" STR_F " has moved on: number %lld is out, this is %lld",
			STR_A(name), (long long)newest, (long long)token);
	return 0;
}

static int give_up(struct sql *sql, void *argument, struct error *err)
{
	const struct lease *lease = argument;

	return SQL_RUN(sql, err, "UPDATE leases SET expires_us = 0 WHERE name = $1 AND token = $2",
		SQL_STR(lease->name), SQL_INT(lease->token));
}

int lease_release(struct store *store, struct str name, int64_t token, struct error *err)
{
	struct lease lease = {.name = name, .token = token};

	return store_write(store, give_up, &lease, err);
}
