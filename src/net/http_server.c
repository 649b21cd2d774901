/*
 * http_server.c - the server: libmicrohttpd's callbacks in the order of a request's life.
 *
 * on_connection: a connection comes or goes.
 * on_target: the request line is here; takes an exchange from the pool, copies the raw target.
 * on_access: first with the headers (may refuse before any body), then with pieces of the body,
 * last to answer: runs the handler, hands its response over.
 * on_completed: the answer is out, or will never be; logs, gives the exchange back.
 *
 * A caller of the same process (http_local_call.c) takes the same steps without a connection:
 * http_server_begin, _refuse, _handle, _end.
 *
 * libmicrohttpd cannot answer between the first and the last of these, so a body that turns out too
 * large while it arrives in chunks is answered on the socket itself and the connection closed.
 *
 * A head that does not even fit the parser's memory is refused by libmicrohttpd (414 or 431, in
 * HTML): that memory is a little more than HTTP_MAX_HEADER_BYTES, so what is slightly too long is
 * refused by us. More cookies than fit there close the connection without a word.
 */
#include "net/http_server.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/thread.h"
#include "net/http_exchange.h"
#include "net/http_framing.h"
#include "net/http_gzip.h"
#include "net/http_listener.h"
#include "net/http_local.h"
#include "net/http_route.h"
#include "net/http_stream.h"
#include "net/http_tls.h"

#define HTTP_THREADS 4u
/* Kept per open connection, idle ones too: 10,000 of them are 200 MB. */
#define HTTP_PARSER_BYTES (HTTP_MAX_HEADER_BYTES + ((size_t)4 << 10))
#define HTTP_SURPLUS \
	256u /* connections over the limit that are told so; more wait in the backlog */
#define HTTP_SWEEP_MS 500 /* between sweeps for slow senders */
#define HTTP_STOP_WAIT_US (INT64_C(10) * 1000000)
#define HTTP_STOP_DRAIN_US (INT64_C(1) * 1000000) /* for streams to send their last bytes */
#define HTTP_STOP_POLL_US 2000
#define HTTP_TLS_OPTIONS 4 /* certificate, protocols, clients' CA, end */

struct http_server {
	struct http_server_config config;
	char name[16];
	struct MHD_Daemon *daemon;
	struct http_listener listener;
	struct http_routes *routes;
	struct http_exchange_pool pool;
	struct http_connections connections;
	struct http_streams streams;
	struct http_local local;
	struct http_tls *tls; /* NULL: plain HTTP */
	struct thread *watch;
	struct stop stop; /* of the watch thread */
	_Atomic bool is_stopping;
	_Atomic unsigned active; /* exchanges begun and not completed, streams included */
	_Atomic uint64_t requests, errors_4xx, errors_5xx, refused;
};

/* --- answering ----------------------------------------------------------------------------- */

static struct MHD_Response *response_new(struct http_exchange *exchange)
{
	struct http_response *response = &exchange->response;
	if (response->stream) {
		struct MHD_Response *stream = http_stream_response(response->stream);
		if (!stream || !str_eq(exchange->request.method, STR("HEAD")))
			return stream;
		/* libmicrohttpd would send the last chunk all the same; and nothing shall follow.
		 */
		MHD_destroy_response(stream);
		response->stream = NULL;
	}
	/* Not copied: the body lives in the exchange's arena until on_completed. */
	return MHD_create_response_from_buffer(response->body.len,
		(void *)(uintptr_t)(response->body.ptr ? response->body.ptr : ""),
		MHD_RESPMEM_PERSISTENT);
}

static void response_set_header(struct http_exchange *exchange, struct MHD_Response *mhd,
	const char *name, struct str value)
{
	char *text = arena_cstr(exchange->request.arena, value);
	/* Refused when it holds a line break; then the answer goes out without it. */
	if (text)
		(void)MHD_add_response_header(mhd, name, text);
}

