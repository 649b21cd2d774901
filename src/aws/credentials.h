/*
 * credentials.h - access keys: the shared credentials file of AWS tools, and the keys a local
 * region knows.
 *
 * A region on one machine keeps its own accounts in a file under its state folder: each access key
 * with secret, account, caller ARN and user id. The same key is written to a credentials file that
 * aws, boto3 and curl read.
 */
#ifndef REEVE_AWS_CREDENTIALS_H
#define REEVE_AWS_CREDENTIALS_H

#include "aws/sigv4.h"

/* Reads one profile of a file in the format of ~/.aws/credentials (aws_access_key_id,
 * aws_secret_access_key, aws_session_token, region). ERROR_NOT_FOUND, ERROR_INVALID name file and
 * line. */
int credentials_load(struct arena *arena, const char *path, const char *profile,
	struct sigv4_credentials *ret, struct str *ret_region, struct error *err);

struct key_ring; /* the access keys this region accepts; thread-safe */

struct key_ring_entry {
	struct str access_key;
	struct str secret_key;
	struct str account_id; /* 12 digits */
	struct str arn;	       /* arn:aws:iam::123456789012:user/admin */
	struct str user_id;
};

/* Opens or makes the file (mode 0600, written by rename). */
int key_ring_open(struct key_ring **ret, const char *path, struct error *err);
void key_ring_close(struct key_ring *ring);
/* Copies into the arena. ERROR_NOT_FOUND. */
int key_ring_find(struct key_ring *ring, struct arena *arena, struct str access_key,
	struct key_ring_entry *ret, struct error *err);
/* Makes a new random key pair for the account and principal and saves it. */
int key_ring_mint(struct key_ring *ring, struct arena *arena, struct str account_id,
	struct str user_name, struct key_ring_entry *ret, struct error *err);
/* The first entry, to be shown to scripts; ERROR_NOT_FOUND when there is none. */
int key_ring_first(
	struct key_ring *ring, struct arena *arena, struct key_ring_entry *ret, struct error *err);
/* Writes (mode 0600, by rename) a credentials file with this key under [profile]. */
int credentials_save(const char *path, const char *profile, const struct key_ring_entry *entry,
	struct str region, struct error *err);

#endif
