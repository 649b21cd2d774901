/*
 * test_mqtt.c - tests src/net/mqtt.c and its parts against a real mosquitto.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "broker.h"
#include "net/mqtt.h"

#define WAIT_US (20 * CLOCK_US_PER_S)
#define MANY 20000
#define PUBLISHERS 8
#define EACH 500

/* What a client's handlers have seen. */
struct seen {
	struct mqtt *mqtt; /* for handlers that publish */
	atomic_int ready;
	atomic_int lost;
	atomic_int messages;
	atomic_int wrong; /* out of order, or not as expected */
	atomic_int echoed;
	int next[PUBLISHERS];
	int gate[2]; /* a pipe that a handler waits on */
	void (*check)(struct seen *seen, const struct mqtt_message *message);
};

static struct broker broker;

static void handle_message(void *context, struct arena *arena, const struct mqtt_message *message)
{
	struct seen *seen = context;

	if (seen->check != NULL)
		seen->check(seen, message);
	atomic_fetch_add(&seen->messages, 1);
}

static void handle_ready(void *context)
{
	atomic_fetch_add(&((struct seen *)context)->ready, 1);
}

static void handle_lost(void *context)
{
	atomic_fetch_add(&((struct seen *)context)->lost, 1);
}

static struct mqtt_config config_for(const char *client_id, struct seen *seen)
{
	return (struct mqtt_config){
		.host = "127.0.0.1",
		.port = broker.port,
		.client_id = client_id,
		.on_message = seen == NULL ? NULL : handle_message,
		.on_ready = seen == NULL ? NULL : handle_ready,
		.on_lost = seen == NULL ? NULL : handle_lost,
		.context = seen,
	};
}

static struct mqtt *start_with(const struct mqtt_config *config, const char *filter)
{
	struct error err = {0};
	struct mqtt *mqtt = NULL;
	struct seen *seen = config->context;

	assert_int_equal(mqtt_start(&mqtt, config, &err), 0);
	if (seen != NULL)
		seen->mqtt = mqtt;
	if (filter != NULL)
		assert_int_equal(mqtt_subscribe(mqtt, filter, &err), 0);
	if (mqtt_wait_ready(mqtt, WAIT_US, &err) != 0)
		fail_msg("not ready: %s", err.message);
	return mqtt;
}

static struct mqtt *start(const char *client_id, struct seen *seen, const char *filter)
{
	struct mqtt_config config = config_for(client_id, seen);

	return start_with(&config, filter);
}

static bool wait_for(atomic_int *counter, int at_least)
{
	int64_t deadline_us = clock_monotonic_us() + WAIT_US;

	while (atomic_load(counter) < at_least) {
		if (clock_monotonic_us() > deadline_us)
			return false;
		usleep(1000);
	}
	return true;
}

static struct mqtt_message text_message(const char *topic, const char *payload)
{
	return (struct mqtt_message){.topic = str_of(topic), .payload = str_of(payload)};
}

static void publish(struct mqtt *mqtt, const char *topic, const char *payload)
{
	struct mqtt_message message = text_message(topic, payload);
	struct error err = {0};

	if (mqtt_publish(mqtt, &message, &err) != 0)
		fail_msg("publish: %s", err.message);
}

static int set_up(void **state)
{
	broker = (struct broker){0};
	if (broker_is_installed())
		broker_start(&broker, NULL);
	return 0;
}

static int tear_down(void **state)
{
	if (broker_is_installed())
		broker_stop(&broker);
	return 0;
}

#define NEEDS_BROKER()                                                          \
	do {                                                                    \
		if (!broker_is_installed()) {                                   \
			print_message("skipped: mosquitto is not installed\n"); \
			skip();                                                 \
		}                                                               \
	} while (0)

/* --- messages -------------------------------------------------------------------------------- */

static const struct mqtt_property sent_properties[] = {
	{{"ce-id", 5}, {"1", 1}},
	{{"ce-originalsource", 17}, {"", 0}},
	{{"ce-id", 5}, {"\xc3\xa4 twice", 8}},
};