static void response_set_headers(
	struct http_exchange *exchange, struct MHD_Response *mhd, bool is_last)
{
	struct http_response *response = &exchange->response;
	if (!str_is_null(response->content_type))
		response_set_header(exchange, mhd, "Content-Type", response->content_type);
	else if (response->body.len > 0)
		(void)MHD_add_response_header(mhd, "Content-Type", "application/json");
	(void)MHD_add_response_header(mhd, "X-Request-ID", exchange->id);
	if (is_last)
		(void)MHD_add_response_header(mhd, "Connection", "close");
	for (size_t i = 0; i < response->header_count; i++) {
		char *name = arena_cstr(exchange->request.arena, response->headers[i].name);
		if (name)
			response_set_header(exchange, mhd, name, response->headers[i].value);
	}
}

static enum MHD_Result exchange_answer(
	struct http_server *server, struct http_exchange *exchange, bool is_last)
{
	struct MHD_Response *mhd = response_new(exchange);
	if (!mhd)
		return MHD_NO;
	response_set_headers(exchange, mhd, is_last || atomic_load(&server->is_stopping));
	int status = exchange->response.status;
	exchange->is_answered = true;
	enum MHD_Result result = MHD_queue_response(exchange->mhd, (unsigned)status, mhd);
	MHD_destroy_response(mhd);
	return result;
}

/* --- the request begins -------------------------------------------------------------------- */

struct http_exchange *http_server_begin(struct http_server *server)
{
	struct http_exchange *exchange = http_exchange_take(&server->pool);
	if (!exchange)
		return NULL;
	exchange->streams = &server->streams;
	exchange->error_writer = server->config.error_writer;
	exchange->started_us = clock_monotonic_us();
	exchange->request.context = server->config.context;
	exchange->request.now_us = clock_now_us(server->config.clock);
	id_uuid7(exchange->id, exchange->request.now_us);
	exchange->request.id = str_of(exchange->id);
	atomic_fetch_add(&server->active, 1);
	atomic_fetch_add(&server->requests, 1);
	return exchange;
}

static void *on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
	struct http_server *server = arg;
	struct http_exchange *exchange = http_server_begin(server);
	if (!exchange)
		return NULL;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	exchange->mhd = mhd;
	exchange->connection = info ? info->socket_context : NULL;
	exchange->request.target = arena_str(exchange->request.arena, str_of(target));
	http_framing_hide_query(target);
	if (exchange->connection) {
		exchange->connection->exchange = exchange;
		http_connection_begin(
			&server->connections, exchange->connection, exchange->started_us);
	}
	return exchange;
}

static size_t head_size(const struct http_exchange *exchange)
{
	if (exchange->mhd) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(
			exchange->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
		return info ? info->header_size : 0;
	}
	size_t size = exchange->request.target.len;
	for (size_t i = 0; i < exchange->header_count; i++)
		size += exchange->headers[i].name.len + exchange->headers[i].value.len + 4;
	return size;
}

/* What is refused whatever the route: 0 or a status, with its words in the response. */
static int exchange_screen(struct http_server *server, struct http_exchange *exchange)
{
	int status = 0;
	if (atomic_load(&server->is_stopping)) {
		status = 503;
		http_exchange_error(exchange, status, "the server is stopping");
	} else if (exchange->connection && exchange->connection->is_surplus) {
		status = 503;
		http_exchange_error(exchange, status,
			"the server has its maximum of %u connections; try again later",
			server->connections.max);
	} else if (exchange->request.target.len > HTTP_MAX_TARGET_BYTES) {
		status = 414;
		http_exchange_error(exchange, status, "the target is longer than %zu bytes",
			HTTP_MAX_TARGET_BYTES);
	} else if (head_size(exchange) > HTTP_MAX_HEADER_BYTES) {
		status = 431;
		http_exchange_error(exchange, status, "the headers are longer than %zu bytes",
			HTTP_MAX_HEADER_BYTES);
	}
	if (status == 503)
		atomic_fetch_add(&server->refused, 1);
	return status;
}

