/*
 * The aggregation of HyperFleet API v1, each rule as a row: who is required, what was said before,
 * what has been reported, and the conditions that follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/aggregate.h"

#define REF 1000 /* reference_us of every row */
#define ANY INT64_C(-1)

/* One adapter's report: name, generation, time, available, finalized. */
struct said {
	const char *adapter;
	int64_t generation;
	int64_t time;
	char available; /* T, F, U or - */
	char finalized;
};

/* A condition before or after; type NULL ends a list. ANY is not compared. */
struct expected {
	const char *type;
	char status;
	const char *reason;
	int64_t generation;
	int64_t created;
	int64_t updated;
	int64_t transition;
};

struct row {
	const char *name;
	const char *required[4];
	int64_t generation;
	bool deleting;
	bool children;
	struct expected before[4];
	struct said reports[4];
	struct expected after[5];
};

#define R "Reconciled"
#define L "LastKnownReconciled"
#define ALL "ReconciledAll"
#define MISSING "ReconciledMissingAdapters"
#define CHILDREN "ReconciledWaitingForChildren"
#define KNOWN "AllAdaptersReconciled"
#define NO_REPORTS "AdaptersMissingReports"
#define NOT_AVAILABLE "AdapterReportedNotAvailable"
#define NOT_SAME "AdaptersNotAtSameGeneration"

