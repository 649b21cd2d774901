/*
 * json_value.h - how a JSON value lies in memory; for the files json*.c only.
 */
#ifndef REEVE_DATA_JSON_VALUE_H
#define REEVE_DATA_JSON_VALUE_H

#include "data/json.h"

struct json_member {
	struct str key;
	struct json *value;
};

/* 32 bytes: documents are mostly these. */
struct json {
	uint8_t type; /* enum json_type */
	bool boolean;
	uint32_t count;	   /* of a container */
	uint32_t capacity; /* of a container */
	union {
		struct str text; /* string (decoded), number and raw (as written) */
		struct {
			struct arena *arena;
			union {
				struct json **items;
				struct json_member *members;
			};
		};
	};
};

#endif
