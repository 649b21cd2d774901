/*
 * cel_overloads.c - reading signatures and trying them on operands.
 */
#include "data/cel_overloads.h"

#include "data/cel_signatures.h"

struct signature {
	struct str name;
	bool is_method;
	const struct cel_static *operands[CEL_MAX_OPERANDS];
	size_t count;
	const struct cel_static *result;
};

/*
 * Splits a row; only when the name is the one looked for are the types read. A row begins with a
 * target's type when that is followed by a dot.
 */
static bool read_signature(
	struct cel_types *types, const char *row, struct str name, struct signature *ret)
{
	struct cel_letters letters = {0};
	struct str rest = str_of(row);
	struct str call = {0};
	const struct cel_static *target;

	if (str_find(rest, name) < 0)
		return false;
	*ret = (struct signature){0};
	target = cel_static_read(types, &rest, &letters);
	if (target != NULL && str_starts_with(rest, STR("."))) {
		ret->is_method = true;
		ret->operands[ret->count++] = target;
		rest = str_slice(rest, 1, rest.len);
	} else {
		rest = str_of(row);
		letters = (struct cel_letters){0};
	}
	call = str_cut(&rest, '(');
	if (!str_eq(call, name))
		return false;
	while (!str_starts_with(rest, STR(")"))) {
		if (str_starts_with(rest, STR(", ")))
			rest = str_slice(rest, 2, rest.len);
		target = cel_static_read(types, &rest, &letters);
		if (target == NULL || ret->count == CEL_MAX_OPERANDS)
			return false;
		ret->operands[ret->count++] = target;
	}
	rest = str_slice(rest, 2, rest.len); /* ") " */
	ret->result = cel_static_read(types, &rest, &letters);
	return ret->result != NULL;
}

static void try_row(struct cel_types *types, struct cel_search *search, const char *row)
{
	struct signature signature;
	const struct cel_static *result;

	if (!read_signature(types, row, search->name, &signature))
		return;
	search->is_known = true;
	if (signature.is_method != search->is_method || signature.count != search->count ||
		!cel_static_assign(types, search->operands, signature.operands, search->count))
		return;
	search->matches++;
	result = cel_static_known(types, signature.result, false);
	if (search->result == NULL)
		search->result = result;
	else if (search->result->kind != CEL_STATIC_DYN &&
		 !cel_static_same(types, result, search->result))
		search->result = cel_static(CEL_STATIC_DYN);
}

void cel_overloads_search(
	struct cel_types *types, const struct cel_check_env *env, struct cel_search *search)
{
	for (size_t i = 0; i < cel_library_count; i++) {
		const struct cel_library *library = &cel_libraries[i];

		if (library->bit != 0 && (env->libraries & library->bit) == 0)
			continue;
		for (const char *const *row = library->signatures; *row != NULL; row++)
			try_row(types, search, *row);
	}
	for (size_t i = 0; i < env->function_count; i++)
		try_row(types, search, env->functions[i]);
}
