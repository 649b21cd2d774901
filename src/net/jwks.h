/*
 * jwks.h - an issuer's public keys, kept fresh: from a file, a URL, or both.
 *
 * A thread reads them at the start, then every hour, and at once when a token names a key that is
 * not known, because that is how an issuer's new key shows; such extra readings keep an interval.
 * What was read replaces what was there, so a withdrawn key ends. While the issuer cannot be
 * reached, the keys that there are stay.
 */
#ifndef REEVE_NET_JWKS_H
#define REEVE_NET_JWKS_H

#include "net/jwk_set.h"

#define JWKS_REFRESH_US (INT64_C(3600) * 1000000)
#define JWKS_RETRY_US (INT64_C(5) * 1000000) /* after a failure; doubled by each */
#define JWKS_RETRY_MAX_US (INT64_C(300) * 1000000)
#define JWKS_LEAST_INTERVAL_US (INT64_C(2) * 1000000) /* between readings for unknown keys */
#define JWKS_FETCH_TIMEOUT_US (INT64_C(10) * 1000000)
/* A request waits for a reading at most, and not at all while readings fail. */
#define JWKS_WAIT_US (INT64_C(3) * 1000000)
#define JWKS_MAX_WAITING 4u /* requests at once; others are answered by what is known */

struct jwks;

/* Strings are copied; at least one of url and file. */
struct jwks_config {
	const char *url;
	const char *file;
	const char *ca_file; /* of the URL's server; NULL: the system's */
	/* Called by the reading thread for each source that could not be read; NULL accepted. */
	void (*on_failure)(void *arg, const struct error *err);
	void *arg;
};

/* The file is read before it returns: ERROR_NOT_FOUND, ERROR_INVALID name it. A URL that does not
 * answer is no error here; it is tried again. */
int jwks_new(struct jwks **ret, const struct jwks_config *config, struct error *err);
void jwks_free(struct jwks *keys); /* NULL accepted */

/* As jwk_set_find(), from any thread. ERROR_UNAUTHENTICATED: there is no such key.
 * ERROR_UNAVAILABLE: it may be one that could not be read now. */
int jwks_find(struct jwks *keys, struct str id, enum jwk_algorithm algorithm, struct jwk **ret_key,
	struct error *err);

#endif
