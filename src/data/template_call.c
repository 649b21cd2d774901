/*
 * template_call.c - how whatever runs in a template fails: with the line of the template, in the
 * error of the call.
 *
 * A file of its own because the interpreter, the functions and printf all fail in this way, and
 * none of them may need another for it.
 */
#include <stdarg.h>

#include "data/template_tree.h"

int template_fail(const struct template_call *call, enum error_code code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_vset(call->err, code, format, ap);
	va_end(ap);
	return error_prefix(call->err, "line %u", call->line);
}

int template_no_memory(const struct template_call *call)
{
	return template_fail(call, ERROR_MEMORY, "out of memory while rendering a template");
}
