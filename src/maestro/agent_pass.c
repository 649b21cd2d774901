/*
 * agent_pass.c - a turn, from the spec's text to the status message.
 *
 * A turn does as little as it can. A new spec applies every manifest, and the objects that the
 * server answers with are also what feedback is read from, so nothing is fetched twice. A turn for
 * an observed change takes the object from the watch and writes only if the manifest no longer
 * holds. All of it ends in at most one message: Applied, Available and feedback travel together,
 * and an unchanged status does not travel at all.
 *
 * The message goes out before the list of applied objects is written to the cluster: should the
 * agent die in between, the spec comes again by resync and the list is written then.
 */
#include "maestro/agent_pass.h"

#include "maestro/agent_apply.h"
#include "maestro/agent_feedback.h"
#include "maestro/agent_follow.h"
#include "maestro/agent_owner.h"
#include "maestro/agent_report.h"
#include "maestro/agent_status.h"

/* One manifest in this turn. */
struct plan {
	const struct json *manifest;
	struct agent_resource_meta meta;
	struct kube_resource resource;
	bool is_mapped;
	bool is_retryable; /* what went wrong may go right later */
	bool is_orphan;
	struct error config_error; /* code 0: none */
	struct agent_manifest_config config;
	struct agent_target target;
	const struct agent_observation *seen; /* NULL: nothing was observed */
	struct json *live;
	struct agent_manifest_outcome outcome;
};

struct turn {
	struct agent *agent;
	struct arena *arena;
	const struct agent_pass *pass;
	const struct json *bundle;
	struct json *status; /* as it becomes */
	struct str now;
	struct plan *plans;
	size_t count;
	struct agent_owner owner;
	struct json *owner_reference;
	bool is_failed;
	bool wants_repair; /* drift was seen that may not be repaired yet */
};

/* --- planning ------------------------------------------------------------------------------ */

/* An unknown kind is the manifest's own trouble; a cluster that does not answer is the turn's. */
static int plan_map(struct turn *turn, struct plan *plan, struct error *err)
{
	struct str api_version = json_get_text(plan->manifest, "apiVersion");
	if (kube_find_kind(turn->agent->kube, api_version, plan->meta.kind, &plan->resource, err) ==
		0) {
		plan->is_mapped = true;
		plan->meta.resource = str_of(plan->resource.plural);
		if (!plan->resource.namespaced)
			plan->meta.name_space = STR("");
		return 0;
	}
	if (err->code != ERROR_NOT_FOUND)
		return -1;
	plan->outcome.presence = AGENT_UNMAPPED;
	plan->outcome.was_applied = true;
	plan->outcome.apply_error = arena_str(turn->arena, str_of(err->message));
	plan->is_retryable = true;
	return 0;
}

static void plan_target(struct turn *turn, struct plan *plan)
{
	const struct agent_pass *pass = turn->pass;
	size_t i = plan->meta.ordinal;
	plan->target.kind = AGENT_MAX_FOLLOWERS;
	if (!plan->is_mapped)
		return;
	plan->target.kind = agent_follow_kind(turn->agent, &plan->resource);
	plan->target.key = agent_target_key(
		plan->meta.group, plan->meta.resource, plan->meta.name_space, plan->meta.name);
	if (i < pass->target_count && pass->targets[i].key == plan->target.key)
		plan->target = pass->targets[i];
	for (size_t k = 0; k < pass->observation_count; k++) {
		if (pass->observations[k].ordinal == i)
			plan->seen = &pass->observations[k];
	}
}

static int plan_make(struct turn *turn, struct plan *plan, const struct json *manifest, size_t i,
	struct error *err)
{
	plan->manifest = manifest;
	plan->meta = agent_manifest_meta(manifest, i);
	if (plan_map(turn, plan, err) < 0)
		return -1;
	plan_target(turn, plan);
	plan->is_orphan = agent_manifest_is_orphan(turn->bundle, &plan->meta);
	agent_manifest_configure(turn->bundle, &plan->meta, &plan->config, &plan->config_error);
	plan->outcome.has_feedback_rules = plan->config.feedback_rules != NULL;
	return 0;
}

