/*
 * fuzz_kubeapi_protobuf.c - built-in kinds from protobuf; what is read can be pruned and checked.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "local/kubeapi_protobuf.h"
#include "local/kubeapi_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct kubeapi_types *types; /* made once: it does not depend on the input */
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)16 << 20);
	struct json *object;

	if (!types && kubeapi_types_new(&types, NULL) < 0)
		abort();
	if (kubeapi_protobuf_read(arena, kubeapi_types_document(types),
		    str_n((const char *)bytes, size), &object, NULL) < 0)
		return 0;
	struct kubeapi_type *type = kubeapi_types_find_kind(
		types, json_get_text(object, "apiVersion"), json_get_text(object, "kind"));
	if (type) {
		struct schema_report report;
		schema_prune(type->schema, object, arena, NULL);
		schema_validate(type->schema, arena, STR(""), object, &report);
	}
	kubeapi_type_release(type);
	return 0;
}
