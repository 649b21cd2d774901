/*
 * state.c - the region's folder: lock, layout version, ports, files written whole.
 */
#include "local/state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define STATE_FILE_MAX ((size_t)1 << 20)
#define STATE_ARENA_MAX ((size_t)8 << 20)

struct state {
	char dir[STATE_PATH_MAX];
	int lock_fd;
	struct arena *arena;
	struct json *document;
};

int state_path_print(char out[STATE_PATH_MAX], struct error *err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int length = vsnprintf(out, STATE_PATH_MAX, format, ap);
	va_end(ap);
	if (length < 0 || length >= STATE_PATH_MAX)
		return error_set(err, ERROR_TOO_LARGE, "path %.64s... is longer than %d bytes", out,
			STATE_PATH_MAX - 1);
	return 0;
}

int state_default_dir(char out[STATE_PATH_MAX], struct error *err)
{
	const char *dir = getenv("REEVE_DIR"), *xdg = getenv("XDG_STATE_HOME"),
		   *home = getenv("HOME");

	if (dir && *dir)
		return state_path_print(out, err, "%s", dir);
	if (xdg && *xdg)
		return state_path_print(out, err, "%s/reeve", xdg);
	if (home && *home)
		return state_path_print(out, err, "%s/.local/state/reeve", home);
	return error_set(err, ERROR_INVALID, "HOME is not set; name a folder with --dir");
}

int state_make_folder(const char *path, struct error *err)
{
	char part[STATE_PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return error_set(err, ERROR_TOO_LARGE, "path %.64s... is longer than %d bytes",
			path, STATE_PATH_MAX - 1);
	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return error_set(err, error_from_errno(errno), "cannot make folder %s: %s",
				part, strerror(errno));
	}
	return 0;
}

/* What is left of the descriptor, at most `size` bytes. The length, or -1 with errno. */
static ssize_t read_up_to(int fd, char *out, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, out + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

int state_read_fd(struct arena *arena, int fd, const char *name, size_t max, struct str *ret,
	struct error *err)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return error_set(
			err, error_from_errno(errno), "cannot read %s: %s", name, strerror(errno));
	bool has_size = S_ISREG(info.st_mode) && info.st_size > 0;
	if (has_size && (size_t)info.st_size > max)
		return error_set(err, ERROR_TOO_LARGE, "%s is larger than %zu bytes", name, max);
	/* Only a file tells its size; one byte more than allowed shows that there is more. */
	size_t size = has_size ? (size_t)info.st_size : max + 1;
	char *text = arena_alloc(arena, size + 1);
	if (!text)
		return error_set(err, ERROR_MEMORY, "no memory for %s", name);
	ssize_t length = read_up_to(fd, text, size);
	if (length < 0)
		return error_set(
			err, error_from_errno(errno), "cannot read %s: %s", name, strerror(errno));
	if ((size_t)length > max)
		return error_set(err, ERROR_TOO_LARGE, "%s is larger than %zu bytes", name, max);
	text[length] = '\0';
	*ret = str_n(text, (size_t)length);
	return 0;
}

int state_read_file(
	struct arena *arena, const char *path, size_t max, struct str *ret, struct error *err)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : error_from_errno(errno),
			"cannot read %s: %s", path, strerror(errno));
	return state_read_fd(arena, fd, path, max, ret, err);
}

/* errno tells why not. */
static bool write_all(int fd, struct str text)
{
	while (text.len) {
		ssize_t put = write(fd, text.ptr, text.len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		text = str_slice(text, (size_t)put, text.len);
	}
	return true;
}

int state_write_text(const char *path, struct str text, struct error *err)
{
	char temporary[STATE_PATH_MAX + 8];

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool is_written = fd >= 0 && write_all(fd, text) && fsync(fd) == 0;
	int failure = errno;
	if (fd >= 0)
		close(fd);
	if (is_written && rename(temporary, path) == 0)
		return 0;
	if (is_written)
		failure = errno;
	unlink(temporary);
	return error_set(
		err, error_from_errno(failure), "cannot write %s: %s", path, strerror(failure));
}

int state_write(const char *path, const struct json *document, struct error *err)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(STATE_FILE_MAX);

	if (!json_write(&text, document, JSON_WRITE_PRETTY) || !buf_add_byte(&text, '\n'))
		return error_set(err, ERROR_MEMORY, "no memory to write %s", path);
	return state_write_text(path, buf_str(&text), err);
}