static void check_all_parts(struct seen *seen, const struct mqtt_message *message)
{
	bool right = str_eq_c(message->topic, "parts/1") &&
		     str_eq_c(message->content_type, "application/json") &&
		     message->property_count == 3 && !message->retain &&
		     str_eq(message->payload, str_n("{\"a\":\0}", 7));

	for (size_t i = 0; right && i < 3; i++)
		right = str_eq(message->properties[i].name, sent_properties[i].name) &&
			str_eq(message->properties[i].value, sent_properties[i].value) &&
			!str_is_null(message->properties[i].value);
	if (!right)
		atomic_fetch_add(&seen->wrong, 1);
}

static void a_message_arrives_with_all_its_parts(void **state)
{
	struct seen seen = {.check = check_all_parts};
	struct mqtt_message message = {
		.topic = STR("parts/1"),
		.content_type = STR("application/json"),
		.properties = sent_properties,
		.property_count = 3,
		.payload = {"{\"a\":\0}", 7},
	};
	struct error err;
	struct mqtt *mqtt;

	NEEDS_BROKER();
	mqtt = start("parts", &seen, "parts/+");
	assert_int_equal(mqtt_publish(mqtt, &message, &err), 0);
	assert_true(wait_for(&seen.messages, 1));
	assert_int_equal(atomic_load(&seen.wrong), 0);
	mqtt_stop(mqtt);
}

static void check_empty(struct seen *seen, const struct mqtt_message *message)
{
	if (message->payload.len != 0 || message->property_count != 0 ||
		!str_is_null(message->content_type))
		atomic_fetch_add(&seen->wrong, 1);
}

static void a_message_may_be_empty(void **state)
{
	struct seen seen = {.check = check_empty};
	struct mqtt *mqtt;

	NEEDS_BROKER();
	mqtt = start("empty", &seen, "empty");
	publish(mqtt, "empty", "");
	assert_true(wait_for(&seen.messages, 1));
	assert_int_equal(atomic_load(&seen.wrong), 0);
	mqtt_stop(mqtt);
}

static void what_mqtt_forbids_is_refused_and_harms_nobody(void **state)
{
	static const struct mqtt_property control = {{"ce-metadata", 11}, {"a\x01", 2}};
	static const struct mqtt_property c1 = {{"ce-metadata", 11}, {"\xc2\x85", 2}};
	static const struct mqtt_property not_utf8 = {{"ce-metadata", 11}, {"\xff", 1}};
	char *large = calloc(1, MQTT_MAX_PAYLOAD_BYTES + 1);
	struct mqtt_property long_value = {STR("p"), {large, UINT16_MAX + 1}};
	const struct {
		const char *name;
		struct mqtt_message message;
		enum error_code code;
	} rows[] = {
		{"no topic", {.topic = STR("")}, ERROR_INVALID},
		{"a wildcard", {.topic = STR("a/+/b")}, ERROR_INVALID},
		{"NUL in the topic", {.topic = {"a\0b", 3}}, ERROR_INVALID},
		{"control character",
			{.topic = STR("a"), .properties = &control, .property_count = 1},
			ERROR_INVALID},
		{"C1 character", {.topic = STR("a"), .properties = &c1, .property_count = 1},
			ERROR_INVALID},
		{"not UTF-8", {.topic = STR("a"), .properties = &not_utf8, .property_count = 1},
			ERROR_INVALID},
		{"long property",
			{.topic = STR("a"), .properties = &long_value, .property_count = 1},
			ERROR_TOO_LARGE},
		{"payload", {.topic = STR("a"), .payload = {large, MQTT_MAX_PAYLOAD_BYTES + 1}},
			ERROR_TOO_LARGE},
	};
	struct seen seen = {0};
	struct mqtt *mqtt;

	NEEDS_BROKER();
	assert_non_null(large);
	mqtt = start("forbidden", &seen, "fine");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};

		print_message("  %s\n", rows[i].name);
		assert_int_equal(mqtt_publish(mqtt, &rows[i].message, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		err = (struct error){0};
		assert_int_equal(mqtt_publish_nowait(mqtt, &rows[i].message, &err), -1);
		assert_int_equal(err.code, rows[i].code);
	}
	publish(mqtt, "fine", "still here");
	assert_true(wait_for(&seen.messages, 1));
	assert_int_equal(atomic_load(&seen.lost), 0);
	mqtt_stop(mqtt);
	free(large);
}

