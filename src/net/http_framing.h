/*
 * http_framing.h - where a request ends (RFC 9112, section 6).
 *
 * A gateway in front and this server must read the same end, or one request hides in another's
 * body. libmicrohttpd believes the first of several Content-Lengths, and Transfer-Encoding over
 * both, and takes whatever stands before a colon for a name; here whatever could be read in two
 * ways is refused, and the connection closed.
 */
#ifndef REEVE_NET_HTTP_FRAMING_H
#define REEVE_NET_HTTP_FRAMING_H

#include "net/http_exchange.h"

/* A sentence, or NULL when there is one way to read the head. */
const char *http_framing_fault(const struct http_exchange *exchange);

/* Whether a body follows the head; its length as far as the head tells it, else 0. */
bool http_framing_has_body(const struct http_exchange *exchange, size_t *ret_length);

/* Whether an unwanted body may be read to its end: of a known length up to HTTP_MAX_DRAIN, from one
 * who does not wait for "100 Continue". */
bool http_framing_is_bearable(const struct http_exchange *exchange, size_t length);

/* Ends the target where its parameters begin, in libmicrohttpd's memory: it would take them apart
 * there, which nobody reads, and a few hundred exceed that memory, at which it (0.9.75) never
 * answers. Called from the callback that comes before (MHD_OPTION_URI_LOG_CALLBACK). */
void http_framing_hide_query(const char *target);

#endif
