/*
 * mqtt_inbox.h - what the network thread received, waiting for the dispatch thread.
 *
 * Messages and the two events "ready" and "lost" keep their order in one queue. Putting never waits
 * (the network thread must go on answering pings); instead the network thread stops reading from
 * the socket while the inbox is full, so that TCP slows the broker down.
 */
#ifndef REEVE_NET_MQTT_INBOX_H
#define REEVE_NET_MQTT_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "net/mqtt.h"

enum inbox_kind { INBOX_MESSAGE, INBOX_READY, INBOX_LOST };

struct inbox_item {
	struct inbox_item *next;
	enum inbox_kind kind;
	struct mqtt_message message;
	struct mqtt_property properties[MQTT_MAX_PROPERTIES];
	char bytes[]; /* all texts of the message */
};

struct inbox {
	pthread_mutex_t mutex;
	pthread_cond_t arrived;
	struct inbox_item *first;
	struct inbox_item *last;
	size_t count;
	bool closed;
};

void inbox_init(struct inbox *inbox);
void inbox_destroy(struct inbox *inbox); /* frees what is left */

/* Copies; false when memory is out. */
bool inbox_put_message(struct inbox *inbox, const struct mqtt_message *message);
bool inbox_put_event(struct inbox *inbox, enum inbox_kind kind);

/* Waits; NULL once closed, whatever is left. The caller frees the item with free(). ret_left: how
 * many wait behind it. */
struct inbox_item *inbox_take(struct inbox *inbox, size_t *ret_left);
void inbox_close(struct inbox *inbox);

size_t inbox_count(struct inbox *inbox);

#endif