/* --- many ------------------------------------------------------------------------------------ */

static void check_number(struct seen *seen, const struct mqtt_message *message)
{
	int64_t number = -1;

	if (!str_to_int64(message->payload, &number) || number != seen->next[0])
		atomic_fetch_add(&seen->wrong, 1);
	seen->next[0] = (int)number + 1;
}

static void twenty_thousand_messages_arrive_in_order(void **state)
{
	struct seen seen = {.check = check_number};
	struct mqtt_counters counters;
	struct mqtt *receiver;
	struct mqtt *sender;

	NEEDS_BROKER();
	receiver = start("many-receiver", &seen, "many");
	sender = start("many-sender", NULL, NULL);
	for (int i = 0; i < MANY; i++) {
		struct error err = {0};
		char text[16];
		struct mqtt_message message = {.topic = STR("many")};

		message.payload = str_n(text, (size_t)snprintf(text, sizeof(text), "%d", i));
		if (mqtt_publish_nowait(sender, &message, &err) != 0)
			fail_msg("publish %d: %s", i, err.message);
	}
	assert_true(wait_for(&seen.messages, MANY));
	assert_int_equal(atomic_load(&seen.wrong), 0);
	/* A message may arrive before its own PUBACK. */
	do {
		mqtt_count(sender, &counters);
	} while (counters.published + counters.failed < MANY && usleep(1000) == 0);
	assert_int_equal(counters.published, MANY);
	assert_int_equal(counters.failed, 0);
	mqtt_count(receiver, &counters);
	assert_int_equal(counters.received, MANY);
	assert_int_equal(counters.dropped, 0);
	mqtt_stop(sender);
	mqtt_stop(receiver);
}

struct publisher {
	struct mqtt *mqtt;
	int number;
	int failed;
};

static void publish_each(void *argument)
{
	struct publisher *publisher = argument;

	for (int i = 0; i < EACH; i++) {
		struct error err;
		char topic[16];
		char text[16];
		struct mqtt_message message;

		snprintf(topic, sizeof(topic), "from/%d", publisher->number);
		snprintf(text, sizeof(text), "%d", i);
		message = text_message(topic, text);
		if (mqtt_publish(publisher->mqtt, &message, &err) != 0)
			publisher->failed++;
	}
}

static void check_from(struct seen *seen, const struct mqtt_message *message)
{
	int from = message->topic.ptr[5] - '0';
	int64_t number = -1;

	if (!str_to_int64(message->payload, &number) || number != seen->next[from]++)
		atomic_fetch_add(&seen->wrong, 1);
}

static void many_threads_publish_at_once(void **state)
{
	struct seen seen = {.check = check_from};
	struct publisher publishers[PUBLISHERS];
	struct thread *threads[PUBLISHERS];
	struct mqtt *receiver;
	struct mqtt *sender;
	struct error err;

	NEEDS_BROKER();
	receiver = start("at-once-receiver", &seen, "from/#");
	sender = start("at-once-sender", NULL, NULL);
	for (int i = 0; i < PUBLISHERS; i++) {
		publishers[i] = (struct publisher){.mqtt = sender, .number = i};
		assert_int_equal(
			thread_start(&threads[i], "publisher", publish_each, &publishers[i], &err),
			0);
	}
	for (int i = 0; i < PUBLISHERS; i++) {
		thread_join(threads[i]);
		assert_int_equal(publishers[i].failed, 0);
	}
	assert_true(wait_for(&seen.messages, PUBLISHERS * EACH));
	assert_int_equal(atomic_load(&seen.wrong), 0);
	mqtt_stop(sender);
	mqtt_stop(receiver);
}

