/*
 * agent_report.c - status events and the spec resync request, as the original agent sends them.
 *
 * Sequence ids are made when an event is encoded, so a repeated status is newer than the first;
 * node 1, because servers refuse to compare ids of different nodes.
 */
#include "maestro/agent_report.h"

#include "maestro/agent_manifest.h"
#include "net/cloudevent.h"

#define ORIGINAL_SOURCE_LABEL "cloudevents.open-cluster-management.io/originalsource"
#define DATA_TYPE_ANNOTATION "cloudevents.open-cluster-management.io/datatype"
#define REPORT_MAX_PROPERTY ((size_t)65535) /* MQTT 5 section 1.5.7 */

static struct json *object_of(struct json *parent, const char *member)
{
	struct json *object = json_get(parent, member);
	if (json_is(object, JSON_OBJECT))
		return object;
	object = json_new_object(json_arena(parent));
	json_set(parent, member, object);
	return object;
}

/* The ObjectMeta of the work: what came with the spec, and what the agent's work adds to it. */
static struct str metadata_text(
	const struct agent *agent, struct arena *arena, const struct agent_pass *pass)
{
	struct json *metadata = NULL;
	if (str_is_null(pass->metadata) ||
		json_parse(arena, pass->metadata, NULL, &metadata, NULL) < 0 ||
		!json_is(metadata, JSON_OBJECT))
		metadata = json_new_object(arena);
	if (json_get_text(metadata, "name").len == 0)
		json_set_text(metadata, "name", pass->id);
	json_set_text(metadata, "namespace", str_of(agent->consumer));
	json_set_text(metadata, "uid", pass->id);
	json_set_int(metadata, "generation", pass->generation);
	json_set_text(metadata, "resourceVersion", STR(""));
	json_set_text(object_of(metadata, "labels"), ORIGINAL_SOURCE_LABEL, pass->source);
	json_set_text(
		object_of(metadata, "annotations"), DATA_TYPE_ANNOTATION, STR(AGENT_DATA_TYPE));
	struct json *finalizers = json_new_array(arena);
	json_append(finalizers, json_new_cstr(arena, AGENT_WORK_FINALIZER));
	json_set(metadata, "finalizers", finalizers);
	struct str text = json_text(arena, metadata, JSON_WRITE_COMPACT);
	if (text.len <= REPORT_MAX_PROPERTY)
		return text;
	/* One property holds it all; the annotations are what makes it long. */
	json_remove(metadata, STR("annotations"));
	text = json_text(arena, metadata, JSON_WRITE_COMPACT);
	return text.len <= REPORT_MAX_PROPERTY ? text : STR("{}");
}

static struct cloudevent event_new(
	const struct agent *agent, struct arena *arena, const char *action, char id[ID_UUID_SIZE])
{
	id_uuid4(id);
	struct cloudevent event = {
		.id = str_n(id, ID_UUID_LEN),
		.source = str_of(agent->client_id),
		.type = arena_printf(arena, "%s.%s", AGENT_DATA_TYPE, action),
		.time = clock_text(arena, clock_now_us(agent->clock)),
		.datacontenttype = STR("application/json"),
	};
	cloudevent_set_extension(&event, STR("clustername"), str_of(agent->consumer));
	return event;
}

static int event_publish(
	struct agent *agent, struct arena *arena, const struct cloudevent *event, struct error *err)
{
	struct mqtt_message message;
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory for an event");
	if (cloudevent_to_mqtt_binary(arena, event, &message, err) < 0)
		return -1;
	message.topic = str_of(agent->topic_out);
	if (mqtt_publish(agent->mqtt, &message, err) == 0)
		return 0;
	atomic_fetch_add(&agent->publish_errors, 1);
	return -1;
}

int agent_report_status(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	const struct json *status, const char *hash, bool is_resync, struct error *err)
{
	char id[ID_UUID_SIZE];
	struct cloudevent event = event_new(
		agent, arena, is_resync ? "status.resync_response" : "status.update_request", id);
	int64_t sequence = id_snowflake_next(agent->sequence, clock_now_us(agent->clock));
	const struct {
		struct str name, value;
	} extensions[] = {
		{STR("resourceid"), pass->id},
		{STR("resourceversion"), arena_printf(arena, "%lld", (long long)pass->generation)},
		{STR("originalsource"), pass->source},
		{STR("sequenceid"), arena_printf(arena, "%lld", (long long)sequence)},
		{STR("statushash"), str_of(hash)},
		{STR("logtracing"), str_is_null(pass->log_tracing) ? STR("{}") : pass->log_tracing},
		{STR("metadata"), metadata_text(agent, arena, pass)},
	};
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		cloudevent_set_extension(&event, extensions[i].name, extensions[i].value);
	event.data = json_text(arena, status, JSON_WRITE_COMPACT);
	if (event_publish(agent, arena, &event, err) < 0)
		return error_prefix(err, "status of bundle %" STR_F, STR_A(pass->id));
	atomic_fetch_add(&agent->published, 1);
	return 0;
}

static void version_add(void *arg, struct str id, int64_t generation)
{
	struct json *versions = arg;
	struct arena *arena = json_arena(versions);
	struct json *version = json_new_object(arena);
	json_set_text(version, "resourceID", arena_str(arena, id));
	json_set_int(version, "resourceVersion", generation);
	json_append(versions, version);
}

int agent_report_resync(struct agent *agent, struct error *err)
{
	struct arena *arena = arena_new(0);
	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for a resync request");
	char id[ID_UUID_SIZE];
	struct cloudevent event = event_new(agent, arena, "spec.resync_request", id);
	struct json *payload = json_new_object(arena), *versions = json_new_array(arena);
	agent_store_each(agent->store, version_add, versions);
	json_set(payload, "resourceVersions", versions);
	cloudevent_set_extension(&event, STR("originalsource"), STR(""));
	event.data = json_text(arena, payload, JSON_WRITE_COMPACT);
	int result = event_publish(agent, arena, &event, err);
	arena_free(arena);
	return result < 0 ? error_prefix(err, "spec resync request") : 0;
}
