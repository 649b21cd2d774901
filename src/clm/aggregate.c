/*
 * aggregate.c - see aggregate.h.
 *
 * The input is first brought into one row per required adapter (struct snapshot), in configured
 * order; each condition is then a few questions about that table.
 */
#include "clm/aggregate.h"

#include <stdlib.h>

/* A required adapter's report; not present when it has none that counts. */
struct snapshot {
	struct str required; /* the adapter's name */
	bool is_present;
	bool is_available;
	bool is_finalized;
	int64_t generation;
	int64_t time_us;
	struct str reason;
	struct str message;
};

/* What is asked over and over. */
struct view {
	struct arena *arena;
	const struct aggregate_input *input;
	struct snapshot *snapshots; /* one per required adapter */
	size_t count;
};

enum report_status report_status_of(struct str text)
{
	if (str_eq_c(text, "True"))
		return REPORT_TRUE;
	if (str_eq_c(text, "False"))
		return REPORT_FALSE;
	return str_eq_c(text, "Unknown") ? REPORT_UNKNOWN : REPORT_ABSENT;
}

static void take_snapshot(const struct aggregate_input *input, struct snapshot *snapshot)
{
	for (size_t i = 0; i < input->report_count; i++) {
		const struct adapter_report *report = &input->reports[i];

		if (!str_eq(report->adapter, snapshot->required) ||
			report->observed_generation > input->generation ||
			(report->available != REPORT_TRUE && report->available != REPORT_FALSE))
			continue;
		snapshot->is_present = true;
		snapshot->is_available = report->available == REPORT_TRUE;
		snapshot->is_finalized = report->finalized == REPORT_TRUE;
		snapshot->generation = report->observed_generation;
		snapshot->time_us = report->last_report_us;
		snapshot->reason = report->reason;
		snapshot->message = report->message;
		return;
	}
}

static bool is_met(const struct aggregate_input *input, const struct snapshot *snapshot)
{
	return snapshot->is_present && snapshot->generation == input->generation &&
	       (input->is_deleting ? snapshot->is_finalized : snapshot->is_available);
}

/* The earliest report at `generation`; `fallback_us` when there is none. */
static int64_t earliest_at(const struct view *view, int64_t generation, int64_t fallback_us)
{
	int64_t earliest_us = INT64_MAX;

	for (size_t i = 0; i < view->count; i++) {
		const struct snapshot *snapshot = &view->snapshots[i];

		if (snapshot->is_present && snapshot->generation == generation &&
			snapshot->time_us < earliest_us)
			earliest_us = snapshot->time_us;
	}
	return earliest_us == INT64_MAX ? fallback_us : earliest_us;
}

static int compare_names(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* "[a, b]": the adapters for which `wanted` holds, by name. */
static struct str name_list(
	const struct view *view, bool (*wanted)(const struct view *, const struct snapshot *))
{
	struct str *names = arena_calloc(view->arena, view->count + 1, sizeof(*names));
	struct str text = STR("[");
	size_t count = 0;

	if (names == NULL)
		return STR_NULL;
	for (size_t i = 0; i < view->count; i++) {
		if (wanted(view, &view->snapshots[i]))
			names[count++] = view->snapshots[i].required;
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++)
		text = arena_printf(view->arena, "%" STR_F "%s%" STR_F, STR_A(text),
			i > 0 ? ", " : "", STR_A(names[i]));
	return arena_printf(view->arena, "%" STR_F "]", STR_A(text));
}

static bool is_behind(const struct view *view, const struct snapshot *snapshot)
{
	return !is_met(view->input, snapshot);
}

static bool is_reporting(const struct view *view, const struct snapshot *snapshot)
{
	return snapshot->is_present;
}

static bool all_met(const struct view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		if (is_behind(view, &view->snapshots[i]))
			return false;
	}
	return view->count > 0;
}