static int turn_plan(struct turn *turn, struct error *err)
{
	const struct agent_pass *pass = turn->pass;
	struct json *bundle, *manifest;
	if (json_parse(turn->arena, pass->payload, NULL, &bundle, err) < 0)
		return -1;
	turn->bundle = bundle;
	const struct json *manifests = json_get(bundle, "manifests");
	turn->count = json_count(manifests);
	turn->plans = arena_calloc(turn->arena, turn->count, sizeof(*turn->plans));
	struct agent_target *targets = arena_calloc(turn->arena, turn->count, sizeof(*targets));
	if (!turn->plans || !targets)
		return error_set(err, ERROR_MEMORY, "no memory for %zu manifests", turn->count);
	json_for_each (manifests, i, manifest) {
		if (plan_make(turn, &turn->plans[i], manifest, i, err) < 0)
			return -1;
		targets[i] = turn->plans[i].target;
	}
	agent_store_track(turn->agent->store, pass, targets, turn->count);
	return 0;
}

/* The status so far, with an entry for each manifest. */
static void turn_load_status(struct turn *turn)
{
	struct agent_resource_meta *metas = arena_calloc(turn->arena, turn->count, sizeof(*metas));
	struct json *old = NULL;
	if (!str_is_null(turn->pass->status))
		(void)json_parse(turn->arena, turn->pass->status, NULL, &old, NULL);
	for (size_t i = 0; metas && i < turn->count; i++)
		metas[i] = turn->plans[i].meta;
	turn->status = json_new_object(turn->arena);
	struct json *conditions = json_get(old, "conditions");
	json_set(turn->status, "conditions", conditions ? conditions : json_new_array(turn->arena));
	json_set(turn->status, "resourceStatus",
		agent_status_match(turn->arena, json_get(old, "resourceStatus"), metas,
			metas ? turn->count : 0));
}

/* --- looking and writing ------------------------------------------------------------------- */

static void plan_read_error(struct turn *turn, struct plan *plan, const struct error *err)
{
	plan->outcome.presence = err->code == ERROR_NOT_FOUND ? AGENT_ABSENT : AGENT_UNREADABLE;
	plan->outcome.read_error = arena_str(turn->arena, str_of(err->message));
}

/* After a failed apply: is it there at all? */
static void plan_look(struct turn *turn, struct plan *plan)
{
	struct kube_ref ref = {.resource = &plan->resource,
		.name_space = plan->meta.name_space,
		.name = plan->meta.name,
		.subresource = ""};
	struct error err;
	if (kube_get(turn->agent->kube, turn->arena, &ref, &plan->live, &err) < 0)
		plan_read_error(turn, plan, &err);
}

static void plan_fail(struct turn *turn, struct plan *plan, const struct error *err)
{
	/* A field that another manager holds does not become free by trying again soon. */
	bool is_held = err->code == ERROR_CONFLICT &&
		       plan->config.strategy == AGENT_STRATEGY_SERVER_SIDE_APPLY;
	atomic_fetch_add(&turn->agent->apply_errors, 1);
	plan->outcome.apply_error = arena_str(turn->arena, str_of(err->message));
	plan->is_retryable = !is_held && err->code != ERROR_UNPROCESSABLE;
	if (err->code == ERROR_UNAVAILABLE || err->code == ERROR_TIMEOUT)
		plan_read_error(turn, plan, err);
	else
		plan_look(turn, plan);
}

