/*
 * state.h - the folder in which a region on one machine keeps everything.
 *
 *	DIR/lock                      held while the region runs
 *	DIR/state.json                layout version, and what must stay the same
 *	DIR/region.json               where everything is; there only while the region is up
 *	DIR/clm.db, DIR/maestro.db    the products' databases
 *	DIR/keys.json, credentials    access keys, and the same for aws and boto3
 *	DIR/broker/                   mosquitto's files
 *	DIR/management-clusters/NAME/ one management cluster's files
 *
 * One process owns the folder at a time.
 */
#ifndef REEVE_LOCAL_STATE_H
#define REEVE_LOCAL_STATE_H

#include <stdint.h>

#include "base/error.h"
#include "data/json.h"

struct state;

#define STATE_LAYOUT 1 /* of the folder; a newer one is refused */
#define STATE_PATH_MAX 1024

/* The folder to use when none is named: $REEVE_DIR, $XDG_STATE_HOME/reeve or ~/.local/state/reeve.
 * Longer paths are refused (ERROR_TOO_LARGE), never cut. */
int state_default_dir(char out[STATE_PATH_MAX], struct error *err);

/* Makes the folder (mode 0700) when missing, locks it, reads state.json. ERROR_CONFLICT: in use by
 * another process (its id), or written by a newer version. ERROR_INVALID: damaged, and what to do.
 */
int state_open(struct state **ret, const char *dir, struct error *err);
void state_close(struct state *state); /* NULL accepted */

const char *state_dir(const struct state *state);

/* A path into out; ERROR_TOO_LARGE when it does not fit. */
int state_path_print(char out[STATE_PATH_MAX], struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* DIR/name into out. */
int state_path(const struct state *state, char out[STATE_PATH_MAX], struct error *err,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The port kept under this name, or a free one that is kept from now on. Never one that an earlier
 * call gave out. */
int state_port(struct state *state, const char *name, uint16_t *ret, struct error *err);

/* Whether a port was ever given out under this name. */
bool state_has_port(const struct state *state, const char *name);

/* As state_port, but takes (and keeps) another one when the kept one is in use. */
int state_port_free(struct state *state, const char *name, uint16_t *ret, struct error *err);

/* A number that state.json keeps, or `fallback`; state_keep_number sets it, durably. */
int64_t state_number(const struct state *state, const char *name, int64_t fallback);
int state_keep_number(struct state *state, const char *name, int64_t number, struct error *err);

/* Writes a file by rename, mode 0600: after a crash it is the old one or the new one. */
int state_write_text(const char *path, struct str text, struct error *err);

/* The same, of a document. */
int state_write(const char *path, const struct json *document, struct error *err);

/* Makes a folder and its parents, mode 0700. */
int state_make_folder(const char *path, struct error *err);

/* A whole file (or all that a pipe brings) of at most `max` bytes into the arena. ERROR_NOT_FOUND,
 * ERROR_TOO_LARGE. */
int state_read_file(
	struct arena *arena, const char *path, size_t max, struct str *ret, struct error *err);

/* The same of an open descriptor, which errors call `name`. */
int state_read_fd(struct arena *arena, int fd, const char *name, size_t max, struct str *ret,
	struct error *err);

/* A file that is shipped with the program ("config/entities.yaml"): under $REEVE_ROOT, beside the
 * build folder, or under ../share/reeve of the program. ERROR_NOT_FOUND tells where it looked. */
int state_find_shipped(const char *name, char out[STATE_PATH_MAX], struct error *err);

#endif