static const struct row rows[] = {
	{"at birth nothing is reconciled and every time is the resource's", {"a", "b"}, 1, false,
		false, {{0}}, {{0}},
		{{R, 'F', MISSING, 1, REF, REF, REF}, {L, 'F', NO_REPORTS, 1, REF, REF, REF}}},

	/* Which reports count. */
	{"a report of an adapter that is not required does not count", {"a"}, 1, false, false,
		{{0}}, {{"x", 1, 50, 'T', '-'}},
		{{R, 'F', MISSING, 1, REF, REF, REF}, {L, 'F', NO_REPORTS, 1, REF, REF, REF}}},
	{"a report of a generation to come does not count", {"a"}, 1, false, false, {{0}},
		{{"a", 2, 50, 'T', '-'}},
		{{R, 'F', MISSING, 1, REF, REF, REF}, {L, 'F', NO_REPORTS, 1, REF, REF, REF}}},
	{"a report with Available=Unknown does not count", {"a"}, 1, false, false, {{0}},
		{{"a", 1, 50, 'U', '-'}},
		{{R, 'F', MISSING, 1, REF, REF, REF}, {L, 'F', NO_REPORTS, 1, REF, REF, REF}}},
	{"a report without Available does not count", {"a"}, 1, false, false, {{0}},
		{{"a", 1, 50, '-', '-'}},
		{{R, 'F', MISSING, 1, REF, REF, REF}, {L, 'F', NO_REPORTS, 1, REF, REF, REF}}},
	{"without required adapters nothing is ever met", {0}, 3, false, false, {{0}},
		{{"x", 3, 50, 'T', '-'}},
		{{R, 'F', MISSING, 3, REF, REF, REF}, {L, 'F', NO_REPORTS, 1, REF, REF, REF}}},

	{"a report that is not required dates nothing", {"a"}, 1, false, false, {{0}},
		{{"x", 1, 10, 'T', '-'}, {"a", 1, 60, 'T', '-'}},
		{{R, 'T', ALL, 1, REF, 60, 60}, {L, 'T', KNOWN, 1, REF, 60, 60},
			{"ASuccessful", 'T', "r", 1, REF, 60, 60}}},
	{"without required adapters what was known is forgotten", {0}, 3, false, false,
		{{R, 'T', "", 2, 900, 900, 901}, {L, 'T', "", 5, 900, 901, 902}}, {{0}},
		{{R, 'F', MISSING, 3, 900, REF, REF}, {L, 'F', NO_REPORTS, 1, 900, REF, REF}}},
	{"types that nothing gives any more disappear", {"a"}, 1, false, false,
		{{"Ready", 'T', "", 1, 800, 801, 802}, {"ASuccessful", 'T', "", 1, 800, 801, 802}},
		{{"a", 1, 50, 'U', '-'}},
		{{R, 'F', MISSING, 1, REF, REF, REF}, {L, 'F', NO_REPORTS, 1, REF, REF, REF}}},

	/* Reconciled. */
	{"reconciled at a new generation, as of the report", {"a"}, 2, false, false,
		{{R, 'F', "", 1, 900, 900, 901}, {L, 'F', "", 1, 900, 900, 902}},
		{{"a", 2, 60, 'T', '-'}},
		{{R, 'T', ALL, 2, 900, 60, 60}, {L, 'T', KNOWN, 2, 900, 60, 60},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60}}},
	{"unreconciled over a change: since when it was", {"a"}, 2, false, false,
		{{R, 'F', "", 1, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 1, 60, 'T', '-'}},
		{{R, 'F', MISSING, 2, 900, REF, 901}, {L, 'T', KNOWN, 1, 900, 60, 902},
			{"ASuccessful", 'T', "r", 1, REF, 60, 60}}},
	{"reconciled over a change: since when it was", {"a"}, 2, false, false,
		{{R, 'T', "", 1, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 2, 60, 'T', '-'}},
		{{R, 'T', ALL, 2, 900, 60, 901}, {L, 'T', KNOWN, 2, 900, 60, 902},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60}}},
	{"broken by a report at a new generation, as of the change", {"a"}, 2, false, false,
		{{R, 'T', "", 1, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 2, 60, 'F', '-'}},
		{{R, 'F', MISSING, 2, 900, 60, REF}, {L, 'T', KNOWN, 1, 900, 901, 902},
			{"ASuccessful", 'F', "r", 2, REF, 60, 60}}},
	{"all available at the generation is reconciled, as of the oldest report", {"a", "b"}, 1,
		false, false, {{R, 'F', "", 1, 900, 900, 900}, {L, 'F', "", 1, 900, 900, 900}},
		{{"a", 1, 70, 'T', '-'}, {"b", 1, 60, 'T', '-'}},
		{{R, 'T', ALL, 1, 900, 60, 60}, {L, 'T', KNOWN, 1, 900, 60, 60},
			{"ASuccessful", 'T', "r", 1, REF, 70, 70},
			{"BSuccessful", 'T', "r", 1, REF, 60, 60}}},
	{"one that is not available is not reconciled, but its report is dated", {"a", "b"}, 1,
		false, false, {{R, 'F', "", 1, 900, 900, 900}, {L, 'F', "", 1, 900, 900, 900}},
		{{"a", 1, 70, 'T', '-'}, {"b", 1, 60, 'F', '-'}},
		{{R, 'F', MISSING, 1, 900, 60, 900}, {L, 'F', NOT_AVAILABLE, 1, 900, 60, 900},
			{"ASuccessful", 'T', "r", 1, REF, 70, 70},
			{"BSuccessful", 'F', "r", 1, REF, 60, 60}}},
	{"broken by a new generation, as of the change", {"a"}, 2, false, false,
		{{R, 'T', "", 1, 900, 900, 900}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 1, 60, 'T', '-'}},
		{{R, 'F', MISSING, 2, 900, REF, REF}, {L, 'T', KNOWN, 1, 900, 60, 902},
			{"ASuccessful", 'T', "r", 1, REF, 60, 60}}},
	{"broken by a report at the same generation, as of the report", {"a"}, 1, false, false,
		{{R, 'T', "", 1, 900, 900, 900}, {L, 'T', "", 1, 900, 900, 900}},
		{{"a", 1, 60, 'F', '-'}},
		{{R, 'F', MISSING, 1, 900, 60, 60}, {L, 'F', NOT_AVAILABLE, 1, 900, 60, 60},
			{"ASuccessful", 'F', "r", 1, REF, 60, 60}}},
	{"still true: the transition stays, the confirmation moves", {"a"}, 1, false, false,
		{{R, 'T', "", 1, 900, 900, 901}, {L, 'T', "", 1, 900, 900, 902}},
		{{"a", 1, 999, 'T', '-'}},
		{{R, 'T', ALL, 1, 900, 999, 901}, {L, 'T', KNOWN, 1, 900, 999, 902},
			{"ASuccessful", 'T', "r", 1, REF, 999, 999}}},

	/* Deleting: Finalized counts, Available does not. */
	{"while deleting, available is not enough", {"a"}, 2, true, false,
		{{R, 'T', "", 1, 900, 900, 900}, {L, 'T', "", 1, 900, 900, 900}},
		{{"a", 2, 60, 'T', 'F'}},
		{{R, 'F', MISSING, 2, 900, 60, REF}, {L, 'T', KNOWN, 2, 900, 60, 900},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60}}},
	{"while deleting, finalized is", {"a"}, 2, true, false,
		{{R, 'F', "", 2, 900, 900, 901}, {L, 'T', "", 1, 900, 900, 900}},
		{{"a", 2, 60, 'F', 'T'}},
		{{R, 'T', ALL, 2, 900, 60, 60}, {L, 'T', KNOWN, 1, 900, 900, 900},
			{"ASuccessful", 'F', "r", 2, REF, 60, 60}}},
	{"while deleting, finalized at an older generation is not", {"a"}, 3, true, false,
		{{R, 'F', "", 3, 900, 900, 901}, {L, 'F', "", 1, 900, 900, 900}},
		{{"a", 2, 60, 'T', 'T'}},
		{{R, 'F', MISSING, 3, 900, REF, 901}, {L, 'T', KNOWN, 2, 900, 60, 60},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60}}},
	{"children hold a finalized parent back", {"a"}, 2, true, true,
		{{R, 'F', "", 2, 900, 900, 901}, {L, 'T', "", 2, 900, 900, 900}},
		{{"a", 2, 60, 'T', 'T'}},
		{{R, 'F', CHILDREN, 2, 900, 60, 901}, {L, 'T', KNOWN, 2, 900, 60, 900},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60}}},
	{"children do not matter to one that lives", {"a"}, 1, false, true, {{0}},
		{{"a", 1, 60, 'T', '-'}},
		{{R, 'T', ALL, 1, REF, 60, 60}, {L, 'T', KNOWN, 1, REF, 60, 60},
			{"ASuccessful", 'T', "r", 1, REF, 60, 60}}},

	{"while deleting, one that has not finalized is enough", {"a", "b"}, 2, true, false,
		{{R, 'F', "", 2, 900, 900, 901}, {L, 'T', "", 2, 900, 901, 902}},
		{{"a", 2, 60, 'T', 'T'}, {"b", 2, 70, 'T', '-'}},
		{{R, 'F', MISSING, 2, 900, 60, 901}, {L, 'T', KNOWN, 2, 900, 60, 902},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60},
			{"BSuccessful", 'T', "r", 2, REF, 70, 70}}},
	{"while deleting, Finalized=Unknown is not finalized", {"a"}, 2, true, false,
		{{R, 'F', "", 2, 900, 900, 901}, {L, 'T', "", 2, 900, 901, 902}},
		{{"a", 2, 60, 'T', 'U'}},
		{{R, 'F', MISSING, 2, 900, 60, 901}, {L, 'T', KNOWN, 2, 900, 60, 902},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60}}},
	{"while deleting, a report with Available=Unknown does not count either", {"a"}, 2, true,
		false, {{R, 'F', "", 2, 900, 900, 901}, {L, 'T', "", 2, 900, 901, 902}},
		{{"a", 2, 60, 'U', 'T'}},
		{{R, 'F', MISSING, 2, 900, REF, 901}, {L, 'F', NO_REPORTS, 2, 900, 901, 901}}},
	{"while deleting, nothing required is never met", {0}, 2, true, false, {{0}}, {{0}},
		{{R, 'F', MISSING, 2, REF, REF, REF}, {L, 'F', NO_REPORTS, 1, REF, REF, REF}}},
	{"children break what was reconciled before the deletion, as of it", {"a"}, 2, true, true,
		{{R, 'T', "", 1, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 2, 60, 'T', 'T'}},
		{{R, 'F', CHILDREN, 2, 900, 60, REF}, {L, 'T', KNOWN, 2, 900, 60, 902},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60}}},
	{"adapters that have not finalized are named before children", {"a"}, 2, true, true,
		{{R, 'F', "", 2, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 2, 60, 'T', 'F'}},
		{{R, 'F', MISSING, 2, 900, 60, 901}, {L, 'T', KNOWN, 2, 900, 60, 902},
			{"ASuccessful", 'T', "r", 2, REF, 60, 60}}},

	/* LastKnownReconciled. */
	{"mixed generations stay good when they were good", {"a", "b"}, 2, false, false,
		{{R, 'F', "", 2, 900, 900, 900}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 2, 70, 'T', '-'}, {"b", 1, 60, 'T', '-'}},
		{{R, 'F', MISSING, 2, 900, 70, 900}, {L, 'T', KNOWN, 1, 900, 901, 902},
			{"ASuccessful", 'T', "r", 2, REF, 70, 70},
			{"BSuccessful", 'T', "r", 1, REF, 60, 60}}},
	{"mixed generations are not good when they never were", {"a", "b"}, 2, false, false,
		{{R, 'F', "", 2, 900, 900, 900}, {L, 'F', "", 1, 900, 901, 902}},
		{{"a", 2, 70, 'T', '-'}, {"b", 1, 60, 'T', '-'}},
		{{R, 'F', MISSING, 2, 900, 70, 900}, {L, 'F', NOT_SAME, 2, 900, 901, 902},
			{"ASuccessful", 'T', "r", 2, REF, 70, 70},
			{"BSuccessful", 'T', "r", 1, REF, 60, 60}}},
	{"mixed generations without a past have the resource's times", {"a", "b"}, 2, false, false,
		{{0}}, {{"a", 2, 70, 'T', '-'}, {"b", 1, 60, 'T', '-'}},
		{{R, 'F', MISSING, 2, REF, 70, 70}, {L, 'F', NOT_SAME, 2, REF, REF, REF},
			{"ASuccessful", 'T', "r", 2, REF, 70, 70},
			{"BSuccessful", 'T', "r", 1, REF, 60, 60}}},
	{"a failure at another generation than the good one is not held against it", {"a", "b"}, 2,
		false, false, {{R, 'F', "", 2, 900, 900, 900}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 2, 70, 'F', '-'}, {"b", 1, 60, 'T', '-'}},
		{{R, 'F', MISSING, 2, 900, 70, 900}, {L, 'T', KNOWN, 1, 900, 901, 902},
			{"ASuccessful", 'F', "r", 2, REF, 70, 70},
			{"BSuccessful", 'T', "r", 1, REF, 60, 60}}},
	{"a failure at the good generation ends it", {"a", "b"}, 2, false, false,
		{{R, 'F', "", 2, 900, 900, 900}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 1, 70, 'T', '-'}, {"b", 1, 60, 'F', '-'}},
		{{R, 'F', MISSING, 2, 900, REF, 900}, {L, 'F', NOT_AVAILABLE, 1, 900, 60, 60},
			{"ASuccessful", 'T', "r", 1, REF, 70, 70},
			{"BSuccessful", 'F', "r", 1, REF, 60, 60}}},
	{"a failure at the newest generation dates it by the oldest report there", {"a", "b"}, 2,
		false, false, {{R, 'F', "", 2, 900, 900, 900}, {L, 'F', "", 1, 900, 901, 902}},
		{{"a", 2, 70, 'T', '-'}, {"b", 2, 60, 'F', '-'}},
		{{R, 'F', MISSING, 2, 900, 60, 900}, {L, 'F', NOT_AVAILABLE, 2, 900, 60, 902},
			{"ASuccessful", 'T', "r", 2, REF, 70, 70},
			{"BSuccessful", 'F', "r", 2, REF, 60, 60}}},
	{"a failure below the newest generation does not date it", {"a", "b"}, 2, false, false,
		{{R, 'F', "", 2, 900, 900, 900}, {L, 'F', "", 1, 900, 901, 902}},
		{{"a", 2, 70, 'T', '-'}, {"b", 1, 60, 'F', '-'}},
		{{R, 'F', MISSING, 2, 900, 70, 900}, {L, 'F', NOT_AVAILABLE, 2, 900, 901, 902},
			{"ASuccessful", 'T', "r", 2, REF, 70, 70},
			{"BSuccessful", 'F', "r", 1, REF, 60, 60}}},
	{"one missing report is enough not to know", {"a", "b"}, 1, false, false, {{0}},
		{{"a", 1, 70, 'T', '-'}},
		{{R, 'F', MISSING, 1, REF, 70, 70}, {L, 'F', NO_REPORTS, 1, REF, REF, REF},
			{"ASuccessful", 'T', "r", 1, REF, 70, 70}}},
	{"a missing report beside a failure: not known, dated by the failure", {"a", "b"}, 1, false,
		false, {{0}}, {{"a", 1, 70, 'F', '-'}},
		{{R, 'F', MISSING, 1, REF, 70, 70}, {L, 'F', NO_REPORTS, 1, REF, 70, 70},
			{"ASuccessful", 'F', "r", 1, REF, 70, 70}}},
	{"a missing report ends what was known, as of when it was last confirmed", {"a", "b"}, 1,
		false, false, {{R, 'T', "", 1, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 1, 70, 'T', '-'}},
		{{R, 'F', MISSING, 1, 900, 70, 70}, {L, 'F', NO_REPORTS, 1, 900, 901, 901},
			{"ASuccessful", 'T', "r", 1, REF, 70, 70}}},
	{"without any report the generation and the times stay", {"a"}, 4, false, false,
		{{R, 'F', "", 3, 900, 900, 901}, {L, 'F', "", 3, 900, 901, 902}}, {{0}},
		{{R, 'F', MISSING, 4, 900, REF, 901}, {L, 'F', NO_REPORTS, 3, 900, 901, 902}}},
	{"a failure at the newest generation, others available: still good", {"a", "b"}, 2, false,
		false, {{R, 'F', "", 2, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 2, 70, 'F', '-'}, {"b", 2, 60, 'T', '-'}},
		{{R, 'F', MISSING, 2, 900, 60, 901}, {L, 'T', KNOWN, 1, 900, 901, 902},
			{"ASuccessful", 'F', "r", 2, REF, 70, 70},
			{"BSuccessful", 'T', "r", 2, REF, 60, 60}}},
	{"failures at the good and at a newer generation: told of the newer", {"a", "b"}, 2, false,
		false, {{R, 'F', "", 2, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902}},
		{{"a", 2, 70, 'F', '-'}, {"b", 1, 60, 'F', '-'}},
		{{R, 'F', MISSING, 2, 900, 70, 901}, {L, 'F', NOT_AVAILABLE, 2, 900, 70, 70},
			{"ASuccessful", 'F', "r", 2, REF, 70, 70},
			{"BSuccessful", 'F', "r", 1, REF, 60, 60}}},
	{"a failure is dated by all reports of its generation, and by no other", {"a", "b", "c"}, 2,
		false, false, {{R, 'F', "", 2, 900, 900, 901}, {L, 'F', "", 1, 900, 901, 902}},
		{{"a", 2, 70, 'F', '-'}, {"b", 2, 65, 'T', '-'}, {"c", 1, 10, 'T', '-'}},
		{{R, 'F', MISSING, 2, 900, 65, 901}, {L, 'F', NOT_AVAILABLE, 2, 900, 65, 902},
			{"ASuccessful", 'F', "r", 2, REF, 70, 70},
			{"BSuccessful", 'T', "r", 2, REF, 65, 65},
			{"CSuccessful", 'T', "r", 1, REF, 10, 10}}},
	{"all available again after a failure, as of the oldest report", {"a", "b"}, 2, false,
		false, {{R, 'F', "", 2, 900, 900, 901}, {L, 'F', "", 2, 900, 901, 902}},
		{{"a", 2, 80, 'T', '-'}, {"b", 2, 70, 'T', '-'}},
		{{R, 'T', ALL, 2, 900, 70, 70}, {L, 'T', KNOWN, 2, 900, 70, 70},
			{"ASuccessful", 'T', "r", 2, REF, 80, 80},
			{"BSuccessful", 'T', "r", 2, REF, 70, 70}}},
	{"all available at an older generation is what is known", {"a", "b"}, 3, false, false,
		{{R, 'F', "", 3, 900, 900, 901}, {L, 'F', "", 1, 900, 901, 902}},
		{{"a", 2, 80, 'T', '-'}, {"b", 2, 70, 'T', '-'}},
		{{R, 'F', MISSING, 3, 900, REF, 901}, {L, 'T', KNOWN, 2, 900, 70, 70},
			{"ASuccessful", 'T', "r", 2, REF, 80, 80},
			{"BSuccessful", 'T', "r", 2, REF, 70, 70}}},

	/* One per adapter. */
	{"adapters come as configured, not by name", {"b", "a"}, 1, false, false, {{0}},
		{{"a", 1, 70, 'T', '-'}, {"b", 1, 60, 'T', '-'}},
		{{R, 'T', ALL, 1, REF, 60, 60}, {L, 'T', KNOWN, 1, REF, 60, 60},
			{"BSuccessful", 'T', "r", 1, REF, 60, 60},
			{"ASuccessful", 'T', "r", 1, REF, 70, 70}}},
	{"an adapter that says the same again: the transition stays", {"a"}, 2, false, false,
		{{R, 'T', "", 1, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902},
			{"ASuccessful", 'T', "", 1, 800, 801, 802}},
		{{"a", 2, 60, 'T', '-'}},
		{{R, 'T', ALL, 2, 900, 60, 901}, {L, 'T', KNOWN, 2, 900, 60, 902},
			{"ASuccessful", 'T', "r", 2, 800, 60, 802}}},
	{"an adapter that says otherwise: the transition is its report's", {"a"}, 1, false, false,
		{{R, 'T', "", 1, 900, 900, 901}, {L, 'T', "", 1, 900, 901, 902},
			{"ASuccessful", 'T', "", 1, 800, 801, 802}},
		{{"a", 1, 60, 'F', '-'}},
		{{R, 'F', MISSING, 1, 900, 60, 60}, {L, 'F', NOT_AVAILABLE, 1, 900, 60, 60},
			{"ASuccessful", 'F', "r", 1, 800, 60, 60}}},
};

