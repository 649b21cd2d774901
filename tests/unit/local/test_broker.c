/*
 * test_broker.c - the broker as a child: it comes back after a kill, and an agent reaches its own
 * topics only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "local/broker.h"
#include "local/process.h"
#include "local/state.h"
#include "net/mqtt.h"

#define WAIT_US (5 * CLOCK_US_PER_S)

struct fixture {
	char folder[64];
	struct state *state;
	struct broker *broker;
	uint16_t port;
};

static int setup(void **state)
{
	static const char *const names[] = {"mc-1", "mc-2"};
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct error err;
	char folder[128], program[256];

	if (!process_find("mosquitto", program, sizeof(program))) {
		free(fixture);
		*state = NULL;
		return 0;
	}
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/reeve-broker-XXXXXX");
	if (!mkdtemp(fixture->folder) || state_open(&fixture->state, fixture->folder, &err) < 0 ||
		state_port(fixture->state, "broker", &fixture->port, &err) < 0)
		return -1;
	snprintf(folder, sizeof(folder), "%s/broker", fixture->folder);
	struct broker_config config = {.folder = folder,
		.host = "127.0.0.1",
		.port = fixture->port,
		.source_id = "maestro",
		.management_clusters = names,
		.management_cluster_count = 2};
	if (broker_start(&fixture->broker, &config, &err) < 0) {
		print_error("%s\n", err.message);
		return -1;
	}
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	if (!fixture)
		return 0;
	broker_stop(fixture->broker);
	state_close(fixture->state);
	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
	int result = system(command);
	free(fixture);
	return result;
}

static struct mqtt *connect_as(struct fixture *fixture, const char *user, const char *password,
	void (*on_message)(void *, struct arena *, const struct mqtt_message *), void *context)
{
	struct mqtt *mqtt;
	struct error err;
	struct mqtt_config config = {.host = "127.0.0.1",
		.port = fixture->port,
		.client_id = user,
		.username = user,
		.password = password ? password : broker_password(fixture->broker, user),
		.on_message = on_message,
		.context = context};

	assert_int_equal(mqtt_start(&mqtt, &config, &err), 0);
	return mqtt;
}

static void count_message(void *context, struct arena *arena, const struct mqtt_message *message)
{
	(void)arena;
	(void)message;
	__atomic_add_fetch((int *)context, 1, __ATOMIC_SEQ_CST);
}

static void publish(struct mqtt *mqtt, struct str topic)
{
	struct mqtt_message message = {.topic = topic, .payload = STR("x")};
	struct error err;

	mqtt_publish(mqtt, &message, &err); /* a refusal is what some tests look for */
}

static void an_agent_reaches_its_own_topics_only(void **state)
{
	struct fixture *fixture = *state;
	int maestro_heard = 0, one_heard = 0, two_heard = 0;
	struct error err;

	if (!fixture)
		skip();
	struct mqtt *maestro = connect_as(fixture, "maestro", NULL, count_message, &maestro_heard);
	struct mqtt *one = connect_as(fixture, "agent-mc-1", NULL, count_message, &one_heard);
	struct mqtt *two = connect_as(fixture, "agent-mc-2", NULL, count_message, &two_heard);
	mqtt_subscribe(maestro, "sources/maestro/consumers/+/agentevents", &err);
	mqtt_subscribe(one, "sources/maestro/consumers/mc-1/sourceevents", &err);
	mqtt_subscribe(
		two, "sources/maestro/consumers/+/sourceevents", &err); /* more than it may */
	assert_int_equal(mqtt_wait_ready(maestro, WAIT_US, &err), 0);
	assert_int_equal(mqtt_wait_ready(one, WAIT_US, &err), 0);

	publish(maestro, STR("sources/maestro/consumers/mc-1/sourceevents")); /* heard by one */
	publish(one, STR("sources/maestro/consumers/mc-1/agentevents"));      /* heard by maestro */
	publish(one, STR("sources/maestro/consumers/mc-2/agentevents"));      /* not its topic */
	publish(one, STR("sources/maestro/consumers/mc-2/sourceevents"));
	publish(one, STR("clm/clusters"));
	for (int i = 0; i < 100 && (__atomic_load_n(&one_heard, __ATOMIC_SEQ_CST) < 1 ||
					   __atomic_load_n(&maestro_heard, __ATOMIC_SEQ_CST) < 1);
		i++)
		usleep(20000);
	usleep(200000); /* time for what must not come */

	assert_int_equal(__atomic_load_n(&one_heard, __ATOMIC_SEQ_CST), 1);
	assert_int_equal(__atomic_load_n(&maestro_heard, __ATOMIC_SEQ_CST), 1);
	assert_int_equal(__atomic_load_n(&two_heard, __ATOMIC_SEQ_CST), 0);
	mqtt_stop(one);
	mqtt_stop(two);
	mqtt_stop(maestro);
}

static void a_wrong_password_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct error err;

	if (!fixture)
		skip();
	struct mqtt *mqtt = connect_as(fixture, "agent-mc-1", "wrong", NULL, NULL);
	assert_int_equal(mqtt_wait_ready(mqtt, CLOCK_US_PER_S, &err), -1);
	mqtt_stop(mqtt);
}

static void a_killed_broker_comes_back_and_clients_with_it(void **state)
{
	struct fixture *fixture = *state;
	struct error err;

	if (!fixture)
		skip();
	struct mqtt *mqtt = connect_as(fixture, "clm", NULL, NULL, NULL);
	assert_int_equal(mqtt_wait_ready(mqtt, WAIT_US, &err), 0);
	pid_t before = broker_pid(fixture->broker);
	kill(before, SIGKILL);
	for (int i = 0;
		i < 200 && (broker_pid(fixture->broker) == before || !broker_pid(fixture->broker));
		i++)
		usleep(20000);
	assert_int_not_equal(broker_pid(fixture->broker), before);
	struct mqtt_message message = {.topic = STR("clm/clusters"), .payload = STR("x")};
	int result = -1;
	for (int i = 0; i < 250 && result < 0; i++) {
		result = mqtt_publish(mqtt, &message, &err);
		if (result < 0)
			usleep(20000);
	}
	assert_int_equal(result, 0);
	mqtt_stop(mqtt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_agent_reaches_its_own_topics_only),
		cmocka_unit_test(a_wrong_password_is_refused),
		cmocka_unit_test(a_killed_broker_comes_back_and_clients_with_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
