/*
 * check_feed.c - the feed, row after row: numbers without a gap but where a restore left one, the
 * epoch never falling, details that are JSON.
 */
#include <stdio.h>

#include "clm/check_list.h"
#include "store/tables.h"

#define NUMBER_BYTES 32

struct walk {
	struct check *check;
	int64_t sequence; /* of the row before; 0: none */
	int64_t epoch;
	struct check_finding *gaps, *epochs, *rows;
};

static void found(struct walk *walk, struct check_finding *finding, int64_t sequence)
{
	char number[NUMBER_BYTES];

	snprintf(number, sizeof(number), "%lld", (long long)sequence);
	check_found(walk->check, finding, str_of(number));
}

static bool is_row(struct check *check, struct sql_rows *rows)
{
	struct json *detail;

	arena_reset(check->scratch);
	if (sql_int(rows, 4) < 0 || str_is_empty(sql_str(rows, 5)))
		return false;
	return sql_is_null(rows, 3) ||
	       json_parse(check->scratch, sql_str_copy(rows, 3, check->scratch), NULL, &detail,
		       NULL) == 0;
}

/* sequence, epoch, event, detail, version, id */
static int take(struct sql_rows *rows, void *argument, struct error *err)
{
	struct walk *walk = argument;
	int64_t sequence = sql_int(rows, 0), epoch = sql_int(rows, 1);
	bool is_restore = str_eq_c(sql_str(rows, 2), "restored");

	(void)err;
	if (walk->sequence != 0 && sequence != walk->sequence + 1 && !is_restore)
		found(walk, walk->gaps, sequence);
	if (epoch < walk->epoch || epoch > walk->check->epoch)
		found(walk, walk->epochs, sequence);
	if (!is_row(walk->check, rows))
		found(walk, walk->rows, sequence);
	walk->sequence = sequence;
	walk->epoch = epoch;
	return 0;
}

int check_feed(struct check *check, struct error *err)
{
	struct walk walk = {
		.check = check,
		.epoch = 1,
		.gaps = check_invariant(check, "feed-gaps",
			"the feed's numbers follow one another, but for the beginning that a "
			"restore "
			"makes"),
		.epochs = check_invariant(
			check, "feed-epoch", "the epoch never falls, and is none to come"),
		.rows = check_invariant(check, "feed-rows",
			"a row of the feed has an id, a version and a JSON detail"),
	};

	return tables_scan(check->sql,
		"SELECT sequence, epoch, event, detail, version, id FROM changes ORDER BY sequence",
		take, &walk, err);
}