static void one_thread_keeps_many_in_flight(void **state)
{
	struct seen seen = {.check = check_number};
	struct mqtt_ticket *tickets[100];
	char texts[100][16];
	struct mqtt *mqtt;
	struct error err;

	NEEDS_BROKER();
	mqtt = start("tickets", &seen, "tickets");
	for (int i = 0; i < 100; i++) {
		struct mqtt_message message;

		snprintf(texts[i], sizeof(texts[i]), "%d", i);
		message = text_message("tickets", texts[i]);
		assert_int_equal(mqtt_publish_begin(mqtt, &message, &tickets[i], &err), 0);
	}
	for (int i = 99; i >= 0; i--)
		assert_int_equal(mqtt_publish_end(mqtt, tickets[i], &err), 0);
	assert_true(wait_for(&seen.messages, 100));
	assert_int_equal(atomic_load(&seen.wrong), 0);
	mqtt_stop(mqtt);
}

static void echo(struct seen *seen, const struct mqtt_message *message)
{
	struct mqtt_message answer = {.topic = STR("echoed"), .payload = message->payload};
	struct error err;

	if (str_eq_c(message->topic, "echoed"))
		atomic_fetch_add(&seen->echoed, 1);
	else if (mqtt_publish(seen->mqtt, &answer, &err) != 0)
		atomic_fetch_add(&seen->wrong, 1);
}

/* The inbox is overfull while the handler waits for PUBACKs: they must still be read. */
static void a_handler_may_publish_while_it_is_flooded(void **state)
{
	struct seen seen = {.check = echo};
	struct mqtt *receiver;
	struct mqtt *sender;
	struct error err;

	NEEDS_BROKER();
	receiver = start("echo", &seen, "flood");
	assert_int_equal(mqtt_subscribe(receiver, "echoed", &err), 0);
	assert_int_equal(mqtt_wait_ready(receiver, WAIT_US, &err), 0);
	sender = start("flood", NULL, NULL);
	for (int i = 0; i < 3 * MQTT_MAX_QUEUE; i++) {
		struct mqtt_message message = text_message("flood", "x");

		assert_int_equal(mqtt_publish_nowait(sender, &message, &err), 0);
	}
	assert_true(wait_for(&seen.echoed, 3 * MQTT_MAX_QUEUE));
	assert_int_equal(atomic_load(&seen.wrong), 0);
	assert_int_equal(atomic_load(&seen.lost), 0);
	mqtt_stop(sender);
	mqtt_stop(receiver);
}

/* --- connections ----------------------------------------------------------------------------- */