/* The route, or a status with its words in the response. */
static int exchange_route(struct http_server *server, struct http_exchange *exchange)
{
	struct http_request *request = &exchange->request;
	struct http_path path;
	struct error err;
	struct str allow = STR_NULL;
	if (http_path_parse(request->arena, request->target, server->config.lenient_slash, &path,
		    &err) < 0) {
		http_exchange_error(exchange, error_http_status(err.code), "%s", err.message);
		return exchange->response.status;
	}
	request->path = path.decoded;
	request->query = path.query;
	request->route = http_routes_find(
		server->routes, request->arena, request->method, &path, request->variables, &allow);
	if (request->route)
		return 0;
	if (str_is_null(allow)) {
		http_exchange_error(
			exchange, 404, "there is nothing at %" STR_F, STR_A(request->path));
		return 404;
	}
	http_response_header(request, &exchange->response, STR("Allow"), allow);
	http_exchange_error(exchange, 405, "%" STR_F " is not possible here, only %" STR_F,
		STR_A(request->method), STR_A(allow));
	return 405;
}

/* Before any of the body: its limit, and whether it says itself that it is longer. */
static bool exchange_limit_body(
	struct http_server *server, struct http_exchange *exchange, size_t length)
{
	const struct http_route *route = exchange->request.route;
	exchange->max_body = route->max_body ? route->max_body : server->config.max_body;
	exchange->body.max = exchange->max_body;
	if (length <= exchange->max_body)
		return false;
	http_exchange_error(exchange, 413, "the body has %zu bytes, which exceeds the limit of %zu",
		length, exchange->max_body);
	return true;
}

bool http_server_refuse(
	struct http_server *server, struct http_exchange *exchange, size_t body_length)
{
	return exchange_screen(server, exchange) || exchange_route(server, exchange) ||
	       exchange_limit_body(server, exchange, body_length);
}

/* What the client's certificate says; looked at once in a connection's life, because a chain is
 * verified then. */
static void exchange_read_certificate(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->connection;
	if (connection->tls && !connection->has_looked) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		connection->has_looked = true;
		if (info && info->tls_session)
			connection->peer_certificate = http_tls_peer_of(info->tls_session);
	}
	const struct http_tls_peer *peer = connection->peer_certificate;
	if (!peer || !peer->is_verified)
		return;
	exchange->request.has_certificate = true;
	exchange->request.certificate_names = peer->names;
	exchange->request.certificate_name_count = peer->name_count;
}

/* Whether a body that nobody wants is read to its end before the answer: who sends all of it before
 * reading would be reset by an answer and a close. Not when the server has better things to do. */
static bool may_drain(const struct http_exchange *exchange, size_t length)
{
	return exchange->response.status != 503 && http_framing_is_bearable(exchange, length);
}

static enum MHD_Result exchange_begin(
	struct http_server *server, struct http_exchange *exchange, const char *method)
{
	struct http_request *request = &exchange->request;
	exchange->has_begun = true;
	if (!exchange->connection)
		return MHD_NO;
	request->method = arena_str(request->arena, str_of(method));
	request->peer = str_of(exchange->connection->peer);
	http_exchange_read_headers(exchange);
	exchange_read_certificate(exchange);
	size_t length;
	bool with_body = http_framing_has_body(exchange, &length);
	const char *fault = http_framing_fault(exchange);
	if (fault)
		http_exchange_error(exchange, 400, "%s", fault);
	exchange->is_refused = fault || http_server_refuse(server, exchange, length);
	/* An answer at this point costs the connection; without a body to avoid, the next call will
	 * do. Not when it is unclear where the request ends. */
	if (!fault && (!exchange->is_refused || !with_body || may_drain(exchange, length)))
		return MHD_YES;
	return exchange_answer(server, exchange, true);
}

/* --- the body, and the answer -------------------------------------------------------------- */

/* Past libmicrohttpd. This is the connection's thread, so its TLS session is at rest. */
static void exchange_answer_early(struct http_exchange *exchange, struct str detail)
{
	int status = exchange->response.status;
	char text[HTTP_PLAIN_ANSWER_MAX];
	if (!exchange->connection->tls) {
		http_connection_answer(exchange->connection, status, detail);
		return;
	}
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	size_t len = http_connection_format(text, status, detail);
	if (info && info->tls_session && len > 0)
		(void)!gnutls_record_send(info->tls_session, text, len);
}

