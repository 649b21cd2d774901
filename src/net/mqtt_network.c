/*
 * mqtt_network.c - see mqtt_network.h.
 *
 * A connection's life: connect (without blocking), CONNACK, SUBSCRIBE for each filter, all SUBACKs:
 * ready. Whatever goes wrong on the way ends in one place, connection_end(), which fails what
 * publishers wait for, tells the dispatch thread, and leaves the next attempt to the backoff.
 */
#include "net/mqtt_network.h"

#include <errno.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "net/mqtt_load.h"

#define CONNECT_TIMEOUT_US (INT64_C(10) * CLOCK_US_PER_S) /* from connect() to the last SUBACK */
#define POLL_MS 1000   /* keepalive is looked after at least this often */
#define IN_FLIGHT 1024 /* messages a side may have unacknowledged; the broker may allow less */
#define INBOX_CEILING (64 * MQTT_MAX_QUEUE) /* reading for the sake of PUBACKs ends here */
#define KEEPALIVE_S 60

static void remember_error(
	struct mqtt_network *network, enum error_code code, const char *what, const char *why)
{
	LOCK_SCOPE(&network->mutex);
	error_set(&network->last_error, code, "broker %s:%u: %s: %s", network->config.host,
		(unsigned)network->config.port, what, why);
}

static enum error_code code_of_reason(int reason)
{
	switch (reason) {
	case MQTT_RC_NOT_AUTHORIZED:
	case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
	case MQTT_RC_BANNED:
		return ERROR_FORBIDDEN;
	case MQTT_RC_PACKET_TOO_LARGE:
		return ERROR_TOO_LARGE;
	case MQTT_RC_QUOTA_EXCEEDED:
		return ERROR_LIMITED;
	case MQTT_RC_TOPIC_NAME_INVALID:
	case MQTT_RC_PAYLOAD_FORMAT_INVALID:
		return ERROR_INVALID;
	default:
		return ERROR_UNAVAILABLE;
	}
}

static enum error_code code_of_result(int rc)
{
	switch (rc) {
	case MOSQ_ERR_OVERSIZE_PACKET:
	case MOSQ_ERR_PAYLOAD_SIZE:
		return ERROR_TOO_LARGE;
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_MALFORMED_UTF8:
	case MOSQ_ERR_MALFORMED_PACKET:
		return ERROR_INVALID;
	case MOSQ_ERR_NOMEM:
		return ERROR_MEMORY;
	default:
		return ERROR_UNAVAILABLE;
	}
}

static const char *text_of_result(int rc)
{
	return rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc);
}

/* --- callbacks, all on the network thread, from within mosquitto_loop_read ------------------- */

static void on_connect(struct mosquitto *mosquitto, void *context, int reason, int flags,
	const mosquitto_property *properties)
{
	struct mqtt_network *network = context;

	if (reason != 0) {
		remember_error(network, code_of_reason(reason), "refused the connection",
			mosquitto_reason_string(reason));
		network->give_up = true;
		return;
	}
	network->connected = true;
	outbox_open(&network->outbox);
}

static void on_subscribe(struct mosquitto *mosquitto, void *context, int mid, int count,
	const int *granted, const mosquitto_property *properties)
{
	struct mqtt_network *network = context;
	struct mqtt_subscription *subscription;
	bool is_refused = count < 1 || granted[0] >= 0x80;

	pthread_mutex_lock(&network->mutex);
	for (subscription = network->subscriptions; subscription != NULL;
		subscription = subscription->next) {
		if (subscription->sent && subscription->mid == mid)
			break;
	}
	pthread_mutex_unlock(&network->mutex);
	if (subscription == NULL)
		return;
	subscription->acknowledged = !is_refused;
	if (is_refused) {
		int reason = count < 1 ? MQTT_RC_UNSPECIFIED : granted[0];

		remember_error(network, code_of_reason(reason), subscription->filter,
			mosquitto_reason_string(reason));
		network->give_up = true;
	}
}

