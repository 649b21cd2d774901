/*
 * cel_operators.c - arithmetic, relations, membership, index.
 *
 * Overflow and division by zero are errors, never wrapped results. Arithmetic does not mix types,
 * with one exception: cel-go reads the numbers of a document as doubles, we read 2 as an int. So
 * that what was written for the former works, an int from a document stands for a double beside a
 * double, and two of them that do not divide evenly give a double.
 */
#include <math.h>

#include "data/cel_tree.h"

static const char *const operator_names[] = {
	[CEL_ADD] = "_+_",
	[CEL_SUBTRACT] = "_-_",
	[CEL_MULTIPLY] = "_*_",
	[CEL_DIVIDE] = "_/_",
	[CEL_MODULO] = "_%_",
	[CEL_EQUAL] = "_==_",
	[CEL_NOT_EQUAL] = "_!=_",
	[CEL_LESS] = "_<_",
	[CEL_LESS_EQUAL] = "_<=_",
	[CEL_GREATER] = "_>_",
	[CEL_GREATER_EQUAL] = "_>=_",
	[CEL_IN] = "@in",
	[CEL_NEGATE] = "-_",
	[CEL_NOT] = "!_",
};

const char *cel_operator_name(enum cel_operator operation)
{
	return operator_names[operation];
}

static int no_overload(struct cel_run *run, enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b)
{
	struct cel_value arguments[] = {*a, b ? *b : *a};

	return cel_no_overload(run, operator_names[operation], arguments, b ? 2 : 1);
}

/* --- numbers ------------------------------------------------------------------------------- */

static int divide_ints(struct cel_run *run, enum cel_operator operation, int64_t a, int64_t b,
	struct cel_value *ret)
{
	if (b == 0)
		return cel_fail(
			run, operation == CEL_DIVIDE ? "division by zero" : "modulus by zero");
	if (a == INT64_MIN && b == -1)
		return cel_fail(run, "integer overflow");
	*ret = cel_int(operation == CEL_DIVIDE ? a / b : a % b);
	return 0;
}

static int operate_ints(struct cel_run *run, enum cel_operator operation, int64_t a, int64_t b,
	struct cel_value *ret)
{
	int64_t result = 0;
	bool overflows;

	if (operation == CEL_DIVIDE || operation == CEL_MODULO)
		return divide_ints(run, operation, a, b, ret);
	overflows = operation == CEL_ADD	? __builtin_add_overflow(a, b, &result)
		    : operation == CEL_SUBTRACT ? __builtin_sub_overflow(a, b, &result)
						: __builtin_mul_overflow(a, b, &result);
	if (overflows)
		return cel_fail(run, "integer overflow");
	*ret = cel_int(result);
	return 0;
}

static int operate_uints(struct cel_run *run, enum cel_operator operation, uint64_t a, uint64_t b,
	struct cel_value *ret)
{
	uint64_t result = 0;
	bool overflows = false;

	if ((operation == CEL_DIVIDE || operation == CEL_MODULO) && b == 0)
		return cel_fail(
			run, operation == CEL_DIVIDE ? "division by zero" : "modulus by zero");
	if (operation == CEL_DIVIDE)
		result = a / b;
	else if (operation == CEL_MODULO)
		result = a % b;
	else
		overflows = operation == CEL_ADD	? __builtin_add_overflow(a, b, &result)
			    : operation == CEL_SUBTRACT ? __builtin_sub_overflow(a, b, &result)
							: __builtin_mul_overflow(a, b, &result);
	if (overflows)
		return cel_fail(run, "unsigned integer overflow");
	*ret = (struct cel_value){.type = CEL_UINT, .as.natural = result};
	return 0;
}

static bool as_double(const struct cel_value *value, double *ret)
{
	if (value->type == CEL_DOUBLE)
		*ret = value->as.number;
	else if (value->type == CEL_INT && value->is_json)
		*ret = (double)value->as.integer;
	else
		return false;
	return true;
}