static enum MHD_Result exchange_take_body(
	struct http_exchange *exchange, const char *bytes, size_t *len)
{
	if (exchange->is_answered || exchange->is_refused) {
		*len = 0;
		return MHD_YES;
	}
	bool is_too_large = exchange->body.len + *len > exchange->max_body;
	if (!is_too_large && buf_add(&exchange->body, bytes, *len)) {
		*len = 0;
		return MHD_YES;
	}
	/* The sweep may be answering the same connection at this moment. */
	if (http_connection_serve(exchange->connection)) {
		exchange->response.status = is_too_large ? 413 : 503;
		exchange_answer_early(
			exchange, is_too_large ? STR("the body exceeds the limit of this path")
					       : STR("no memory for the body"));
	}
	return MHD_NO;
}

void http_server_handle(struct http_server *server, struct http_exchange *exchange)
{
	struct http_request *request = &exchange->request;
	struct http_response *response = &exchange->response;
	/* Nobody acts on a request of which a header, If-Match say, may be missing. */
	bool may_go_on = !arena_is_exhausted(request->arena) &&
			 (!server->config.before || server->config.before(request, response));
	if (may_go_on)
		request->route->handler(request, response);
	bool is_exhausted = arena_is_exhausted(request->arena);
	if (!response->stream && (response->status == 0 || is_exhausted))
		http_exchange_error(exchange, 500,
			is_exhausted ? "the request needs more memory than it may have"
				     : "the handler gave no answer");
}

static enum MHD_Result exchange_serve(struct http_server *server, struct http_exchange *exchange)
{
	if (!http_connection_serve(exchange->connection))
		return MHD_NO;
	if (exchange->is_refused)
		return exchange_answer(server, exchange, exchange->response.status == 503);
	exchange->request.body = buf_str(&exchange->body);
	http_server_handle(server, exchange);
	if (server->config.gzip)
		http_gzip_answer(&exchange->request, &exchange->response);
	return exchange_answer(server, exchange, false);
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *bytes, size_t *len, void **context)
{
	struct http_server *server = arg;
	struct http_exchange *exchange = *context;
	if (!exchange)
		return MHD_NO;
	if (!exchange->has_begun)
		return exchange_begin(server, exchange, method);
	if (*len > 0)
		return exchange_take_body(exchange, bytes, len);
	return exchange_serve(server, exchange);
}

/* --- the request ends ---------------------------------------------------------------------- */

static void exchange_log(struct http_server *server, const struct http_exchange *exchange,
	int64_t now_us, bool is_whole)
{
	const struct http_request *request = &exchange->request;
	if (!log_is_on(server->config.log, LOG_LEVEL_INFO))
		return;
	log_info(server->config.log, "request", LOG_STR("method", request->method),
		LOG_STR("path", str_is_null(request->path) ? request->target : request->path),
		LOG_INT("status", exchange->response.status),
		LOG_INT("bytes_in", request->body.len),
		LOG_INT("bytes_out", exchange->response.body.len),
		LOG_INT("duration_us", now_us - exchange->started_us),
		LOG_STR("request_id", request->id), LOG_STR("peer", request->peer),
		LOG_STR("principal", request->principal), LOG_BOOL("complete", is_whole));
}

void http_server_end(struct http_server *server, struct http_exchange *exchange, bool is_whole)
{
	int64_t now_us = clock_monotonic_us();
	int status = exchange->response.status;
	if (status >= 500)
		atomic_fetch_add(&server->errors_5xx, 1);
	else if (status >= 400)
		atomic_fetch_add(&server->errors_4xx, 1);
	exchange_log(server, exchange, now_us, is_whole);
	if (exchange->connection) {
		exchange->connection->exchange = NULL;
		http_connection_rest(&server->connections, exchange->connection, now_us);
	}
	http_exchange_give(&server->pool, exchange);
	atomic_fetch_sub(&server->active, 1);
}

static void on_cut(void *arg, struct str request_id, size_t behind)
{
	const struct http_server *server = arg;
	log_warn(server->config.log, "a stream's reader was too slow and is cut off",
		LOG_STR("request_id", request_id), LOG_INT("behind_bytes", behind));
}