static enum report_status status_of(char c)
{
	return c == 'T'	  ? REPORT_TRUE
	       : c == 'F' ? REPORT_FALSE
	       : c == 'U' ? REPORT_UNKNOWN
			  : REPORT_ABSENT;
}

static size_t fill_reports(const struct said *said, struct adapter_report *reports)
{
	size_t count = 0;

	while (count < 4 && said[count].adapter != NULL) {
		reports[count] = (struct adapter_report){
			.adapter = str_of(said[count].adapter),
			.observed_generation = said[count].generation,
			.last_report_us = said[count].time,
			.available = status_of(said[count].available),
			.finalized = status_of(said[count].finalized),
			.reason = STR("r"),
			.message = STR("m"),
		};
		count++;
	}
	return count;
}

static size_t fill_conditions(const struct expected *before, struct condition *conditions)
{
	size_t count = 0;

	while (count < 4 && before[count].type != NULL) {
		conditions[count] = (struct condition){
			.type = str_of(before[count].type),
			.is_true = before[count].status == 'T',
			.observed_generation = before[count].generation,
			.created_us = before[count].created,
			.last_updated_us = before[count].updated,
			.last_transition_us = before[count].transition,
		};
		count++;
	}
	return count;
}

/* What goes with a reason; lists of adapters are tested on their own. */
static const char *message_of(const char *reason)
{
	static const char *const messages[][2] = {
		{ALL, "All required adapters reported Available=True or Finalized=True at the "
		      "current generation"},
		{CHILDREN, "Deletion in progress. All required adapters reported Finalized=True "
			   "but child resources still exist"},
		{KNOWN, "All required adapters report Available=True for the tracked generation"},
		{NO_REPORTS, "Required adapters have not yet reported status"},
		{NOT_AVAILABLE, "One or more required adapters report Available=False"},
		{NOT_SAME, "Required adapters do not report a consistent Available state"},
		{"r", "m"},
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (strcmp(messages[i][0], reason) == 0)
			return messages[i][1];
	}
	return NULL;
}