static void plan_apply(struct turn *turn, struct plan *plan)
{
	struct agent_apply apply = {.manifest = plan->manifest,
		.resource = &plan->resource,
		.meta = &plan->meta,
		.config = &plan->config,
		.owner = turn->owner_reference,
		.is_orphan = plan->is_orphan,
		.is_new = plan->target.version == 0};
	struct error err = plan->config_error;
	plan->outcome.was_applied = true;
	if (err.code != ERROR_NONE ||
		agent_apply_manifest(turn->agent, turn->arena, &apply, &plan->live, &err) < 0) {
		plan_fail(turn, plan, &err);
		return;
	}
	atomic_fetch_add(&turn->agent->applied, 1);
	if (!plan->live)
		plan->outcome.presence = AGENT_ABSENT;
	else
		plan->target.is_unstable = !agent_manifest_holds(plan->manifest, plan->live);
}

static void plan_observe(struct turn *turn, struct plan *plan)
{
	if (str_is_null(plan->seen->object)) {
		plan->outcome.presence = AGENT_ABSENT;
		return;
	}
	struct error err;
	if (json_parse(turn->arena, plan->seen->object, NULL, &plan->live, &err) < 0)
		plan_read_error(turn, plan, &err);
}

/* Whether what was observed must be changed back. */
static bool plan_has_drifted(const struct turn *turn, const struct plan *plan)
{
	enum agent_strategy strategy = plan->config.strategy;
	if (!plan->seen || strategy == AGENT_STRATEGY_READ_ONLY ||
		plan->config_error.code != ERROR_NONE)
		return false;
	if (!plan->live)
		return plan->outcome.presence == AGENT_ABSENT;
	struct json *owner = agent_owner_new(turn->arena, turn->owner.name, turn->pass->owner_uid);
	if (!str_is_null(turn->pass->owner_uid) &&
		agent_owners_change(turn->arena, plan->live, owner, !plan->is_orphan))
		return true;
	return strategy != AGENT_STRATEGY_CREATE_ONLY && !plan->target.is_unstable &&
	       !agent_manifest_holds(plan->manifest, plan->live);
}

static void plan_feedback(struct turn *turn, struct plan *plan)
{
	if (!plan->live)
		return;
	plan->outcome.presence = AGENT_PRESENT;
	plan->target.version = agent_object_version(plan->live);
	if (plan->config.feedback_rules)
		agent_feedback_read(turn->arena, plan->config.feedback_rules, plan->live,
			&plan->outcome.feedback, &plan->outcome.feedback_error);
}

static int turn_own(struct turn *turn, struct error *err)
{
	if (turn->owner_reference)
		return 0;
	if (agent_owner_ensure(turn->agent, turn->arena, turn->pass, &turn->owner, err) < 0)
		return -1;
	turn->owner_reference = agent_owner_new(turn->arena, turn->owner.name, turn->owner.uid);
	return 0;
}

/* Takes what was observed; true when something of it must be changed back now. */
static bool turn_observe(struct turn *turn)
{
	bool has_drifted = false;
	for (size_t i = 0; i < turn->count; i++) {
		struct plan *plan = &turn->plans[i];
		if (!plan->seen)
			continue;
		plan_observe(turn, plan);
		bool is_drift = plan_has_drifted(turn, plan);
		turn->wants_repair |= is_drift;
		has_drifted |= is_drift && turn->pass->repairs < AGENT_FREE_REPAIRS;
	}
	return has_drifted;
}

static int turn_apply(struct turn *turn, bool is_full, struct error *err)
{
	if (turn_own(turn, err) < 0)
		return -1;
	for (size_t i = 0; i < turn->count; i++) {
		struct plan *plan = &turn->plans[i];
		bool is_due = is_full || plan_has_drifted(turn, plan);
		if (!plan->is_mapped || !is_due || stop_requested(&turn->agent->stop))
			continue;
		plan->live = NULL;
		plan->outcome.presence = AGENT_PRESENCE_UNKNOWN;
		plan_apply(turn, plan);
		if (!is_full)
			atomic_fetch_add(&turn->agent->repaired, 1);
	}
	turn->wants_repair = false;
	return 0;
}