static void on_completed(
	void *arg, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct http_exchange *exchange = *context;
	*context = NULL;
	if (exchange)
		http_server_end(arg, exchange, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = arg;
	struct http_connection *known = *context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		/* libmicrohttpd forgets requests whose head it gives up on. */
		if (known && known->exchange)
			http_server_end(server, known->exchange, false);
		http_connection_remove(&server->connections, *context);
		*context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *address =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct http_connection *connection = http_connection_add(
		&server->connections, info->connect_fd, address ? address->client_addr : NULL);
	*context = connection;
	if (connection)
		http_connection_rest(&server->connections, connection, clock_monotonic_us());
	/* The pool's threads have no other moment to be named at. */
	pthread_setname_np(pthread_self(), server->name);
}

/* --- start and stop ------------------------------------------------------------------------ */

static void watch_run(void *arg)
{
	struct http_server *server = arg;
	while (!stop_requested(&server->stop)) {
		struct error err = {0};
		http_streams_watch(&server->streams, HTTP_SWEEP_MS);
		http_connections_sweep(&server->connections, clock_monotonic_us());
		if (server->tls && http_tls_refresh(server->tls, clock_monotonic_us(), &err) < 0)
			log_warn(server->config.log,
				"the new certificate cannot be used; the one before stays",
				LOG_ERROR(&err));
	}
}

/* gnutls_certificate_retrieve_function2. libmicrohttpd leaves its connection with the session, and
 * we leave ours with that. */
static int on_handshake(gnutls_session_t session, const gnutls_datum_t *authorities,
	int authority_count, const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
	gnutls_pcert_st **ret_chain, unsigned *ret_length, gnutls_privkey_t *ret_key)
{
	struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
	const union MHD_ConnectionInfo *info =
		mhd ? MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT) : NULL;
	const struct http_connection *connection = info ? info->socket_context : NULL;
	if (!connection)
		return -1;
	http_tls_current(connection->tls, ret_chain, ret_length, ret_key);
	return 0;
}

static void daemon_add_tls(const struct http_tls *tls, struct MHD_OptionItem *options)
{
	const char *client_ca = http_tls_client_ca(tls);
	*options++ = (struct MHD_OptionItem){
		MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)on_handshake};
	*options++ = (struct MHD_OptionItem){
		MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)http_tls_priorities(tls)};
	if (client_ca)
		*options++ = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(uintptr_t)client_ca};
	*options = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

static int tls_open(struct http_server *server, struct error *err)
{
	if (!server->config.tls)
		return 0;
	int result = http_tls_new(&server->tls, server->config.tls, err);
	server->connections.tls = server->tls;
	server->config.tls = NULL; /* the caller's */
	return result;
}

static bool may_accept(void *arg)
{
	struct http_server *server = arg;
	return http_connections_count(&server->connections) <
	       server->config.max_connections + HTTP_SURPLUS;
}

/* libmicrohttpd deals sockets out to its threads by their numbers, which come one after the other.
 */
static void on_socket(void *arg, int fd, const struct sockaddr *address, socklen_t length)
{
	struct http_server *server = arg;
	(void)MHD_add_connection(server->daemon, fd, address, length);
}