static void without_a_broker_nothing_is_published(void **state)
{
	struct mqtt_config config = config_for("alone", NULL);
	struct mqtt_message message = text_message("a", "b");
	struct error err = {0};
	struct mqtt *mqtt;

	NEEDS_BROKER();
	broker_kill(&broker);
	assert_int_equal(mqtt_start(&mqtt, &config, &err), 0);
	assert_int_equal(mqtt_wait_ready(mqtt, CLOCK_US_PER_S / 2, &err), -1);
	assert_int_equal(err.code, ERROR_TIMEOUT);
	assert_non_null(strstr(err.message, "Connection refused"));
	assert_false(mqtt_is_ready(mqtt));
	assert_int_equal(mqtt_publish(mqtt, &message, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	mqtt_stop(mqtt);
}

static void a_killed_broker_is_found_again(void **state)
{
	struct seen seen = {0};
	struct mqtt_message message = text_message("again", "x");
	struct mqtt_counters counters;
	struct error err = {0};
	struct mqtt *mqtt;

	NEEDS_BROKER();
	mqtt = start("again", &seen, "again");
	publish(mqtt, "again", "before");
	assert_true(wait_for(&seen.messages, 1));
	for (int round = 1; round <= 3; round++) {
		broker_kill(&broker);
		assert_true(wait_for(&seen.lost, round));
		assert_int_equal(mqtt_publish(mqtt, &message, &err), -1);
		assert_int_equal(err.code, ERROR_UNAVAILABLE);
		broker_again(&broker);
		assert_int_equal(mqtt_wait_ready(mqtt, WAIT_US, &err), 0);
		assert_true(wait_for(&seen.ready, 1 + round));
		publish(mqtt, "again", "after");
		assert_true(wait_for(&seen.messages, 1 + round));
	}
	mqtt_count(mqtt, &counters);
	assert_true(counters.reconnects >= 3);
	mqtt_stop(mqtt);
}

static void a_subscription_made_later_gets_ready_too(void **state)
{
	struct seen seen = {0};
	struct mqtt *mqtt;
	struct error err = {0};

	NEEDS_BROKER();
	mqtt = start("later", &seen, NULL);
	for (int i = 0; i < 20; i++) {
		char topic[32];

		snprintf(topic, sizeof(topic), "later/%d", i);
		assert_int_equal(mqtt_subscribe(mqtt, topic, &err), 0);
		assert_int_equal(mqtt_wait_ready(mqtt, WAIT_US, &err), 0);
		publish(mqtt, topic, "x");
	}
	assert_true(wait_for(&seen.messages, 20));
	assert_int_equal(mqtt_subscribe(mqtt, "a/#/b", &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
	mqtt_stop(mqtt);
}

static void messages_sent_meanwhile_wait_in_a_kept_session(void **state)
{
	struct seen seen = {.check = check_number};
	struct mqtt_config config = config_for("kept", &seen);
	struct mqtt *receiver;
	struct mqtt *sender;

	NEEDS_BROKER();
	config.keep_session = true;
	config.session_expiry_s = 600;
	receiver = start_with(&config, "kept");
	mqtt_stop(receiver);
	sender = start("kept-sender", NULL, NULL);
	publish(sender, "kept", "0");
	publish(sender, "kept", "1");
	mqtt_stop(sender);
	receiver = start_with(&config, "kept");
	assert_true(wait_for(&seen.messages, 2));
	assert_int_equal(atomic_load(&seen.wrong), 0);
	mqtt_stop(receiver);
}

static void publish_when_the_gate_opens(struct seen *seen, const struct mqtt_message *message)
{
	struct mqtt_message answer = text_message("nobody", "x");
	struct error err = {0};
	char byte;

	atomic_fetch_add(&seen->echoed, 1);
	if (read(seen->gate[0], &byte, 1) != 1 || mqtt_publish(seen->mqtt, &answer, &err) == 0 ||
		err.code != ERROR_CANCELLED)
		atomic_fetch_add(&seen->wrong, 1);
}

static void stopping_ends_a_handler_that_waits_for_the_broker(void **state)
{
	struct seen seen = {.check = publish_when_the_gate_opens};
	struct mqtt *mqtt;
	int64_t start_us;

	NEEDS_BROKER();
	assert_int_equal(pipe(seen.gate), 0);
	mqtt = start("stuck", &seen, "stuck");
	publish(mqtt, "stuck", "x");
	assert_true(wait_for(&seen.echoed, 1));
	kill(broker.pid, SIGSTOP);
	assert_int_equal(write(seen.gate[1], "x", 1), 1);
	usleep(50000);
	start_us = clock_monotonic_us();
	mqtt_stop(mqtt);
	assert_true(clock_monotonic_us() - start_us < 5 * CLOCK_US_PER_S);
	assert_int_equal(atomic_load(&seen.wrong), 0);
	kill(broker.pid, SIGCONT);
	close(seen.gate[0]);
	close(seen.gate[1]);
}

/* --- who may --------------------------------------------------------------------------------- */

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void start_guarded_broker(void)
{
	char command[256];

	broker_stop(&broker);
	broker_prepare(&broker);
	broker_write_file(&broker, "passwords", "alice:secret\n");
	broker_write_file(&broker, "acl", "user alice\ntopic readwrite hers/#\n");
	snprintf(command, sizeof(command), "mosquitto_passwd -U %s/passwords", broker.directory);
	run(command);
	broker_start(&broker, "password_file @/passwords\nacl_file @/acl\n");
}

static void a_wrong_password_is_told(void **state)
{
	struct mqtt_config config;
	struct error err = {0};
	struct mqtt *mqtt;

	NEEDS_BROKER();
	start_guarded_broker();
	config = config_for("mallory", NULL);
	config.username = "alice";
	config.password = "guessed";
	assert_int_equal(mqtt_start(&mqtt, &config, &err), 0);
	assert_int_equal(mqtt_wait_ready(mqtt, CLOCK_US_PER_S / 2, &err), -1);
	assert_non_null(strstr(err.message, "refused the connection: Not authorized"));
	mqtt_stop(mqtt);
}

static void a_topic_of_others_is_forbidden(void **state)
{
	struct mqtt_message hers = text_message("hers/1", "x");
	struct mqtt_message others = text_message("others/1", "x");
	struct mqtt_config config;
	struct error err = {0};
	struct mqtt *mqtt;

	NEEDS_BROKER();
	start_guarded_broker();
	config = config_for("alice", NULL);
	config.username = "alice";
	config.password = "secret";
	mqtt = start_with(&config, NULL);
	assert_int_equal(mqtt_publish(mqtt, &hers, &err), 0);
	assert_int_equal(mqtt_publish(mqtt, &others, &err), -1);
	assert_int_equal(err.code, ERROR_FORBIDDEN);
	mqtt_stop(mqtt);
}

static void tls_verifies_the_broker(void **state)
{
	char command[1024];
	char ca[128];
	struct seen seen = {0};
	struct mqtt_config config;
	struct error err = {0};
	struct mqtt *mqtt;

	NEEDS_BROKER();
	broker_stop(&broker);
	broker_prepare(&broker);
	snprintf(command, sizeof(command),
		"cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		"-days 2 "
		"-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout server.key "
		"-out server.crt 2>/dev/null && chmod 644 server.key",
		broker.directory);
	run(command);
	snprintf(command, sizeof(command),
		"cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		"-days 2 "
		"-subj /CN=other -keyout ca.key -out ca.crt 2>/dev/null",
		broker.directory);
	run(command);
	broker_start(&broker, "certfile @/server.crt\nkeyfile @/server.key\n");
	config = config_for("tls", &seen);
	snprintf(ca, sizeof(ca), "%s/server.crt", broker.directory);
	config.ca_file = ca;
	mqtt = start_with(&config, "tls");
	for (int i = 0; i < 50; i++)
		publish(mqtt, "tls", "secret");
	assert_true(wait_for(&seen.messages, 50));
	mqtt_stop(mqtt);

	snprintf(ca, sizeof(ca), "%s/ca.crt", broker.directory);
	assert_int_equal(mqtt_start(&mqtt, &config, &err), 0);
	assert_int_equal(mqtt_wait_ready(mqtt, CLOCK_US_PER_S, &err), -1);
	mqtt_stop(mqtt);
}

static void a_configuration_without_sense_is_refused(void **state)
{
	const struct {
		const char *name;
		struct mqtt_config config;
	} rows[] = {
		{"no host", {.port = 1, .client_id = "a"}},
		{"no port", {.host = "h", .client_id = "a"}},
		{"no id", {.host = "h", .port = 1, .client_id = ""}},
		{"certificate without key", {.host = "h",
						    .port = 1,
						    .client_id = "a",
						    .ca_file = "c",
						    .cert_file = "c"}},
		{"certificate without CA", {.host = "h",
						   .port = 1,
						   .client_id = "a",
						   .cert_file = "c",
						   .key_file = "k"}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		struct mqtt *mqtt = NULL;

		assert_int_equal(mqtt_start(&mqtt, &rows[i].config, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_null(mqtt);
	}
	mqtt_stop(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_arrives_with_all_its_parts),
		TEST(a_message_may_be_empty),
		TEST(what_mqtt_forbids_is_refused_and_harms_nobody),
		TEST(twenty_thousand_messages_arrive_in_order),
		TEST(many_threads_publish_at_once),
		TEST(one_thread_keeps_many_in_flight),
		TEST(a_handler_may_publish_while_it_is_flooded),
		TEST(without_a_broker_nothing_is_published),
		TEST(a_killed_broker_is_found_again),
		TEST(a_subscription_made_later_gets_ready_too),
		TEST(messages_sent_meanwhile_wait_in_a_kept_session),
		TEST(stopping_ends_a_handler_that_waits_for_the_broker),
		TEST(a_wrong_password_is_told),
		TEST(a_topic_of_others_is_forbidden),
		TEST(tls_verifies_the_broker),
		cmocka_unit_test(a_configuration_without_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