static void check(
	const struct row *row, const struct expected *expected, const struct condition *got)
{
	const char *message = message_of(expected->reason);

	if (!str_eq_c(got->type, expected->type) || got->is_true != (expected->status == 'T') ||
		!str_eq_c(got->reason, expected->reason) ||
		(message != NULL && !str_eq_c(got->message, message)) ||
		got->observed_generation != expected->generation ||
		got->created_us != expected->created || got->last_updated_us != expected->updated ||
		got->last_transition_us != expected->transition)
		fail_msg("%s: %s is %s %" STR_F " (\"%" STR_F
			 "\") generation %lld created %lld updated %lld transition %lld",
			row->name, expected->type, got->is_true ? "True" : "False",
			STR_A(got->reason), STR_A(got->message),
			(long long)got->observed_generation, (long long)got->created_us,
			(long long)got->last_updated_us, (long long)got->last_transition_us);
}

/* Nothing new has been said, so nothing changes, to the byte. */
static void check_settled(const struct row *row, struct arena *arena,
	const struct aggregate_input *input, const struct condition_list *got)
{
	struct aggregate_input again = *input;
	struct condition_list next;

	again.previous = got;
	assert_int_equal(aggregate_conditions(arena, &again, &next, NULL), 0);
	if (!str_eq(condition_list_text(arena, got), condition_list_text(arena, &next)))
		fail_msg("%s: computed again, it differs", row->name);
}