static bool divides_unevenly(
	enum cel_operator operation, const struct cel_value *a, const struct cel_value *b)
{
	return operation == CEL_DIVIDE && a->is_json && b->is_json && a->type == CEL_INT &&
	       b->type == CEL_INT && b->as.integer != 0 &&
	       !(a->as.integer == INT64_MIN && b->as.integer == -1) &&
	       a->as.integer % b->as.integer != 0;
}

/* True when the operands were doubles, or stand for such. */
static bool operate_doubles(enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, struct cel_value *ret)
{
	double x, y;

	if ((a->type != CEL_DOUBLE && b->type != CEL_DOUBLE &&
		    !divides_unevenly(operation, a, b)) ||
		!as_double(a, &x) || !as_double(b, &y) || operation == CEL_MODULO)
		return false;
	*ret = cel_double(operation == CEL_ADD	      ? x + y
			  : operation == CEL_SUBTRACT ? x - y
			  : operation == CEL_MULTIPLY ? x * y
						      : x / y);
	return true;
}

/* --- times --------------------------------------------------------------------------------- */

static bool is_time(const struct cel_value *value)
{
	return value->type == CEL_TIMESTAMP || value->type == CEL_DURATION;
}

/* What a sum or difference of the two is; CEL_NULL when it is nothing. */
static enum cel_type time_result(
	enum cel_operator operation, const struct cel_value *a, const struct cel_value *b)
{
	if (b->type == CEL_DURATION && (operation == CEL_ADD || operation == CEL_SUBTRACT))
		return a->type;
	if (operation == CEL_ADD && a->type == CEL_DURATION)
		return CEL_TIMESTAMP;
	if (operation == CEL_SUBTRACT && a->type == CEL_TIMESTAMP)
		return CEL_DURATION;
	return CEL_NULL;
}

static int time_overflow(struct cel_run *run, enum cel_type type)
{
	return cel_fail(run, "%s overflow", type == CEL_TIMESTAMP ? "timestamp" : "duration");
}

/* A timestamp and a duration, either way round. */
static int shift(struct cel_run *run, enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, struct cel_value *ret)
{
	const struct cel_value *from = a->type == CEL_TIMESTAMP ? a : b;
	int64_t ns = from == a ? b->as.integer : a->as.integer;
	struct cel_time time = from->as.time;
	int64_t seconds = ns / CEL_NS_PER_S, nanos = ns % CEL_NS_PER_S;

	time.seconds += operation == CEL_ADD ? seconds : -seconds;
	nanos = time.nanos + (operation == CEL_ADD ? nanos : -nanos);
	time.seconds += nanos >= CEL_NS_PER_S ? 1 : nanos < 0 ? -1 : 0;
	time.nanos = (int32_t)((nanos + CEL_NS_PER_S) % CEL_NS_PER_S);
	if (!cel_timestamp_is_valid(&time))
		return time_overflow(run, CEL_TIMESTAMP);
	*ret = (struct cel_value){.type = CEL_TIMESTAMP, .as.time = time};
	return 0;
}

static int operate_times(struct cel_run *run, enum cel_operator operation,
	const struct cel_value *a, const struct cel_value *b, struct cel_value *ret)
{
	enum cel_type type = time_result(operation, a, b);
	int64_t ns = 0;
	bool overflows;

	if (type == CEL_NULL)
		return no_overload(run, operation, a, b);
	if (type == CEL_TIMESTAMP)
		return shift(run, operation, a, b, ret);
	if (a->type == CEL_TIMESTAMP)
		overflows = __builtin_mul_overflow(
				    a->as.time.seconds - b->as.time.seconds, CEL_NS_PER_S, &ns) ||
			    __builtin_add_overflow(ns, a->as.time.nanos - b->as.time.nanos, &ns);
	else
		overflows = operation == CEL_ADD
				    ? __builtin_add_overflow(a->as.integer, b->as.integer, &ns)
				    : __builtin_sub_overflow(a->as.integer, b->as.integer, &ns);
	if (overflows)
		return time_overflow(run, CEL_DURATION);
	*ret = (struct cel_value){.type = CEL_DURATION, .as.integer = ns};
	return 0;
}