int state_path(const struct state *state, char out[STATE_PATH_MAX], struct error *err,
	const char *format, ...)
{
	char name[STATE_PATH_MAX];
	va_list ap;

	va_start(ap, format);
	int length = vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	if (length + strlen(state->dir) + 2 > STATE_PATH_MAX)
		return error_set(err, ERROR_TOO_LARGE, "path %s/%.64s... is longer than %d bytes",
			state->dir, name, STATE_PATH_MAX - 1);
	snprintf(out, STATE_PATH_MAX, "%.*s/%s", STATE_PATH_MAX / 2, state->dir, name);
	return 0;
}

static int take_lock(struct state *state, struct error *err)
{
	char path[STATE_PATH_MAX], holder[32] = "";

	if (state_path(state, path, err, "lock") < 0)
		return -1;
	state->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (state->lock_fd < 0)
		return error_set(
			err, error_from_errno(errno), "cannot open %s: %s", path, strerror(errno));
	if (flock(state->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t got = read(state->lock_fd, holder, sizeof(holder) - 1);
		struct str pid = str_trim(str_n(holder, got > 0 ? (size_t)got : 0));
		return error_set(err, ERROR_CONFLICT,
			"state folder %s is in use by process %" STR_F
			"; stop it, or name another folder with --dir",
			state->dir, STR_A(pid));
	}
	int length = snprintf(holder, sizeof(holder), "%d\n", (int)getpid());
	if (ftruncate(state->lock_fd, 0) < 0 ||
		pwrite(state->lock_fd, holder, (size_t)length, 0) < 0)
		return error_set(
			err, error_from_errno(errno), "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static int read_state(struct state *state, struct error *err)
{
	char path[STATE_PATH_MAX];
	struct str text;
	struct error missing;
	int64_t layout;

	if (state_path(state, path, err, "state.json") < 0)
		return -1;
	if (state_read_file(state->arena, path, STATE_FILE_MAX, &text, &missing) < 0) {
		if (missing.code != ERROR_NOT_FOUND) {
			if (err)
				*err = missing;
			return -1;
		}
		state->document = json_new_object(state->arena);
		json_set_int(state->document, "layout", STATE_LAYOUT);
		json_set(state->document, "ports", json_new_object(state->arena));
		return state_write(path, state->document, err);
	}
	if (json_parse(state->arena, text, NULL, &state->document, err) < 0) {
		error_prefix(err, "%s is damaged; restore it, or start with another --dir", path);
		return -1;
	}
	if (!json_to_int(json_get(state->document, "layout"), &layout) || layout < 1)
		return error_set(err, ERROR_INVALID,
			"%s is damaged: \"layout\" is not a number from 1 on; "
			"restore it, or start with another --dir",
			path);
	if (layout > STATE_LAYOUT)
		return error_set(err, ERROR_CONFLICT,
			"state folder %s was written by a newer reeve (layout %lld, this one knows "
			"%d); use that "
			"version, or another --dir",
			state->dir, (long long)layout, STATE_LAYOUT);
	if (!json_is(json_get(state->document, "ports"), JSON_OBJECT))
		json_set(state->document, "ports", json_new_object(state->arena));
	return 0;
}

/* The folder's whole path. Half of STATE_PATH_MAX stays free for the names in it. */
static int resolve(const char *dir, char out[STATE_PATH_MAX], struct error *err)
{
	char *resolved = realpath(dir, NULL);

	if (!resolved)
		return error_set(
			err, error_from_errno(errno), "cannot open %s: %s", dir, strerror(errno));
	bool fits = strlen(resolved) < STATE_PATH_MAX / 2;
	if (fits)
		snprintf(out, STATE_PATH_MAX, "%s", resolved);
	else
		error_set(err, ERROR_TOO_LARGE, "path %.64s... is longer than %d bytes", resolved,
			STATE_PATH_MAX / 2 - 1);
	free(resolved);
	return fits ? 0 : -1;
}

int state_open(struct state **ret, const char *dir, struct error *err)
{
	struct state *state = calloc(1, sizeof(*state));

	if (!state || !(state->arena = arena_new(STATE_ARENA_MAX))) {
		free(state);
		return error_set(err, ERROR_MEMORY, "no memory for the state folder");
	}
	state->lock_fd = -1;
	if (state_make_folder(dir, err) < 0)
		goto fail;
	if (resolve(dir, state->dir, err) < 0)
		goto fail;
	if (take_lock(state, err) < 0 || read_state(state, err) < 0)
		goto fail;
	*ret = state;
	return 0;
fail:
	state_close(state);
	return -1;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	if (state->lock_fd >= 0)
		close(state->lock_fd);
	arena_free(state->arena);
	free(state);
}

const char *state_dir(const struct state *state)
{
	return state->dir;
}

/* Binds to the port (0: any) on the loopback address; the port bound, or 0. */
static uint16_t probe_port(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t size = sizeof(address);
	int one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return 0;
	return ntohs(address.sin_port);
}

static bool is_given_out(const struct json *ports, uint16_t port)
{
	const struct json *item;

	json_for_each (ports, i, item)
		if (json_int(item, 0) == port)
			return true;
	return false;
}

/* Sets a number in state.json, or in its object of ports, and writes the file. */
static int keep(struct state *state, struct json *object, const char *name, int64_t number,
	struct error *err)
{
	char path[STATE_PATH_MAX];

	json_set_str(
		object, arena_str(state->arena, str_of(name)), json_new_int(state->arena, number));
	if (arena_is_exhausted(state->arena))
		return error_set(err, ERROR_MEMORY, "no memory to keep \"%s\"", name);
	if (state_path(state, path, err, "state.json") < 0)
		return -1;
	return state_write(path, state->document, err);
}

int64_t state_number(const struct state *state, const char *name, int64_t fallback)
{
	return json_int(json_get(state->document, name), fallback);
}

int state_keep_number(struct state *state, const char *name, int64_t number, struct error *err)
{
	return keep(state, state->document, name, number, err);
}

static int choose_port(struct state *state, const char *name, uint16_t *ret, struct error *err)
{
	const struct json *ports = json_get(state->document, "ports");
	uint16_t port;

	do {
		port = probe_port(0);
	} while (port && is_given_out(ports, port));
	if (!port)
		return error_set(err, ERROR_UNAVAILABLE, "no free port on the loopback address");
	if (keep(state, json_get(state->document, "ports"), name, port, err) < 0)
		return -1;
	*ret = port;
	return 0;
}

bool state_has_port(const struct state *state, const char *name)
{
	return json_int(json_get(json_get(state->document, "ports"), name), 0) > 0;
}

int state_port(struct state *state, const char *name, uint16_t *ret, struct error *err)
{
	int64_t kept = json_int(json_get(json_get(state->document, "ports"), name), 0);

	if (kept <= 0 || kept > UINT16_MAX)
		return choose_port(state, name, ret, err);
	*ret = (uint16_t)kept;
	return 0;
}

int state_port_free(struct state *state, const char *name, uint16_t *ret, struct error *err)
{
	if (state_port(state, name, ret, err) < 0)
		return -1;
	return probe_port(*ret) ? 0 : choose_port(state, name, ret, err);
}

/* The folder of the program that runs. */
static int program_folder(char out[STATE_PATH_MAX], struct error *err)
{
	ssize_t length = readlink("/proc/self/exe", out, STATE_PATH_MAX);

	if (length < 0)
		return error_set(err, error_from_errno(errno), "cannot find the program: %s",
			strerror(errno));
	if (length == STATE_PATH_MAX)
		return error_set(err, ERROR_TOO_LARGE, "the program's path is longer than %d bytes",
			STATE_PATH_MAX - 1);
	out[length] = '\0';
	char *slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
	return 0;
}

/* Whether FOLDER/name can be read: 1, 0, or -1 when the path is too long. */
static int try_folder(
	const char *folder, const char *name, char out[STATE_PATH_MAX], struct error *err)
{
	if (state_path_print(out, err, "%s/%s", folder, name) < 0)
		return -1;
	return access(out, R_OK) == 0;
}

int state_find_shipped(const char *name, char out[STATE_PATH_MAX], struct error *err)
{
	const char *root = getenv("REEVE_ROOT");
	char program[STATE_PATH_MAX], beside[STATE_PATH_MAX], share[STATE_PATH_MAX];

	if (program_folder(program, err) < 0 ||
		state_path_print(beside, err, "%s/..", program) < 0 ||
		state_path_print(share, err, "%s/../share/reeve", program) < 0)
		return -1;
	const char *folders[] = {root && *root ? root : beside, beside, share};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int found = try_folder(folders[i], name, out, err);
		if (found)
			return found < 0 ? -1 : 0;
	}
	return error_set(err, ERROR_NOT_FOUND,
		"%s is missing (looked beside %s and in ../share/reeve); set REEVE_ROOT to the "
		"folder that "
		"holds it",
		name, program);
}