static void run_row(const struct row *row)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct str required[4];
	struct adapter_report reports[4];
	struct condition before[4];
	struct condition_list previous = {before, fill_conditions(row->before, before)};
	struct condition_list got;
	struct aggregate_input input = {
		.generation = row->generation,
		.reference_us = REF,
		.is_deleting = row->deleting,
		.has_children = row->children,
		.previous = &previous,
		.required = required,
		.reports = reports,
		.report_count = fill_reports(row->reports, reports),
	};
	size_t count = 0;

	while (input.required_count < 4 && row->required[input.required_count] != NULL) {
		required[input.required_count] = str_of(row->required[input.required_count]);
		input.required_count++;
	}
	assert_int_equal(aggregate_conditions(arena, &input, &got, NULL), 0);
	for (; count < 5 && row->after[count].type != NULL; count++) {
		if (count < got.count)
			check(row, &row->after[count], &got.items[count]);
	}
	if (got.count != count)
		fail_msg("%s: %zu conditions instead of %zu", row->name, got.count, count);
	check_settled(row, arena, &input, &got);
}

static void every_rule_holds(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
}

/* A resource with adapters a and b through its life; each step feeds on the last one's result. */
struct step {
	int64_t generation;
	int64_t updated; /* the resource's */
	struct said reports[2];
	char reconciled;
	char last_known;
	int64_t last_known_generation;
	int64_t reconciled_transition;
};