static int daemon_start(struct http_server *server, struct error *err)
{
	const struct http_server_config *config = &server->config;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
			 MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
			 (server->tls ? (unsigned)MHD_USE_TLS : 0u);
	struct MHD_OptionItem tls_options[HTTP_TLS_OPTIONS] = {{MHD_OPTION_END, 0, NULL}};
	if (server->tls)
		daemon_add_tls(server->tls, tls_options);
	/* The pool's threads inherit the mask: signals are main's. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_access, server,
		MHD_OPTION_THREAD_POOL_SIZE, config->threads, MHD_OPTION_THREAD_STACK_SIZE,
		THREAD_STACK_BYTES, MHD_OPTION_CONNECTION_LIMIT,
		config->max_connections + HTTP_SURPLUS, MHD_OPTION_CONNECTION_TIMEOUT,
		config->request_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_PARSER_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, server, MHD_OPTION_ARRAY, tls_options, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!server->daemon)
		return error_set(err, ERROR_INTERNAL, "libmicrohttpd cannot start on %s port %u",
			config->host, server->listener.port);
	return http_listener_start(&server->listener, server->name, err);
}

static void server_free(struct http_server *server)
{
	http_listener_close(&server->listener);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	http_routes_free(server->routes);
	http_streams_destroy(&server->streams);
	http_connections_destroy(&server->connections);
	http_exchange_pool_destroy(&server->pool);
	stop_destroy(&server->stop);
	http_tls_free(server->tls);
	free(server);
}

static void config_fill(struct http_server *server, const struct http_server_config *config)
{
	server->config = *config;
	if (!server->config.host)
		server->config.host = "127.0.0.1";
	if (server->config.threads == 0)
		server->config.threads = HTTP_THREADS;
	if (server->config.max_connections == 0)
		server->config.max_connections = HTTP_MAX_CONNECTIONS;
	if (server->config.max_body == 0)
		server->config.max_body = HTTP_MAX_BODY;
	if (server->config.request_timeout_s == 0)
		server->config.request_timeout_s = HTTP_REQUEST_TIMEOUT_S;
	if (!server->config.clock)
		server->config.clock = &clock_system;
	const char *name = config->name ? config->name : "http";
	memcpy(server->name, name, strnlen(name, sizeof(server->name) - 1));
}

int http_server_start(
	struct http_server **ret, const struct http_server_config *config, struct error *err)
{
	struct http_server *server = calloc(1, sizeof(*server));
	if (!server)
		return error_set(err, ERROR_MEMORY, "no memory for the server");
	config_fill(server, config);
	server->listener = (struct http_listener){
		.fd = -1, .may_accept = may_accept, .on_socket = on_socket, .context = server};
	stop_init(&server->stop);
	if (http_streams_init(&server->streams, &server->stop, on_cut, server, err) < 0) {
		stop_destroy(&server->stop);
		free(server);
		return -1;
	}
	http_exchange_pool_init(&server->pool);
	http_connections_init(&server->connections, server->config.max_connections,
		(int64_t)server->config.request_timeout_s * CLOCK_US_PER_S);
	if (http_routes_new(&server->routes, config->routes, config->route_count, err) < 0 ||
		tls_open(server, err) < 0 ||
		http_listener_open(
			&server->listener, server->config.host, server->config.port, err) < 0 ||
		daemon_start(server, err) < 0) {
		server_free(server);
		return -1;
	}
	if (thread_start(&server->watch, server->name, watch_run, server, err) < 0) {
		http_server_stop(server);
		return -1;
	}
	if (config->in_process && !config->tls) /* over TLS only is over TLS only */
		http_local_add(&server->local, server, server->config.host, server->listener.port);
	*ret = server;
	return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->listener.port;
}

/* Waits for the exchanges that are under way, at most `us`; streams count as such or not. */
static void wait_for_requests(struct http_server *server, bool with_streams, int64_t us)
{
	int64_t until_us = clock_monotonic_us() + us;
	while (clock_monotonic_us() < until_us) {
		uint64_t open, cut;
		http_streams_count(&server->streams, &open, &cut);
		if (atomic_load(&server->active) <= (with_streams ? 0 : open))
			return;
		usleep(HTTP_STOP_POLL_US);
	}
}

void http_server_stop(struct http_server *server)
{
	if (!server)
		return;
	atomic_store(&server->is_stopping, true);
	http_local_remove(&server->local); /* as long as it takes: they run on foreign stacks */
	http_listener_close(&server->listener);
	wait_for_requests(server, false, HTTP_STOP_WAIT_US);
	http_streams_close(&server->streams);
	wait_for_requests(server, true, HTTP_STOP_DRAIN_US);
	stop_request(&server->stop);
	thread_join(server->watch);
	server_free(server);
}

void http_server_count(const struct http_server *server, struct http_server_counters *ret)
{
	/* Counting takes the streams' lock, which is no change to the caller. */
	struct http_streams *streams = (struct http_streams *)(uintptr_t)&server->streams;
	*ret = (struct http_server_counters){
		.requests = atomic_load(&server->requests),
		.errors_4xx = atomic_load(&server->errors_4xx),
		.errors_5xx = atomic_load(&server->errors_5xx),
		.refused = atomic_load(&server->refused),
	};
	http_streams_count(streams, &ret->streams_open, &ret->streams_cut);
}
