/*
 * clm_source.c - see clm_source.h.
 */
#include "cmd/clm_source.h"

#include "clm/config.h"
#include "clm/settings.h"

/* The configuration's own flags are those of `reeve serve`; variables count here, too. */
static const char *no_flag(void *context, const char *flag)
{
	(void)context;
	(void)flag;
	return NULL;
}

static int read_config(
	const char *file, struct arena *arena, struct clm_source *ret, struct error *err)
{
	struct config_source source = {.file = file, .flag = no_flag};
	struct config config;

	if (settings_read(arena, file, &source.text, err) < 0 ||
		config_read(arena, &source, &config, err) < 0)
		return -1;
	*ret = (struct clm_source){
		config.clm.store_url, config.clm.entities_file, config.clm.schema_file};
	return 0;
}

int clm_source_read(const struct command_line *line, struct arena *arena, struct clm_source *ret,
	struct error *err)
{
	const char *store = command_text(line, "store"), *file = command_text(line, "config");

	*ret = (struct clm_source){0};
	if (!store && !file)
		return error_set(err, ERROR_INVALID,
			"name the database: --store URL, or --config FILE of its `reeve serve "
			"clm`");
	if (file && read_config(file, arena, ret, err) < 0)
		return -1;
	if (store)
		ret->store_url = store;
	return 0;
}
