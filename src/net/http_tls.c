/*
 * http_tls.c - see http_tls.h.
 */
#include "net/http_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* Handshakes end within the request's time, and certificates change at most every
 * HTTP_TLS_LOOK_US: by then so many have come that the oldest serves nobody. */
#define KEPT 32u

#define KEY_ID_MAX 32u /* SHA-256 */
#define PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3%s:-RSA:%%SERVER_PRECEDENCE"
#define AND_TLS12 ":+VERS-TLS1.2"

struct credential {
	gnutls_pcert_st chain[HTTP_TLS_MAX_CHAIN];
	unsigned length;
	gnutls_privkey_t key;
};

/* When a file changed last, by what the file system says of it. */
struct mark {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct http_tls {
	char *cert_file, *key_file, *client_ca;
	char priorities[sizeof(PRIORITIES) + sizeof(AND_TLS12)];
	struct mark cert_mark,
		key_mark; /* as last read, well or not; of the watch thread, all three */
	int64_t looked_us;
	pthread_mutex_t mutex; /* kept, latest */
	struct credential *kept[KEPT];
	size_t latest;
};

/* --- files ----------------------------------------------------------------------------------- */

static int read_file(const char *path, const char *what, char **ret, struct error *err)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(HTTP_TLS_MAX_FILE);
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[4096];
	ssize_t len = 0;

	while (fd >= 0 && !text.failed && (len = read(fd, piece, sizeof(piece))) > 0)
		buf_add(&text, piece, (size_t)len);
	if (fd < 0 || len < 0)
		return error_set(
			err, error_from_errno(errno), "%s %s: %s", what, path, strerror(errno));
	if (text.failed || text.len == 0)
		return error_set(err, ERROR_INVALID, "%s %s is empty, or longer than %zu bytes",
			what, path, HTTP_TLS_MAX_FILE);
	*ret = strdup(text.ptr);
	return *ret ? 0 : error_set(err, ERROR_MEMORY, "no memory for a certificate");
}

/* All zeros when there is no such file. */
static void read_mark(const char *path, struct mark *ret)
{
	struct stat about;

	*ret = (struct mark){0};
	if (stat(path, &about) == 0)
		*ret = (struct mark){about.st_ino, about.st_size, about.st_mtim};
}

static bool is_same(const struct mark *a, const struct mark *b)
{
	return a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static gnutls_datum_t datum_of(char *text)
{
	return (gnutls_datum_t){(unsigned char *)text, (unsigned)strlen(text)};
}

static void wipe(char *secret)
{
	if (secret)
		gnutls_memset(secret, 0, strlen(secret));
	free(secret);
}

/* --- credentials ----------------------------------------------------------------------------- */

static void credential_free(struct credential *credential)
{
	if (!credential)
		return;
	for (unsigned i = 0; i < credential->length; i++)
		gnutls_pcert_deinit(&credential->chain[i]);
	if (credential->key)
		gnutls_privkey_deinit(credential->key);
	free(credential);
}

/* Whether the key is the certificate's. gnutls_certificate_set_x509_key_mem() would tell, too, but
 * loses memory when it is not. */
static int check_pair(const struct credential *credential)
{
	unsigned char of_cert[KEY_ID_MAX], of_key[KEY_ID_MAX];
	size_t cert_len = sizeof(of_cert), key_len = sizeof(of_key);
	gnutls_pubkey_t public;
	int result = gnutls_pubkey_init(&public);

	if (result < 0)
		return result;
	result = gnutls_pubkey_import_privkey(public, credential->key, 0, 0);
	if (result >= 0)
		result =
			gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_len);
	if (result >= 0)
		result = gnutls_pubkey_get_key_id(
			credential->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, of_cert, &cert_len);
	gnutls_pubkey_deinit(public);
	if (result < 0)
		return result;
	return cert_len == key_len && memcmp(of_cert, of_key, key_len) == 0
		       ? 0
		       : GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
}

