/*
 * lease.h - one holder at a time, told by a number that only grows (a fencing token).
 *
 * Singletons (sentinel, dispatchers, reconcilers) hold a lease; a product's migrations include
 * LEASE_TABLE_SQL.
 */
#ifndef REEVE_STORE_LEASE_H
#define REEVE_STORE_LEASE_H

#include "store/store.h"

#define LEASE_TABLE_SQL                                                                    \
	"CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, " \
	"token BIGINT NOT NULL, expires_us BIGINT NOT NULL);"

/* Takes or renews. ret_token: this holder's fencing number. ERROR_CONFLICT while another holds it;
 * the sentence names the holder and the time left. */
int lease_take(struct store *store, struct str name, struct str holder, int64_t now_us,
	int64_t duration_us, int64_t *ret_token, struct error *err);

/* Inside a write: fails with ERROR_PRECONDITION unless `token` is the newest given out. */
int lease_check(struct sql *sql, struct str name, int64_t token, struct error *err);

int lease_release(struct store *store, struct str name, int64_t token, struct error *err);

#endif