/* --- joining ------------------------------------------------------------------------------- */

static int join_text(struct cel_run *run, const struct cel_value *a, const struct cel_value *b,
	struct cel_value *ret)
{
	size_t len = a->as.text.len + b->as.text.len;
	char *text;

	if (cel_charge(run, 1 + len / 16) != 0)
		return -1;
	text = arena_alloc(run->arena, len + 1);
	if (text == NULL)
		return cel_no_memory(run);
	if (a->as.text.len > 0)
		memcpy(text, a->as.text.ptr, a->as.text.len);
	if (b->as.text.len > 0)
		memcpy(text + a->as.text.len, b->as.text.ptr, b->as.text.len);
	*ret = (struct cel_value){.type = a->type, .as.text = str_n(text, len)};
	return 0;
}

static int join_lists(struct cel_run *run, const struct cel_value *a, const struct cel_value *b,
	struct cel_value *ret)
{
	size_t count = cel_count(a) + cel_count(b);
	struct cel_items *items;

	if (cel_charge(run, count) != 0)
		return -1;
	items = cel_new_items(run, count);
	if (items == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < cel_count(a); i++)
		items->values[items->count++] = cel_item(a, i);
	for (size_t i = 0; i < cel_count(b); i++)
		items->values[items->count++] = cel_item(b, i);
	*ret = cel_list(items);
	return 0;
}

/* --- operators ----------------------------------------------------------------------------- */

static int arithmetic(struct cel_run *run, enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, struct cel_value *ret)
{
	if (is_time(a) && is_time(b))
		return operate_times(run, operation, a, b, ret);
	if (operate_doubles(operation, a, b, ret))
		return 0;
	if (a->type != b->type)
		return no_overload(run, operation, a, b);
	if (a->type == CEL_INT)
		return operate_ints(run, operation, a->as.integer, b->as.integer, ret);
	if (a->type == CEL_UINT)
		return operate_uints(run, operation, a->as.natural, b->as.natural, ret);
	if (operation == CEL_ADD && (a->type == CEL_STRING || a->type == CEL_BYTES))
		return join_text(run, a, b, ret);
	if (operation == CEL_ADD && a->type == CEL_LIST)
		return join_lists(run, a, b, ret);
	return no_overload(run, operation, a, b);
}

static bool is_number(const struct cel_value *value)
{
	return value->type == CEL_INT || value->type == CEL_UINT || value->type == CEL_DOUBLE;
}

static int relate(struct cel_run *run, enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, struct cel_value *ret)
{
	int order;

	if (!cel_order(a, b, &order)) {
		if (!is_number(a) || !is_number(b))
			return no_overload(run, operation, a, b);
		*ret = cel_bool(false); /* NaN has no order */
		return 0;
	}
	*ret = cel_bool(operation == CEL_LESS	      ? order < 0
			: operation == CEL_LESS_EQUAL ? order <= 0
			: operation == CEL_GREATER    ? order > 0
						      : order >= 0);
	return 0;
}

static int contains(struct cel_run *run, const struct cel_value *a, const struct cel_value *b,
	struct cel_value *ret)
{
	struct cel_value ignored;
	bool found = false;

	if (b->type == CEL_MAP) {
		if (b->as.list.json == NULL && cel_charge(run, cel_count(b)) != 0)
			return -1;
		*ret = cel_bool(cel_lookup(b, a, &ignored));
		return 0;
	}
	if (b->type != CEL_LIST)
		return no_overload(run, CEL_IN, a, b);
	for (size_t i = 0; i < cel_count(b) && !found; i++) {
		struct cel_value item = cel_item(b, i);

		if (cel_equal(run, a, &item, &found) != 0)
			return -1;
	}
	*ret = cel_bool(found);
	return 0;
}