static int import(
	struct credential *credential, const gnutls_datum_t *cert, const gnutls_datum_t *key)
{
	unsigned length = HTTP_TLS_MAX_CHAIN;
	int result = gnutls_pcert_list_import_x509_raw(
		credential->chain, &length, cert, GNUTLS_X509_FMT_PEM, 0);

	if (result < 0)
		return result;
	credential->length = length;
	result = gnutls_privkey_init(&credential->key);
	if (result >= 0)
		result = gnutls_privkey_import_x509_raw(
			credential->key, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	return result < 0 ? result : check_pair(credential);
}

static int load(struct http_tls *tls, struct credential **ret, struct error *err)
{
	char *cert_text = NULL, *key_text = NULL;
	struct credential *credential = calloc(1, sizeof(*credential));
	int result = credential ? 0 : error_set(err, ERROR_MEMORY, "no memory for a certificate");

	if (result == 0 && (read_file(tls->cert_file, "certificate", &cert_text, err) != 0 ||
				   read_file(tls->key_file, "key", &key_text, err) != 0))
		result = -1;
	if (result == 0) {
		const gnutls_datum_t cert = datum_of(cert_text), key = datum_of(key_text);
		int failed = import(credential, &cert, &key);

		if (failed < 0)
			result = error_set(err, ERROR_INVALID,
				"certificate %s and key %s cannot be used: %s", tls->cert_file,
				tls->key_file, gnutls_strerror(failed));
	}
	free(cert_text);
	wipe(key_text);
	if (result == 0)
		*ret = credential;
	else
		credential_free(credential);
	return result;
}

/* Makes it the one that is shown. */
static void adopt(struct http_tls *tls, struct credential *credential)
{
	pthread_mutex_lock(&tls->mutex);
	tls->latest = (tls->latest + 1) % KEPT;
	struct credential *oldest = tls->kept[tls->latest];
	tls->kept[tls->latest] = credential;
	pthread_mutex_unlock(&tls->mutex);
	credential_free(oldest);
}

void http_tls_current(struct http_tls *tls, gnutls_pcert_st **ret_chain, unsigned *ret_length,
	gnutls_privkey_t *ret_key)
{
	LOCK_SCOPE(&tls->mutex);
	struct credential *credential = tls->kept[tls->latest];

	*ret_chain = credential->chain;
	*ret_length = credential->length;
	*ret_key = credential->key;
}

int http_tls_refresh(struct http_tls *tls, int64_t now_us, struct error *err)
{
	struct credential *credential;
	struct mark cert, key;

	if (now_us - tls->looked_us < HTTP_TLS_LOOK_US)
		return 0;
	tls->looked_us = now_us;
	read_mark(tls->cert_file, &cert);
	read_mark(tls->key_file, &key);
	if (is_same(&cert, &tls->cert_mark) && is_same(&key, &tls->key_mark))
		return 0;
	tls->cert_mark = cert;
	tls->key_mark = key;
	if (load(tls, &credential, err) != 0)
		return -1;
	adopt(tls, credential);
	return 0;
}

/* --- clients --------------------------------------------------------------------------------- */

static int check_ca(const char *path, char *text, struct error *err)
{
	const gnutls_datum_t pem = datum_of(text);
	gnutls_certificate_credentials_t scratch;
	int count = gnutls_certificate_allocate_credentials(&scratch);

	if (count < 0)
		return error_set(err, ERROR_MEMORY, "no memory for a certificate");
	count = gnutls_certificate_set_x509_trust_mem(scratch, &pem, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(scratch);
	if (count <= 0)
		return error_set(
			err, ERROR_INVALID, "clients' CA %s holds no certificate as PEM", path);
	return 0;
}

static void add_name(struct http_tls_peer *peer, const char *name, size_t len)
{
	char *place = peer->bytes + peer->name_count * HTTP_TLS_MAX_NAME;

	/* A NUL inside would make it another name to whoever reads up to it. */
	if (len == 0 || len > HTTP_TLS_MAX_NAME || memchr(name, '\0', len))
		return;
	memcpy(place, name, len);
	peer->names[peer->name_count++] = str_n(place, len);
}

static void read_names(gnutls_x509_crt_t cert, struct http_tls_peer *peer)
{
	char name[HTTP_TLS_MAX_NAME + 1];
	bool has_alternatives = false;

	for (unsigned i = 0; peer->name_count < HTTP_TLS_MAX_NAMES; i++) {
		size_t len = sizeof(name);
		int type = gnutls_x509_crt_get_subject_alt_name(cert, i, name, &len, NULL);

		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		has_alternatives = true;
		if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_URI ||
			type == GNUTLS_SAN_RFC822NAME)
			add_name(peer, name, len);
		else if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
			return;
	}
	size_t len = sizeof(name);
	if (!has_alternatives && gnutls_x509_crt_get_dn_by_oid(
					 cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len) == 0)
		add_name(peer, name, len);
}

/* Whether the chain leads to the clients' CA and is meant for clients. */
static bool verify(gnutls_session_t session)
{
	gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned status = ~0u;

	return gnutls_certificate_verify_peers(session, &wanted, 1, &status) == 0 && status == 0;
}

struct http_tls_peer *http_tls_peer_of(gnutls_session_t session)
{
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t cert;

