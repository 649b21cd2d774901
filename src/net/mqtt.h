/*
 * mqtt.h - MQTT 5 client (libmosquitto) with its own network thread.
 *
 * Reconnects by itself with backoff and jitter, and subscribes again before on_ready is called:
 * on_ready is where resync begins. PUBACK leaves before a message reaches us, so delivery is
 * certain only by resync. Messages are handed to on_message one at a time, on the client's dispatch
 * thread (not the network thread): a handler may block and may publish. The queue between the two
 * threads is bounded; when it is full the network thread waits (back-pressure through TCP).
 */
#ifndef REEVE_NET_MQTT_H
#define REEVE_NET_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/str.h"

struct mqtt;

#define MQTT_MAX_QUEUE 1024
#define MQTT_MAX_PAYLOAD_BYTES ((size_t)4 << 20)
#define MQTT_PUBLISH_TIMEOUT_US (INT64_C(10) * 1000000)
#define MQTT_BACKOFF_US INT64_C(200000)
#define MQTT_BACKOFF_MAX_US INT64_C(30000000)
#define MQTT_MAX_PROPERTIES 64

struct mqtt_property {
	struct str name;
	struct str value;
};

struct mqtt_message {
	struct str topic;
	struct str content_type;		/* property 3; null when absent */
	const struct mqtt_property *properties; /* user properties, in order */
	size_t property_count;
	struct str payload;
	bool retain;
};

struct mqtt_config {
	const char *host;
	uint16_t port;
	const char *client_id;
	const char *username; /* NULL: none */
	const char *password;
	const char *ca_file; /* TLS when given */
	const char *cert_file;
	const char *key_file;
	uint16_t keepalive_s;	   /* 0: 60 */
	uint32_t session_expiry_s; /* 0: the session ends with the connection */
	bool keep_session;	   /* clean start off */
	const char *filter;	   /* subscribed before the first on_ready; NULL: none */
	/* Any of these may be NULL; all run on the dispatch thread. `message` and `arena` live
	 * until the handler returns. */
	void (*on_message)(void *context, struct arena *arena, const struct mqtt_message *message);
	void (*on_ready)(void *context); /* connected, and every subscription acknowledged */
	void (*on_lost)(void *context);
	void *context;
	struct log *log;
};

/* Begins to connect and returns; use mqtt_wait_ready when the first connection must succeed. *ret
 * is set before the first handler runs. */
int mqtt_start(struct mqtt **ret, const struct mqtt_config *config, struct error *err);
/* Disconnects, drops what is queued, joins its threads. NULL accepted. Not from a handler. */
void mqtt_stop(struct mqtt *mqtt);

/* Remembered and sent on every connection; QoS 1. Shared subscriptions as "$share/group/filter".
 * While connected, on_ready comes again once it is acknowledged. */
int mqtt_subscribe(struct mqtt *mqtt, const char *filter, struct error *err);

/* ERROR_TIMEOUT when not connected by then; the sentence tells the broker's last refusal. */
int mqtt_wait_ready(struct mqtt *mqtt, int64_t timeout_us, struct error *err);
bool mqtt_is_ready(struct mqtt *mqtt);

/* Publishes with QoS 1 and waits for PUBACK. Any thread, also a handler. ERROR_UNAVAILABLE when not
 * connected, ERROR_TIMEOUT without PUBACK in MQTT_PUBLISH_TIMEOUT_US, ERROR_FORBIDDEN when the
 * broker says not authorized, ERROR_TOO_LARGE. */
int mqtt_publish(struct mqtt *mqtt, const struct mqtt_message *message, struct error *err);

/* As mqtt_publish, but returns once the message is handed to the connection. */
int mqtt_publish_nowait(struct mqtt *mqtt, const struct mqtt_message *message, struct error *err);

/*
 * The two halves of mqtt_publish, for one thread that keeps several messages in flight: begin hands
 * the message over (its payload must live until end), end waits for PUBACK and frees the ticket.
 * Every ticket must be ended. Messages leave in the order in which they were begun.
 */
struct mqtt_ticket;
int mqtt_publish_begin(struct mqtt *mqtt, const struct mqtt_message *message,
	struct mqtt_ticket **ret, struct error *err);
int mqtt_publish_end(struct mqtt *mqtt, struct mqtt_ticket *ticket, struct error *err);

struct mqtt_counters {
	uint64_t received, published, failed, reconnects, dropped;
};
void mqtt_count(struct mqtt *mqtt, struct mqtt_counters *ret);

#endif