static void run_steps(const struct step *steps, size_t count)
{
	static struct str required[] = {{"a", 1}, {"b", 1}};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct condition_list list = {0};

	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		struct adapter_report reports[4];
		struct said said[4] = {step->reports[0], step->reports[1]};
		struct condition_list previous = list;
		const struct aggregate_input input = {
			.generation = step->generation,
			.reference_us = step->updated,
			.previous = &previous,
			.required = required,
			.required_count = 2,
			.reports = reports,
			.report_count = fill_reports(said, reports),
		};

		assert_int_equal(aggregate_conditions(arena, &input, &list, NULL), 0);
		if (list.items[0].is_true != (step->reconciled == 'T') ||
			list.items[0].observed_generation != step->generation ||
			list.items[0].last_transition_us != step->reconciled_transition ||
			list.items[1].is_true != (step->last_known == 'T') ||
			list.items[1].observed_generation != step->last_known_generation)
			fail_msg("step %zu: Reconciled %d since %lld, LastKnownReconciled %d at "
				 "%lld",
				i, list.items[0].is_true,
				(long long)list.items[0].last_transition_us, list.items[1].is_true,
				(long long)list.items[1].observed_generation);
	}
}

static void the_worked_example_holds(void **state)
{
	static const struct step steps[] = {
		{1, 10, {{0}}, 'F', 'F', 1, 10},
		{1, 10, {{"a", 1, 20, 'T', '-'}}, 'F', 'F', 1, 10},
		{1, 10, {{"a", 1, 20, 'T', '-'}, {"b", 1, 30, 'T', '-'}}, 'T', 'T', 1, 20},
		{2, 40, {{"a", 1, 20, 'T', '-'}, {"b", 1, 30, 'T', '-'}}, 'F', 'T', 1, 40},
		{2, 40, {{"a", 2, 50, 'T', '-'}, {"b", 1, 30, 'T', '-'}}, 'F', 'T', 1, 40},
		{2, 40, {{"a", 2, 60, 'F', '-'}, {"b", 1, 30, 'T', '-'}}, 'F', 'T', 1, 40},
		{2, 40, {{"a", 2, 60, 'F', '-'}, {"b", 2, 70, 'T', '-'}}, 'F', 'T', 1, 40},
		{2, 40, {{"a", 2, 80, 'T', '-'}, {"b", 2, 70, 'T', '-'}}, 'T', 'T', 2, 70},
	};

	run_steps(steps, sizeof(steps) / sizeof(steps[0]));
}