static void turn_judge(struct turn *turn)
{
	const struct json *entries = json_get(turn->status, "resourceStatus");
	for (size_t i = 0; i < turn->count; i++) {
		struct plan *plan = &turn->plans[i];
		plan_feedback(turn, plan);
		turn->is_failed |= plan->is_retryable;
		agent_status_set_manifest(
			json_at(entries, i), &plan->outcome, turn->pass->generation, turn->now);
	}
	agent_status_summarize(turn->status, turn->pass->generation, turn->now);
}

/* --- telling ------------------------------------------------------------------------------- */

/* Sends the status when it says something new, or when it must be sent anyway. */
static void turn_tell(struct turn *turn, struct agent_outcome *outcome)
{
	const struct agent_pass *pass = turn->pass;
	struct str text = json_text(turn->arena, turn->status, JSON_WRITE_COMPACT);
	bool is_report = pass->todo & AGENT_DO_REPORT;
	bool is_changed = !str_eq(text, pass->status);
	outcome->is_sent = pass->is_sent;
	if (str_is_null(text) || (!is_changed && pass->is_sent && !is_report))
		return;
	struct error err;
	outcome->status = text;
	agent_status_hash(turn->arena, turn->status, outcome->hash);
	outcome->is_sent = agent_report_status(turn->agent, turn->arena, pass, turn->status,
				   outcome->hash, is_report && !is_changed, &err) == 0;
	/* What is not sent goes out when the broker is back. */
	if (!outcome->is_sent)
		log_warn(turn->agent->log, "status not sent", LOG_STR("bundle", pass->id),
			LOG_ERROR(&err));
}

/* What was applied goes to `applied`; what is wanted but could not be applied, to `kept`. False
 * when a kind is unknown: its plural is too, so what is wanted cannot be told apart. */
static bool turn_list_applied(const struct turn *turn, struct json *applied, struct json *kept)
{
	bool are_mapped = true;
	for (size_t i = 0; i < turn->count; i++) {
		const struct plan *plan = &turn->plans[i];
		are_mapped &= plan->is_mapped;
		if (plan->config.strategy == AGENT_STRATEGY_READ_ONLY || !plan->is_mapped)
			continue;
		if (plan->live && str_is_null(plan->outcome.apply_error)) {
			json_append(applied,
				agent_applied_new(turn->arena, &plan->resource, plan->live));
			continue;
		}
		struct json *entry = json_new_object(turn->arena);
		json_set_text(entry, "group", plan->meta.group);
		json_set_text(entry, "resource", plan->meta.resource);
		json_set_text(entry, "namespace", plan->meta.name_space);
		json_set_text(entry, "name", plan->meta.name);
		json_append(kept, entry);
	}
	return are_mapped;
}

static void turn_record(struct turn *turn, struct agent_outcome *outcome)
{
	struct json *applied = json_new_array(turn->arena);
	struct json *kept = json_new_array(turn->arena);
	struct error err;
	bool may_remove = turn_list_applied(turn, applied, kept);
	if (agent_owner_record(turn->agent, turn->arena, turn->pass, &turn->owner, applied,
		    may_remove ? kept : NULL, &outcome->applied_hash, &err) < 0) {
		log_warn(turn->agent->log, "applied objects not recorded",
			LOG_STR("bundle", turn->pass->id), LOG_ERROR(&err));
		turn->is_failed = true;
	}
	/* Objects that left the spec are on their way out. */
	if (outcome->applied_hash == 0 && may_remove && json_count(kept) == 0)
		turn->is_failed = true;
}

