/*
 * condition_map.h - conditions that a kind's configuration derives, in CEL, from what adapters have
 * reported (HyperFleet's `conditions:` of an entity).
 *
 *	conditions:
 *	  - type: ControlPlaneReady
 *	    when: {expression: statuses.exists(s, s.adapter == "hypershift")}
 *	    output:
 *	      status: {expression: statuses[0].data.ready == true}
 *	      reason: {expression: '"FromHypershift"'}
 *	      message: {expression: statuses[0].data.?text.orValue("")}
 *
 * Expressions see `statuses`, a list of {adapter, observed_generation, conditions, data} of every
 * adapter none of whose conditions is Unknown, and `resource`, the row without labels and
 * conditions; both without what looks like a secret (redact.h). They are checked at start and may
 * cost CONDITION_MAP_MAX_COST. Pure: nothing in here reads a clock.
 */
#ifndef REEVE_CLM_CONDITION_MAP_H
#define REEVE_CLM_CONDITION_MAP_H

#include "clm/condition.h"
#include "clm/registry.h"
#include "clm/report.h"
#include "clm/resource.h"

#define CONDITION_MAP_MAX_COST 10000u	/* of one expression, as cel-go counts */
#define CONDITION_MAP_MAX_REASON 256u	/* bytes; a condition with a longer one is left out */
#define CONDITION_MAP_MAX_MESSAGE 2048u /* bytes; longer ones are cut */

/* What an expression that fails means. */
enum mapping_failure {
	MAPPING_FAILS, /* for whoever brought a report: it must not be stored */
	MAPPING_KEEPS  /* for the resource's owner, who may change and delete it all the same: the
			  condition stays as it was, at the generation it was of */
};

/*
 * Appends to the conditions what the kind's mappings make of the reports, by type. `previous`: the
 * resource's conditions so far. ERROR_INTERNAL when an expression fails and that is not to be
 * passed over.
 */
int condition_map_apply(const struct condition_mapping *mappings, size_t count, struct arena *arena,
	const struct resource *resource, const struct report_list *reports,
	const struct condition_list *previous, enum mapping_failure failure,
	struct condition_list *conditions, struct error *err);

#endif
