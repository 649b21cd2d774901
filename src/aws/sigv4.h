/*
 * sigv4.h - AWS Signature Version 4: signing and verifying requests.
 *
 * Algorithm AWS4-HMAC-SHA256, in the Authorization header or presigned in the query. Paths are
 * normalised and encoded once more as every service but S3 expects.
 */
#ifndef REEVE_AWS_SIGV4_H
#define REEVE_AWS_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "net/http_server.h"

#define SIGV4_MAX_SKEW_US (INT64_C(300) * 1000000) /* five minutes, as API Gateway */
#define SIGV4_MAX_EXPIRES_S 604800		   /* presigned: seven days */
#define SIGV4_MAX_SIGNED_HEADERS 64

/* The request as it went over the wire. */
struct sigv4_request {
	struct str method;
	struct str target; /* path and query, undecoded */
	const struct http_header *headers;
	size_t header_count;
	struct str body;
};

/* Who a request claims to be; parsed before the key is known. */
struct sigv4_claim {
	struct str access_key;
	struct str region;
	struct str service;
	struct str security_token; /* null when absent */
	int64_t signed_at_us;
	bool is_presigned;
};

/* ERROR_UNAUTHENTICATED: no signature, or its form is wrong; the sentence tells which part. */
int sigv4_claim(struct arena *arena, const struct sigv4_request *request, struct sigv4_claim *ret,
	struct error *err);

/* The whole check with the key's secret. `region`, `service`: what this server expects. Errors
 * ERROR_UNAUTHENTICATED / ERROR_FORBIDDEN name the part that disagrees (date window, region,
 * service, signed headers, payload hash, signature) and never the secret or the expected signature.
 */
int sigv4_verify(struct arena *arena, const struct sigv4_request *request, struct str secret,
	struct str region, struct str service, int64_t now_us, struct error *err);

struct sigv4_credentials {
	struct str access_key;
	struct str secret_key;
	struct str session_token; /* null when absent */
};

/* The headers to add (host must be among request->headers): x-amz-date, x-amz-content-sha256 when
 * asked, x-amz-security-token, authorization. In the arena. */
int sigv4_sign(struct arena *arena, const struct sigv4_request *request,
	const struct sigv4_credentials *credentials, struct str region, struct str service,
	int64_t now_us, bool content_hash_header, struct http_header **ret, size_t *ret_count,
	struct error *err);

/* The intermediate texts, for the test-suite vectors. */
int sigv4_canonical_request(struct arena *arena, const struct sigv4_request *request,
	struct str signed_headers, struct str payload_hash, struct str *ret, struct error *err);

#endif
