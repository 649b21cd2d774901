/*
 * label.c - see label.h.
 */
#include "clm/label.h"

#include "data/json.h"

static int for_each(struct change *change, struct str id, struct str labels, const char *statement,
	struct error *err)
{
	struct json *document;

	if (str_eq_c(labels, RESOURCE_NO_LABELS))
		return 0;
	if (json_parse(change->arena, labels, NULL, &document, err) != 0)
		return error_prefix(err, "the labels of a resource");
	for (size_t i = 0; i < json_count(document); i++) {
		const struct sql_value values[] = {
			SQL_STR(json_key_at(document, i)),
			SQL_STR(json_str(json_at(document, i))),
			SQL_STR(id),
		};

		if (sql_run_later(change->sql, statement, values, 3, err) != 0)
			return -1;
	}
	return 0;
}

int label_index(struct change *change, struct str id, struct str labels, struct error *err)
{
	return for_each(change, id, labels,
		"INSERT INTO resource_labels (key, value, resource_id) VALUES ($1, $2, $3)", err);
}

int label_unindex(struct change *change, struct str id, struct str labels, struct error *err)
{
	return for_each(change, id, labels,
		"DELETE FROM resource_labels WHERE key = $1 AND value = $2 AND resource_id = $3",
		err);
}

int label_count(struct sql *sql, struct str key, struct str value, int64_t most, int64_t *ret,
	struct error *err)
{
	struct sql_rows *rows;
	int more;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT COUNT(*) FROM (SELECT 1 FROM resource_labels "
		    "WHERE key = $1 AND value = $2 LIMIT $3) AS some",
		    SQL_STR(key), SQL_STR(value), SQL_INT(most)) != 0)
		return -1;
	more = sql_next(rows, err);
	if (more == 1)
		*ret = sql_int(rows, 0);
	sql_end(rows);
	return more < 0 ? -1 : 0;
}
