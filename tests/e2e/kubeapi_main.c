/*
 * kubeapi_main.c - the stand-in Kubernetes API alone, for tests with foreign clients.
 *
 *	kubeapi STORE_URL KUBECONFIG [PORT]
 *
 * Writes the kubeconfig when it serves, and ends with its standard input.
 */
#include <stdio.h>
#include <unistd.h>

#include "local/kubeapi.h"

#define HOST "127.0.0.1"
#define TOKEN "secret-of-the-test"

int main(int argc, char **argv)
{
	struct kubeapi *kubeapi = NULL;
	struct error err;
	int64_t port = 0;
	char byte;

	if (argc < 3 || (argc > 3 && !str_to_int64(str_of(argv[3]), &port))) {
		fprintf(stderr, "usage: %s STORE_URL KUBECONFIG [PORT]\n", argv[0]);
		return 2;
	}
	struct log *log = log_new(STDERR_FILENO, LOG_FORMAT_HUMAN, LOG_LEVEL_INFO);
	const struct kubeapi_config config = {.store_url = argv[1],
		.host = HOST,
		.port = (uint16_t)port,
		.token = TOKEN,
		.log = log};
	if (kubeapi_start(&kubeapi, &config, &err) < 0 ||
		kubeapi_write_kubeconfig(
			argv[2], HOST, kubeapi_port(kubeapi), TOKEN, "test", &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		kubeapi_stop(kubeapi);
		log_free(log);
		return 1;
	}
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	kubeapi_stop(kubeapi);
	log_free(log);
	return 0;
}