static void on_publish(struct mosquitto *mosquitto, void *context, int mid, int reason,
	const mosquitto_property *properties)
{
	struct mqtt_network *network = context;
	struct error because;

	if (reason < 0x80) {
		outbox_acknowledged(&network->outbox, mid, NULL);
		return;
	}
	error_set(&because, code_of_reason(reason), "the broker refused the message: %s",
		mosquitto_reason_string(reason));
	outbox_acknowledged(&network->outbox, mid, &because);
}

static void on_message(struct mosquitto *mosquitto, void *context,
	const struct mosquitto_message *received, const mosquitto_property *properties)
{
	struct mqtt_network *network = context;
	struct mqtt_property storage[MQTT_MAX_PROPERTIES];
	struct mqtt_message message;
	CLEANUP(cleanup_free) char *content_type = NULL;

	atomic_fetch_add(&network->received, 1);
	if ((size_t)received->payloadlen > MQTT_MAX_PAYLOAD_BYTES ||
		!mqtt_load_read(received, properties, storage, &content_type, &message)) {
		atomic_fetch_add(&network->dropped, 1);
		return;
	}
	if (!inbox_put_message(&network->inbox, &message))
		atomic_fetch_add(&network->dropped, 1);
	mqtt_load_free_properties(storage, message.property_count);
}

static void on_disconnect(struct mosquitto *mosquitto, void *context, int reason,
	const mosquitto_property *properties)
{
	struct mqtt_network *network = context;

	/* A refusal has been told already, and more exactly. */
	if (!network->give_up)
		remember_error(network, ERROR_UNAVAILABLE, "connection lost",
			reason >= 0x80 ? mosquitto_reason_string(reason) : text_of_result(reason));
	network->give_up = true;
}

/* --- one connection -------------------------------------------------------------------------- */

