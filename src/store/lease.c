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

static int read_token(struct sql *sql, struct lease *lease, int64_t *ret, struct error *err)
{
	struct sql_rows *rows;

	*ret = 0;
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT holder, token, expires_us FROM leases WHERE name = $1",
		    SQL_STR(lease->name)) < 0)
		return -1;
	int found = sql_next(rows, err);
	if (found == 1) {
		bool is_ours = str_eq(sql_str(rows, 0), lease->holder);
		int64_t left_us = sql_int(rows, 2) - lease->now_us;
		*ret = sql_int(rows, 1);
		if (left_us > 0 && !is_ours)
			found = error_set(err, ERROR_CONFLICT,
				"lease %" STR_F " is held by %" STR_F " for %lld.%03lld s more",
				STR_A(lease->name), STR_A(sql_str(rows, 0)),
				(long long)(left_us / CLOCK_US_PER_S),
				(long long)(left_us % CLOCK_US_PER_S / CLOCK_US_PER_MS));
		else if (left_us <= 0)
			*ret += 1;
	}
	sql_end(rows);
	return found < 0 ? -1 : 0;
}

static int take(struct sql *sql, void *argument, struct error *err)
{
	struct lease *lease = argument;

	if (read_token(sql, lease, &lease->token, err) < 0)
		return -1;
	if (lease->token == 0)
		lease->token = 1;
	return SQL_RUN(sql, err,
		"INSERT INTO leases (name, holder, token, expires_us) VALUES ($1, $2, $3, $4) "
		"ON CONFLICT (name) DO UPDATE SET holder = $2, token = $3, expires_us = $4",
		SQL_STR(lease->name), SQL_STR(lease->holder), SQL_INT(lease->token),
		SQL_INT(lease->now_us + lease->duration_us));
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
