/*
 * kubeconfig.h - the files that say where a cluster is and who one is there.
 */
#ifndef REEVE_KUBE_KUBECONFIG_H
#define REEVE_KUBE_KUBECONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define KUBECONFIG_MAX_BYTES ((size_t)1 << 20) /* of the file, and of each file it names */

/* Texts end in NUL and live in the arena; NULL where the file says nothing. */
struct kubeconfig {
	const char *server; /* without '/' at the end */
	const char *ca_pem;
	const char *client_cert_pem;
	const char *client_key_pem;
	const char *token;
	const char *token_file; /* read again as it is rotated */
	const char *username;
	const char *password;
	bool insecure;
};

/* What the current context selects. ERROR_INVALID and the like name the file and the field. */
int kubeconfig_load(
	struct arena *arena, const char *path, struct kubeconfig *ret, struct error *err);

/* A whole file of at most KUBECONFIG_MAX_BYTES. */
int kubeconfig_read_file(struct arena *arena, const char *path, struct str *ret, struct error *err);

#endif