static void a_failure_at_the_tracked_generation_ends_the_worked_example(void **state)
{
	static const struct step steps[] = {
		{1, 10, {{"a", 1, 20, 'T', '-'}, {"b", 1, 30, 'T', '-'}}, 'T', 'T', 1, 20},
		{2, 40, {{"a", 1, 20, 'T', '-'}, {"b", 1, 30, 'T', '-'}}, 'F', 'T', 1, 40},
		{2, 40, {{"a", 2, 60, 'F', '-'}, {"b", 1, 65, 'F', '-'}}, 'F', 'F', 2, 40},
	};

	run_steps(steps, sizeof(steps) / sizeof(steps[0]));
}

static struct condition first_condition(
	struct arena *arena, struct aggregate_input *input, size_t index)
{
	static const struct condition_list none = {0};
	struct condition_list got;

	input->previous = &none;
	assert_int_equal(aggregate_conditions(arena, input, &got, NULL), 0);
	return got.items[index];
}

static void messages_name_the_adapters_by_name(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct str required[] = {
		STR("validation"), STR("dns"), STR("pullsecret"), STR("hypershift")};
	struct adapter_report reports[] = {
		{STR("pullsecret"), 1, 50, REPORT_TRUE, REPORT_ABSENT, STR_NULL, STR_NULL},
		{STR("hypershift"), 1, 50, REPORT_FALSE, REPORT_ABSENT, STR_NULL, STR_NULL},
	};
	struct aggregate_input input = {.generation = 1, .required = required, .required_count = 4};

	assert_string_equal(first_condition(arena, &input, 0).message.ptr,
		"Required adapters not reporting Available=True: [dns, hypershift, pullsecret, "
		"validation]. Currently reporting: []");
	input.reports = reports;
	input.report_count = 2;
	assert_string_equal(first_condition(arena, &input, 0).message.ptr,
		"Required adapters not reporting Available=True: [dns, hypershift, validation]. "
		"Currently reporting: [hypershift, pullsecret]");
	input.is_deleting = true;
	assert_string_equal(first_condition(arena, &input, 0).message.ptr,
		"Required adapters not reporting Finalized=True: [dns, hypershift, pullsecret, "
		"validation]. Currently reporting: [hypershift, pullsecret]");
}

