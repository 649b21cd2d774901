/*
 * mqtt_network.h - the thread that owns the connection to the broker.
 *
 * All calls into libmosquitto that touch a connection are made on this one thread. The library has
 * a threaded mode, but there its callbacks hold its locks, queued messages outlive their
 * connection, and its loop waits with select(), which a process with more than 1024 descriptors may
 * not. So each connection gets a new struct mosquitto that this thread alone drives with poll();
 * publishers and handlers meet it only in the outbox and the inbox.
 */
#ifndef REEVE_NET_MQTT_NETWORK_H
#define REEVE_NET_MQTT_NETWORK_H

#include <mosquitto.h>
#include <stdatomic.h>

#include "base/thread.h"
#include "net/mqtt_inbox.h"
#include "net/mqtt_outbox.h"

struct mqtt_subscription {
	struct mqtt_subscription *next;
	bool sent; /* on this connection; the network thread's */
	int mid;
	bool acknowledged;
	char filter[];
};

struct mqtt_network {
	struct mqtt_config config; /* texts are the owner's */
	int bell;		   /* eventfd: something for the network thread to do */
	atomic_bool stopping;
	struct outbox outbox;
	struct inbox inbox;
	atomic_uint_fast64_t received;
	atomic_uint_fast64_t reconnects;
	atomic_uint_fast64_t dropped;

	/* Stands for what follows. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct mqtt_subscription *subscriptions;
	bool ready;
	struct error last_error; /* why the last connection was refused or lost */

	/* The network thread's own. */
	struct mosquitto *mosquitto;
	bool connected;
	bool announced; /* on_ready was given and not yet on_lost */
	bool give_up;	/* the connection is to be closed */
	unsigned attempts;
};

/* Runs until `stopping`; for thread_start. */
void mqtt_network_run(void *network);

/* Wakes the network thread. */
void mqtt_network_ring(struct mqtt_network *network);

#endif