static void turn_end(struct turn *turn, bool has_repaired, struct agent_outcome *outcome)
{
	struct agent_target *targets = arena_calloc(turn->arena, turn->count, sizeof(*targets));
	for (size_t i = 0; targets && i < turn->count; i++)
		targets[i] = turn->plans[i].target;
	outcome->targets = targets;
	outcome->target_count = targets ? turn->count : 0;
	outcome->owner_uid = turn->owner.uid;
	outcome->is_failed = turn->is_failed;
	outcome->has_repaired = has_repaired;
	if (turn->wants_repair)
		outcome->repair_after_us =
			thread_backoff_us(turn->pass->repairs - AGENT_FREE_REPAIRS, AGENT_REPAIR_US,
				AGENT_REPAIR_MAX_US);
}

static void run_apply(struct turn *turn, struct agent_outcome *outcome)
{
	struct agent *agent = turn->agent;
	bool is_full = turn->pass->todo & AGENT_DO_APPLY;
	struct error err = {0};
	if (turn_plan(turn, &err) < 0) {
		log_error(agent->log, "bundle cannot be applied", LOG_STR("bundle", turn->pass->id),
			LOG_ERROR(&err));
		outcome->is_failed = true;
		return;
	}
	turn_load_status(turn);
	bool has_drifted = turn_observe(turn);
	if ((is_full || has_drifted) && turn_apply(turn, is_full, &err) < 0) {
		log_warn(agent->log, "bundle not applied, trying again",
			LOG_STR("bundle", turn->pass->id), LOG_ERROR(&err));
		outcome->is_failed = true;
		outcome->is_sent = turn->pass->is_sent;
		return;
	}
	/* What a stop interrupted says nothing about the cluster. */
	if (stop_requested(&agent->stop))
		return;
	turn_judge(turn);
	turn_tell(turn, outcome);
	if (is_full || has_drifted)
		turn_record(turn, outcome);
	turn_end(turn, has_drifted && !is_full, outcome);
}

/* --- deleting ------------------------------------------------------------------------------ */

static void run_delete(struct turn *turn, struct agent_outcome *outcome)
{
	struct agent *agent = turn->agent;
	const struct agent_pass *pass = turn->pass;
	struct error err = {0};
	bool is_gone = false;
	if (str_is_null(pass->status) ||
		json_parse(turn->arena, pass->status, NULL, &turn->status, NULL) < 0)
		turn->status = json_new_object(turn->arena);
	agent_status_set_deleting(turn->status, pass->generation, turn->now);
	turn_tell(turn, outcome);
	if (agent_owner_delete(agent, turn->arena, pass, &is_gone, &err) < 0 &&
		!stop_requested(&agent->stop))
		log_warn(agent->log, "bundle not deleted, trying again",
			LOG_STR("bundle", pass->id), LOG_ERROR(&err));
	outcome->is_failed = true; /* until it is gone: watched, and asked again */
	if (!is_gone)
		return;
	char hash[HASH_SHA256_HEX_SIZE];
	struct json *status = json_copy(turn->arena, turn->status);
	agent_status_set_deleted(status, agent->consumer, pass->generation, turn->now);
	agent_status_hash(turn->arena, status, hash);
	if (agent_report_status(agent, turn->arena, pass, status, hash, false, &err) < 0) {
		log_warn(agent->log, "deletion not acknowledged, trying again",
			LOG_STR("bundle", pass->id), LOG_ERROR(&err));
		return;
	}
	atomic_fetch_add(&agent->deleted, 1);
	log_info(agent->log, "bundle deleted", LOG_STR("bundle", pass->id));
	outcome->is_forgotten = true;
}

void agent_pass_run(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	struct agent_outcome *ret)
{
	struct turn turn = {.agent = agent,
		.arena = arena,
		.pass = pass,
		.now = clock_text_seconds(arena, clock_now_us(agent->clock))};
	*ret = (struct agent_outcome){.is_sent = pass->is_sent, .applied_hash = pass->applied_hash};
	turn.owner.name = arena_printf(arena, "%s-%" STR_F, agent->hub_hash, STR_A(pass->id));
	if (pass->is_deleting)
		run_delete(&turn, ret);
	else
		run_apply(&turn, ret);
}