static void explain_reconciled(const struct view *view, bool met, struct condition *condition)
{
	if (condition->is_true) {
		condition->reason = STR("ReconciledAll");
		condition->message = STR("All required adapters reported Available=True or "
					 "Finalized=True at the current generation");
	} else if (met) {
		condition->reason = STR("ReconciledWaitingForChildren");
		condition->message = STR("Deletion in progress. All required adapters reported "
					 "Finalized=True but child resources still exist");
	} else {
		struct str missing = name_list(view, is_behind);
		struct str reporting = name_list(view, is_reporting);

		condition->reason = STR("ReconciledMissingAdapters");
		condition->message = arena_printf(view->arena,
			"Required adapters not reporting %s=True: %" STR_F
			". Currently reporting: %" STR_F,
			view->input->is_deleting ? "Finalized" : "Available", STR_A(missing),
			STR_A(reporting));
	}
}

static struct condition reconciled(const struct view *view)
{
	const struct aggregate_input *input = view->input;
	const struct condition *previous =
		condition_find(input->previous, STR(CONDITION_RECONCILED));
	bool met = all_met(view);
	struct condition now = {
		.type = STR(CONDITION_RECONCILED),
		.is_true = met && !(input->is_deleting && input->has_children),
		.observed_generation = input->generation,
		.created_us = previous != NULL ? previous->created_us : input->reference_us,
		.last_updated_us = earliest_at(view, input->generation, input->reference_us),
	};

	if (previous == NULL)
		now.last_transition_us = now.last_updated_us;
	else if (previous->is_true == now.is_true)
		now.last_transition_us = previous->last_transition_us;
	else if (previous->is_true && input->generation > previous->observed_generation)
		now.last_transition_us = input->reference_us; /* the change itself broke it */
	else
		now.last_transition_us = now.last_updated_us;
	explain_reconciled(view, met, &now);
	return now;
}

/* The questions that LastKnownReconciled asks of the table. */
struct tally {
	bool is_complete; /* some adapter is required, and each has reported */
	bool all_available;
	bool is_uniform; /* all available, and at one generation */
	int64_t newest;	 /* generation of any snapshot; 0 when there is none */
};

static struct tally take_tally(const struct view *view)
{
	struct tally tally = {view->count > 0, view->count > 0, true, 0};

	for (size_t i = 0; i < view->count; i++) {
		const struct snapshot *snapshot = &view->snapshots[i];

		if (!snapshot->is_present) {
			tally.is_complete = false;
			tally.all_available = false;
			continue;
		}
		tally.all_available = tally.all_available && snapshot->is_available;
		if (tally.newest != 0 && snapshot->generation != tally.newest)
			tally.is_uniform = false;
		if (snapshot->generation > tally.newest)
			tally.newest = snapshot->generation;
	}
	tally.is_uniform = tally.is_uniform && tally.all_available;
	return tally;
}

static bool has_failed_at(const struct view *view, int64_t generation)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct snapshot *snapshot = &view->snapshots[i];

		if (snapshot->is_present && !snapshot->is_available &&
			snapshot->generation == generation)
			return true;
	}
	return false;
}

static bool is_last_known_true(
	const struct view *view, const struct tally *tally, const struct condition *previous)
{
	bool was_true = previous != NULL && previous->is_true;

	if (!tally->is_complete)
		return false;
	if (tally->all_available)
		return tally->is_uniform || was_true;
	return was_true && !has_failed_at(view, previous->observed_generation);
}

static int64_t last_known_generation(const struct view *view, const struct tally *tally,
	const struct condition *previous, bool is_true)
{
	int64_t before = previous != NULL ? previous->observed_generation : 1;

	if (view->count == 0)
		return 1;
	if (is_true)
		return tally->is_uniform ? tally->newest : before;
	return tally->newest != 0 ? tally->newest : before;
}

static int64_t last_known_updated(const struct view *view, const struct tally *tally,
	const struct condition *previous, const struct condition *now)
{
	int64_t before_us =
		previous != NULL ? previous->last_updated_us : view->input->reference_us;

	if (view->count == 0)
		return view->input->reference_us;
	if (tally->is_uniform || (!now->is_true && has_failed_at(view, now->observed_generation)))
		return earliest_at(view, now->observed_generation, before_us);
	return before_us;
}