static int set_options(struct mqtt_network *network, struct mosquitto *mosquitto)
{
	const struct mqtt_config *config = &network->config;
	int rc;

	mosquitto_int_option(mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	mosquitto_int_option(mosquitto, MOSQ_OPT_RECEIVE_MAXIMUM, IN_FLIGHT);
	mosquitto_int_option(mosquitto, MOSQ_OPT_SEND_MAXIMUM, IN_FLIGHT);
	mosquitto_int_option(mosquitto, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_connect_v5_callback_set(mosquitto, on_connect);
	mosquitto_disconnect_v5_callback_set(mosquitto, on_disconnect);
	mosquitto_subscribe_v5_callback_set(mosquitto, on_subscribe);
	mosquitto_publish_v5_callback_set(mosquitto, on_publish);
	mosquitto_message_v5_callback_set(mosquitto, on_message);
	if (config->username != NULL) {
		rc = mosquitto_username_pw_set(mosquitto, config->username, config->password);
		if (rc != MOSQ_ERR_SUCCESS)
			return rc;
	}
	if (config->ca_file == NULL)
		return MOSQ_ERR_SUCCESS;
	return mosquitto_tls_set(
		mosquitto, config->ca_file, NULL, config->cert_file, config->key_file, NULL);
}

/* Starts connecting. The session expiry can only be given to the blocking call, which therefore is
 * used with it alone. */
static int begin_connect(struct mqtt_network *network)
{
	const struct mqtt_config *config = &network->config;
	int keepalive = config->keepalive_s == 0 ? KEEPALIVE_S : config->keepalive_s;
	mosquitto_property *properties = NULL;
	int rc;

	if (config->session_expiry_s == 0)
		return mosquitto_connect_bind_async(
			network->mosquitto, config->host, config->port, keepalive, NULL);
	rc = mosquitto_property_add_int32(
		&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, config->session_expiry_s);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_connect_bind_v5(network->mosquitto, config->host, config->port,
			keepalive, NULL, properties);
	mosquitto_property_free_all(&properties);
	return rc;
}

static void forget_subscriptions_sent(struct mqtt_network *network)
{
	LOCK_SCOPE(&network->mutex);
	for (struct mqtt_subscription *each = network->subscriptions; each != NULL;
		each = each->next) {
		each->sent = false;
		each->acknowledged = false;
	}
}

static bool connection_begin(struct mqtt_network *network)
{
	const struct mqtt_config *config = &network->config;
	int rc = MOSQ_ERR_NOMEM;

	network->connected = false;
	network->give_up = false;
	forget_subscriptions_sent(network);
	network->mosquitto = mosquitto_new(config->client_id, !config->keep_session, network);
	if (network->mosquitto != NULL)
		rc = set_options(network, network->mosquitto);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = begin_connect(network);
	if (rc == MOSQ_ERR_SUCCESS)
		return true;
	remember_error(network, ERROR_UNAVAILABLE, "cannot connect", text_of_result(rc));
	return false;
}

static struct mqtt_subscription *next_unsent(struct mqtt_network *network)
{
	struct mqtt_subscription *each;

	LOCK_SCOPE(&network->mutex);
	for (each = network->subscriptions; each != NULL && each->sent; each = each->next)
		continue;
	return each;
}

static void send_subscriptions(struct mqtt_network *network)
{
	struct mqtt_subscription *each;

	while ((each = next_unsent(network)) != NULL) {
		int rc = mosquitto_subscribe_v5(
			network->mosquitto, &each->mid, each->filter, 1, 0, NULL);

		if (rc != MOSQ_ERR_SUCCESS) {
			remember_error(
				network, code_of_result(rc), each->filter, text_of_result(rc));
			network->give_up = true;
			return;
		}
		each->sent = true;
	}
}

static void send_queued(struct mqtt_network *network)
{
	struct outbox_request *request;

	while (!network->give_up && (request = outbox_take(&network->outbox)) != NULL) {
		const struct mqtt_load *load = request->load;
		struct error because;
		int mid = 0;
		int rc = mosquitto_publish_v5(network->mosquitto, &mid, load->topic,
			load->payload_len, load->payload, 1, load->retain, load->properties);

		if (rc == MOSQ_ERR_SUCCESS) {
			outbox_sent(&network->outbox, request, mid);
			continue;
		}
		error_set(&because, code_of_result(rc), "the message could not be sent: %s",
			text_of_result(rc));
		outbox_failed(&network->outbox, request, &because);
		if (because.code == ERROR_UNAVAILABLE) {
			remember_error(
				network, ERROR_UNAVAILABLE, "connection lost", text_of_result(rc));
			network->give_up = true;
		}
	}
}

/* Says "ready" once nothing is left to be acknowledged. */
static void settle(struct mqtt_network *network)
{
	LOCK_SCOPE(&network->mutex);
	if (!network->connected || network->give_up || network->ready)
		return;
	for (struct mqtt_subscription *each = network->subscriptions; each != NULL;
		each = each->next) {
		if (!each->acknowledged)
			return;
	}
	network->ready = true;
	network->announced = true;
	network->attempts = 0;
	inbox_put_event(&network->inbox, INBOX_READY);
	pthread_cond_broadcast(&network->changed);
}

/* A full inbox holds back reading, unless a publisher (perhaps the very handler that should empty
 * it) waits for an answer that can only be read behind the messages. */
static bool may_read(struct mqtt_network *network)
{
	size_t waiting = inbox_count(&network->inbox);

	return waiting < MQTT_MAX_QUEUE ||
	       (waiting < INBOX_CEILING && outbox_is_waiting(&network->outbox));
}

static void clear_bell(struct mqtt_network *network)
{
	uint64_t rings;

	if (read(network->bell, &rings, sizeof(rings)) < 0)
		return; /* nothing rang */
}

/* Waits for the socket or the bell and serves the socket. */
static void connection_step(struct mqtt_network *network)
{
	bool is_reading = may_read(network);
	struct pollfd fds[2] = {
		{.fd = network->bell, .events = POLLIN},
		{.fd = mosquitto_socket(network->mosquitto)},
	};
	int rc = MOSQ_ERR_SUCCESS;

	if (fds[1].fd < 0) {
		network->give_up = true;
		return;
	}
	fds[1].events = (short)((is_reading ? POLLIN : 0) |
				(mosquitto_want_write(network->mosquitto) ? POLLOUT : 0));
	/* While it connects, the library does not say that it wants to write. */
	if (!network->connected)
		fds[1].events |= POLLOUT;
	poll(fds, 2, POLL_MS);
	if (fds[0].revents != 0)
		clear_bell(network);
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		rc = mosquitto_loop_read(network->mosquitto, 1);
	if (rc == MOSQ_ERR_SUCCESS && (fds[1].revents & POLLOUT) &&
		mosquitto_socket(network->mosquitto) >= 0)
		rc = mosquitto_loop_write(network->mosquitto, 1);
	if (rc == MOSQ_ERR_SUCCESS && mosquitto_socket(network->mosquitto) >= 0)
		rc = mosquitto_loop_misc(network->mosquitto);
	if (rc != MOSQ_ERR_SUCCESS && !network->give_up) {
		remember_error(network, ERROR_UNAVAILABLE,
			network->connected ? "connection lost" : "cannot connect",
			text_of_result(rc));
		network->give_up = true;
	}
}

static void connection_end(struct mqtt_network *network)
{
	struct error because;
	bool was_announced = network->announced;

	pthread_mutex_lock(&network->mutex);
	network->ready = false;
	network->announced = false;
	because = network->last_error;
	pthread_cond_broadcast(&network->changed);
	pthread_mutex_unlock(&network->mutex);
	if (atomic_load(&network->stopping))
		error_set(
			&because, ERROR_CANCELLED, "the connection to the broker is being closed");
	else
		because.code = ERROR_UNAVAILABLE; /* the message itself was not refused */
	outbox_close(&network->outbox, &because);
	network->connected = false;
	mosquitto_destroy(network->mosquitto);
	network->mosquitto = NULL;
	if (was_announced)
		inbox_put_event(&network->inbox, INBOX_LOST);
	if (atomic_load(&network->stopping))
		return;
	if (was_announced)
		log_warn(network->config.log, "broker connection lost", LOG_ERROR(&because));
	else if (network->attempts == 1)
		log_warn(network->config.log, "broker connection refused", LOG_ERROR(&because));
}

static void connection_run(struct mqtt_network *network)
{
	int64_t deadline_us = clock_monotonic_us() + CONNECT_TIMEOUT_US;

	network->attempts++;
	if (connection_begin(network)) {
		while (!network->give_up && !atomic_load(&network->stopping)) {
			connection_step(network);
			if (network->connected && !network->give_up) {
				send_subscriptions(network);
				settle(network);
				send_queued(network);
			}
			if (!network->announced && clock_monotonic_us() > deadline_us) {
				remember_error(network, ERROR_TIMEOUT, "cannot connect",
					"no answer in time");
				network->give_up = true;
			}
		}
		if (network->connected && atomic_load(&network->stopping))
			mosquitto_disconnect_v5(network->mosquitto, 0, NULL);
	}
	connection_end(network);
}

static void wait_before_retry(struct mqtt_network *network)
{
	unsigned failures = network->attempts > 0 ? network->attempts - 1 : 0;
	int64_t until_us = clock_monotonic_us() +
			   thread_backoff_us(failures, MQTT_BACKOFF_US, MQTT_BACKOFF_MAX_US);

	for (;;) {
		int64_t left_us = until_us - clock_monotonic_us();
		struct pollfd fd = {.fd = network->bell, .events = POLLIN};

		if (left_us <= 0 || atomic_load(&network->stopping))
			return;
		poll(&fd, 1, (int)(left_us / CLOCK_US_PER_MS) + 1);
		clear_bell(network);
	}
}

void mqtt_network_run(void *argument)
{
	struct mqtt_network *network = argument;

	for (;;) {
		connection_run(network);
		if (atomic_load(&network->stopping))
			return;
		wait_before_retry(network);
		atomic_fetch_add(&network->reconnects, 1);
	}
}

void mqtt_network_ring(struct mqtt_network *network)
{
	const uint64_t one = 1;

	/* It can only fail when it has rung 2^64 times unheard. */
	if (write(network->bell, &one, sizeof(one)) < 0)
		return;
}
