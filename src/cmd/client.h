/*
 * client.h - a signed client of a region's frontend, for subcommands.
 */
#ifndef REEVE_CMD_CLIENT_H
#define REEVE_CMD_CLIENT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/thread.h"
#include "data/json.h"

struct client;

/* Reads DIR/region.json (dir NULL: state_default_dir) and the credentials file it names.
 * ERROR_UNAVAILABLE when no region runs there; the sentence tells how to start one. */
int client_open(struct client **ret, const char *dir, struct stop *stop, struct error *err);

/* With what region.json would say. `stop` may be NULL. */
int client_open_url(struct client **ret, const char *url, const char *region,
	const char *credentials_file, struct stop *stop, struct error *err);
void client_close(struct client *client); /* NULL accepted */

/*
 * One signed request (SigV4, service execute-api). `path` begins with "/api/v0". A status >= 400 is
 * an error whose sentence is the frontend's reason (with its field errors). ret (NULL accepted) is
 * NULL for an empty answer.
 */
int client_call(struct client *client, struct arena *arena, const char *method, struct str path,
	const struct json *body, struct json **ret, struct error *err);

#endif