static int negate(struct cel_run *run, const struct cel_value *a, struct cel_value *ret)
{
	if (a->type == CEL_DOUBLE)
		*ret = cel_double(-a->as.number);
	else if (a->type != CEL_INT && a->type != CEL_DURATION)
		return no_overload(run, CEL_NEGATE, a, NULL);
	else if (a->as.integer == INT64_MIN)
		return cel_fail(run, "integer overflow");
	else
		*ret = (struct cel_value){
			.type = a->type, .is_json = a->is_json, .as.integer = -a->as.integer};
	return 0;
}

static int equals(struct cel_run *run, enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, struct cel_value *ret)
{
	bool is_equal;

	if (cel_equal(run, a, b, &is_equal) != 0)
		return -1;
	*ret = cel_bool(is_equal == (operation == CEL_EQUAL));
	return 0;
}

int cel_operate(struct cel_run *run, enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, struct cel_value *ret)
{
	switch (operation) {
	case CEL_OPERATOR_NONE:
		break;
	case CEL_ADD:
	case CEL_SUBTRACT:
	case CEL_MULTIPLY:
	case CEL_DIVIDE:
	case CEL_MODULO:
		return arithmetic(run, operation, a, b, ret);
	case CEL_EQUAL:
	case CEL_NOT_EQUAL:
		return equals(run, operation, a, b, ret);
	case CEL_LESS:
	case CEL_LESS_EQUAL:
	case CEL_GREATER:
	case CEL_GREATER_EQUAL:
		return relate(run, operation, a, b, ret);
	case CEL_IN:
		return contains(run, a, b, ret);
	case CEL_NEGATE:
		return negate(run, a, ret);
	case CEL_NOT:
		if (a->type != CEL_BOOL)
			return no_overload(run, operation, a, NULL);
		*ret = cel_bool(!a->as.boolean);
	}
	return 0;
}

/* --- index --------------------------------------------------------------------------------- */

static struct str shown_key(struct cel_run *run, const struct cel_value *key)
{
	struct json *json = cel_to_json(run, key);

	if (key->type == CEL_STRING)
		return key->as.text;
	return json ? json_text(run->arena, json, JSON_WRITE_COMPACT) : STR("");
}

static int index_list(struct cel_run *run, const struct cel_value *list,
	const struct cel_value *key, bool *ret_present, struct cel_value *ret)
{
	int64_t index;

	if (key->type == CEL_INT)
		index = key->as.integer;
	else if (key->type == CEL_UINT && key->as.natural <= INT64_MAX)
		index = (int64_t)key->as.natural;
	else if (key->type == CEL_DOUBLE && key->as.number == trunc(key->as.number) &&
		 fabs(key->as.number) < 1e15)
		index = (int64_t)key->as.number;
	else
		return cel_no_overload(run, "_[_]", (struct cel_value[]){*list, *key}, 2);
	if (index >= 0 && (uint64_t)index < cel_count(list)) {
		*ret = cel_item(list, (size_t)index);
		return 0;
	}
	if (ret_present == NULL)
		return cel_fail(run, "index out of bounds: %lld", (long long)index);
	*ret_present = false;
	return 0;
}

int cel_index(struct cel_run *run, const struct cel_value *container, const struct cel_value *key,
	bool *ret_present, struct cel_value *ret)
{
	struct cel_value arguments[] = {*container, *key};

	if (ret_present != NULL)
		*ret_present = true;
	if (container->type == CEL_LIST)
		return index_list(run, container, key, ret_present, ret);
	if (container->type != CEL_MAP)
		return cel_no_overload(run, "_[_]", arguments, 2);
	if (container->as.list.json == NULL && cel_charge(run, cel_count(container)) != 0)
		return -1;
	if (cel_lookup(container, key, ret))
		return 0;
	if (ret_present == NULL)
		return cel_fail(run, "no such key: %" STR_F, STR_A(shown_key(run, key)));
	*ret_present = false;
	return 0;
}
