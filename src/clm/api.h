/*
 * api.h - what the API's handlers share: the server's state, one request's target, common answers.
 *
 * A route's argument is its struct endpoint: which kind it serves, whether it is nested under a
 * parent, and the handler. Every request goes through one function, which finds out who calls, runs
 * the handler and counts the answer.
 */
#ifndef REEVE_CLM_API_H
#define REEVE_CLM_API_H

#include <stdatomic.h>

#include "base/buf.h"
#include "clm/caller.h"
#include "clm/catalog.h"
#include "clm/metrics.h"
#include "clm/report.h"
#include "clm/resource.h"
#include "clm/totals.h"
#include "clm/watch.h"

#define API_MAX_BODY ((size_t)1 << 20)
#define API_MAX_BATCH 100u		    /* ids of one batch */
#define API_EPOCH_HEADER "Hyperfleet-Epoch" /* of every answer to a caller */

struct api;
struct api_request;
typedef void (*api_handler)(struct api_request *request);

struct endpoint {
	const char *method;
	const char *path; /* the route's pattern */
	api_handler handle;
	const struct kind *kind; /* NULL under /resources and outside of kinds */
	bool is_nested;		 /* the first variable is the parent's id */
	bool is_open;		 /* needs no caller: health, metrics, the API's description */
	bool needs_owner_rights; /* a system caller may not */
	struct metrics_route metrics;
};

struct api {
	struct arena *arena;
	struct catalog *catalog;
	struct watch *watch;
	struct caller_rules rules;
	struct totals totals;
	struct issuers *issuers; /* NULL: no tokens */
	struct log *log;
	struct endpoint *endpoints;
	struct http_route *routes;
	size_t route_count;
	int64_t stuck_us;	/* of the metrics */
	struct str description; /* the OpenAPI document, as JSON text */
	struct str epoch;	/* the store's, as the header says it */
	_Atomic bool is_stopping;
};

/* One request on its way through a handler. */
struct api_request {
	struct api *api;
	struct endpoint *endpoint;
	struct http_request *http;
	struct http_response *response;
	struct caller caller;
	struct str parent; /* null unless nested */
	struct str id;	   /* null on collections */
};

/* api_routes.c: makes endpoints and routes for the kinds of the catalog's registry. */
int api_init(struct api *api, struct error *err);
void api_end(struct api *api);

/* --- for handlers ---------------------------------------------------------------------------- */

/* What this request may touch. */
struct scope api_scope(const struct api_request *request);
struct scope api_parent_scope(const struct api_request *request);
struct change api_change(const struct api_request *request);

struct str api_etag(struct api_request *request, const struct resource *resource);

/* Answers. Each is the last thing a handler does. */
void api_answer_resource(struct api_request *request, int status, const struct resource *resource);
/* Takes the buffer's bytes over; its owner must not free it any more. */
void api_answer_buffer(struct api_request *request, int status, struct buf *body);
void api_fail(struct api_request *request, const struct error *err);
void api_refuse(struct api_request *request, const struct problem_details *problem);

/* page and size, checked. False: answered. */
struct api_page {
	int64_t page;
	int64_t size;
};
bool api_read_page(struct api_request *request, struct api_page *ret);

/* Appends a page of reports as AdapterStatusList. */
void api_write_statuses(
	struct buf *body, const struct report_list *reports, const struct api_page *page);

/* --- the handlers, by file ------------------------------------------------------------------- */

/* api_resource.c */
void api_create(struct api_request *request);
void api_get(struct api_request *request);
void api_patch(struct api_request *request);
void api_delete(struct api_request *request);
void api_force_delete(struct api_request *request);
void api_reserve_placement(struct api_request *request);
void api_free_placement(struct api_request *request);
/* api_list.c */
void api_list(struct api_request *request);
void api_watch(struct api_request *request);
/* api_history.c */
void api_history(struct api_request *request);
/* api_batch.c */
void api_batch(struct api_request *request);
/* api_status.c */
void api_put_status(struct api_request *request);
void api_list_statuses(struct api_request *request);
/* api_server.c */
void api_describe(struct api_request *request);
void api_openapi(struct api_request *request);
void api_openapi_page(struct api_request *request);
void api_health(struct api_request *request);
void api_ready(struct api_request *request);
void api_metrics(struct api_request *request);

#endif