	if (!chain || count == 0)
		return NULL;
	struct http_tls_peer *peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->is_verified = verify(session);
	if (!peer->is_verified || gnutls_x509_crt_init(&cert) < 0)
		return peer;
	if (gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER) >= 0)
		read_names(cert, peer);
	gnutls_x509_crt_deinit(cert);
	return peer;
}

/* --- life ------------------------------------------------------------------------------------ */

static int start(struct http_tls *tls, const struct http_server_tls *config, struct error *err)
{
	struct credential *credential;

	snprintf(tls->priorities, sizeof(tls->priorities), PRIORITIES,
		config->is_tls13_only ? "" : AND_TLS12);
	tls->cert_file = config->cert_file ? strdup(config->cert_file) : NULL;
	tls->key_file = config->key_file ? strdup(config->key_file) : NULL;
	if (!tls->cert_file || !tls->key_file)
		return error_set(err, ERROR_INVALID, "TLS needs a certificate and its key");
	if (config->client_ca_file &&
		(read_file(config->client_ca_file, "clients' CA", &tls->client_ca, err) != 0 ||
			check_ca(config->client_ca_file, tls->client_ca, err) != 0))
		return -1;
	/* Before the files are read: a change in between is seen at the next look. */
	read_mark(tls->cert_file, &tls->cert_mark);
	read_mark(tls->key_file, &tls->key_mark);
	if (load(tls, &credential, err) != 0)
		return -1;
	adopt(tls, credential);
	return 0;
}

int http_tls_new(struct http_tls **ret, const struct http_server_tls *config, struct error *err)
{
	struct http_tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return error_set(err, ERROR_MEMORY, "no memory for TLS");
	pthread_mutex_init(&tls->mutex, NULL);
	if (start(tls, config, err) != 0) {
		http_tls_free(tls);
		return -1;
	}
	*ret = tls;
	return 0;
}

void http_tls_free(struct http_tls *tls)
{
	if (!tls)
		return;
	for (size_t i = 0; i < KEPT; i++)
		credential_free(tls->kept[i]);
	pthread_mutex_destroy(&tls->mutex);
	free(tls->cert_file);
	free(tls->key_file);
	free(tls->client_ca);
	free(tls);
}

const char *http_tls_priorities(const struct http_tls *tls)
{
	return tls->priorities;
}

const char *http_tls_client_ca(const struct http_tls *tls)
{
	return tls->client_ca;
}