static void explain_last_known(const struct tally *tally, struct condition *condition)
{
	if (condition->is_true) {
		condition->reason = STR("AllAdaptersReconciled");
		condition->message = STR("All required adapters report Available=True for the "
					 "tracked generation");
	} else if (!tally->is_complete) {
		condition->reason = STR("AdaptersMissingReports");
		condition->message = STR("Required adapters have not yet reported status");
	} else if (!tally->all_available) {
		condition->reason = STR("AdapterReportedNotAvailable");
		condition->message = STR("One or more required adapters report Available=False");
	} else {
		condition->reason = STR("AdaptersNotAtSameGeneration");
		condition->message =
			STR("Required adapters do not report a consistent Available state");
	}
}

static struct condition last_known(const struct view *view)
{
	const struct condition *previous =
		condition_find(view->input->previous, STR(CONDITION_LAST_KNOWN));
	struct tally tally = take_tally(view);
	struct condition now = {
		.type = STR(CONDITION_LAST_KNOWN),
		.is_true = is_last_known_true(view, &tally, previous),
		.created_us = previous != NULL ? previous->created_us : view->input->reference_us,
	};

	now.observed_generation = last_known_generation(view, &tally, previous, now.is_true);
	now.last_updated_us = last_known_updated(view, &tally, previous, &now);
	now.last_transition_us = previous != NULL && previous->is_true == now.is_true
					 ? previous->last_transition_us
					 : now.last_updated_us;
	explain_last_known(&tally, &now);
	return now;
}

struct str aggregate_successful_type(struct arena *arena, struct str adapter)
{
	struct str type = STR("");

	while (!str_is_null(adapter)) {
		struct str part = str_cut(&adapter, '-');
		char first = part.len > 0 ? part.ptr[0] : '\0';

		if (part.len == 0)
			continue;
		if (first >= 'a' && first <= 'z')
			first = (char)(first - 'a' + 'A');
		type = arena_printf(arena, "%" STR_F "%c%" STR_F, STR_A(type), first,
			STR_A(str_slice(part, 1, part.len)));
	}
	return arena_printf(arena, "%" STR_F "Successful", STR_A(type));
}

static struct condition successful(const struct view *view, const struct snapshot *snapshot)
{
	struct str type = aggregate_successful_type(view->arena, snapshot->required);
	const struct condition *previous = condition_find(view->input->previous, type);
	bool same = previous != NULL && previous->is_true == snapshot->is_available;

	return (struct condition){
		.type = type,
		.is_true = snapshot->is_available,
		.reason = snapshot->reason,
		.message = snapshot->message,
		.observed_generation = snapshot->generation,
		.created_us = previous != NULL ? previous->created_us : view->input->reference_us,
		.last_updated_us = snapshot->time_us,
		.last_transition_us = same ? previous->last_transition_us : snapshot->time_us,
	};
}

int aggregate_conditions(struct arena *arena, const struct aggregate_input *input,
	struct condition_list *ret, struct error *err)
{
	struct view view = {.arena = arena, .input = input, .count = input->required_count};
	struct condition_list list = {0};

	view.snapshots = arena_calloc(arena, view.count + 1, sizeof(*view.snapshots));
	list.items = arena_calloc(arena, view.count + 2, sizeof(*list.items));
	if (view.snapshots == NULL || list.items == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the conditions of a resource");
	for (size_t i = 0; i < view.count; i++) {
		view.snapshots[i].required = input->required[i];
		take_snapshot(input, &view.snapshots[i]);
	}
	list.items[list.count++] = reconciled(&view);
	list.items[list.count++] = last_known(&view);
	for (size_t i = 0; i < view.count; i++) {
		if (view.snapshots[i].is_present)
			list.items[list.count++] = successful(&view, &view.snapshots[i]);
	}
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for the conditions of a resource");
	*ret = list;
	return 0;
}

bool aggregate_is_finalized(const struct aggregate_input *input)
{
	for (size_t i = 0; i < input->required_count; i++) {
		bool found = false;

		for (size_t k = 0; k < input->report_count && !found; k++)
			found = str_eq(input->reports[k].adapter, input->required[i]) &&
				input->reports[k].observed_generation == input->generation &&
				input->reports[k].finalized == REPORT_TRUE;
		if (!found)
			return false;
	}
	return true;
}
