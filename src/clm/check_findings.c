/*
 * check_findings.c - what a check has found: kept by invariant, told as a document.
 */
#include "clm/check_list.h"

struct check_finding *check_invariant(struct check *check, const char *name, const char *says)
{
	struct check_report *report = check->report;

	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->findings[i].name, name) == 0)
			return &report->findings[i];
	if (report->count < CHECK_MAX_INVARIANTS)
		report->count++;
	struct check_finding *finding = &report->findings[report->count - 1];
	*finding = (struct check_finding){.name = name, .says = says};
	return finding;
}

void check_found(struct check *check, struct check_finding *finding, struct str id)
{
	finding->count++;
	if (finding->count == 1)
		check->report->broken++;
	if (finding->id_count < CHECK_MAX_IDS)
		finding->ids[finding->id_count++] = arena_str(check->arena, id);
}

struct json *check_document(struct arena *arena, const struct check_report *report)
{
	struct json *document = json_new_object(arena), *invariants = json_new_array(arena);

	json_set_int(document, "resources", (int64_t)report->resources);
	json_set_int(document, "broken", (int64_t)report->broken);
	for (size_t i = 0; i < report->count; i++) {
		const struct check_finding *finding = &report->findings[i];
		struct json *item = json_new_object(arena), *ids = json_new_array(arena);
		json_set_text(item, "name", str_of(finding->name));
		json_set_text(item, "says", str_of(finding->says));
		json_set_int(item, "count", (int64_t)finding->count);
		for (size_t k = 0; k < finding->id_count; k++)
			json_append(ids, json_new_string(arena, finding->ids[k]));
		json_set(item, "ids", ids);
		json_append(invariants, item);
	}
	json_set(document, "invariants", invariants);
	return document;
}
