/*
 * http_tls.h - the server's side of HTTPS (GnuTLS, because libmicrohttpd is built with it): its own
 * certificate, which may change while it runs, and what a client's certificate says.
 *
 * A handshake may still use a certificate that has just been replaced, so the last few stay.
 */
#ifndef REEVE_NET_HTTP_TLS_H
#define REEVE_NET_HTTP_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "base/error.h"
#include "base/str.h"
#include "net/http_server.h"

#define HTTP_TLS_MAX_FILE ((size_t)1 << 20)
#define HTTP_TLS_MAX_CHAIN 16u
#define HTTP_TLS_MAX_NAMES 32u			/* of a client's certificate */
#define HTTP_TLS_MAX_NAME 256u			/* bytes of one; longer ones are passed over */
#define HTTP_TLS_LOOK_US (INT64_C(2) * 1000000) /* between looks at the files */

struct http_tls;

/* Reads the files. Errors name the file: missing, no PEM, the key of another certificate. */
int http_tls_new(struct http_tls **ret, const struct http_server_tls *config, struct error *err);
void http_tls_free(struct http_tls *tls); /* NULL accepted */

/* For the daemon. */
const char *http_tls_priorities(const struct http_tls *tls);
const char *http_tls_client_ca(const struct http_tls *tls); /* PEM; NULL: none is asked for */

/* Reads certificate and key again when the files have changed, at most every HTTP_TLS_LOOK_US. -1,
 * once for each change: they cannot be used, and those before stay. */
int http_tls_refresh(struct http_tls *tls, int64_t now_us, struct error *err);

/* The certificate to show now, and its key; valid at least for a handshake. */
void http_tls_current(struct http_tls *tls, gnutls_pcert_st **ret_chain, unsigned *ret_length,
	gnutls_privkey_t *ret_key);

/* What a client has proven with a certificate. */
struct http_tls_peer {
	bool is_verified; /* by a chain to the clients' CA, for use as a client, and not expired */
	size_t name_count;
	struct str
		names[HTTP_TLS_MAX_NAMES]; /* DNS names, URIs and addresses of mail, else the CN */
	char bytes[HTTP_TLS_MAX_NAMES * HTTP_TLS_MAX_NAME];
};

/* Freed with free(); NULL when the client has shown none, or memory is out. */
struct http_tls_peer *http_tls_peer_of(gnutls_session_t session);

#endif