static void adapter_names_become_condition_types(void **state)
{
	static const char *const names[][2] = {
		{"cl-namespace", "ClNamespaceSuccessful"},
		{"dns", "DnsSuccessful"},
		{"a-b-c", "ABCSuccessful"},
		{"9lives", "9livesSuccessful"},
	};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str required = str_of(names[i][0]);
		struct adapter_report report = {
			required, 1, 50, REPORT_TRUE, REPORT_ABSENT, STR_NULL, STR_NULL};
		struct aggregate_input input = {.generation = 1,
			.required = &required,
			.required_count = 1,
			.reports = &report,
			.report_count = 1};

		assert_string_equal(first_condition(arena, &input, 2).type.ptr, names[i][1]);
	}
}

static void finalized_means_all_required_at_this_generation(void **state)
{
	struct str required[] = {STR("a"), STR("b")};
	struct adapter_report reports[] = {
		{STR("a"), 2, 50, REPORT_FALSE, REPORT_TRUE, STR_NULL, STR_NULL},
		{STR("b"), 2, 50, REPORT_UNKNOWN, REPORT_TRUE, STR_NULL, STR_NULL},
	};
	struct aggregate_input input = {.generation = 2,
		.required = required,
		.required_count = 2,
		.reports = reports,
		.report_count = 2};

	assert_true(aggregate_is_finalized(&input));
	reports[1].observed_generation = 1;
	assert_false(aggregate_is_finalized(&input));
	reports[1].observed_generation = 2;
	reports[1].finalized = REPORT_FALSE;
	assert_false(aggregate_is_finalized(&input));
	input.report_count = 1;
	assert_false(aggregate_is_finalized(&input));
}

static void conditions_survive_the_way_through_text(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct condition items[] = {
		{STR("Reconciled"), true, STR("r"), STR("say \"hi\""), 3, 1000000, 2000001,
			1500000},
		{STR("DnsSuccessful"), false, STR_NULL, STR_NULL, 2, 5, 6, 7},
	};
	struct condition_list list = {items, 2};
	struct condition_list back;
	struct str text = condition_list_text(arena, &list);

	assert_int_equal(condition_list_parse(arena, text, &back, NULL), 0);
	assert_true(condition_list_says_same(&list, &back));
	assert_int_equal(back.items[0].last_updated_us, 2000001);
	assert_true(str_is_null(back.items[1].reason));
	back.items[0].last_updated_us++;
	assert_true(condition_list_says_same(&list, &back));
	back.items[0].observed_generation++;
	assert_false(condition_list_says_same(&list, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_holds),
		cmocka_unit_test(the_worked_example_holds),
		cmocka_unit_test(a_failure_at_the_tracked_generation_ends_the_worked_example),
		cmocka_unit_test(messages_name_the_adapters_by_name),
		cmocka_unit_test(adapter_names_become_condition_types),
		cmocka_unit_test(finalized_means_all_required_at_this_generation),
		cmocka_unit_test(conditions_survive_the_way_through_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
