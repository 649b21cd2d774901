/*
 * mqtt_inbox.c - see mqtt_inbox.h.
 *
 * A message is one heap block: the struct, then all its texts. One malloc per message is what the
 * hand-over between the threads costs.
 */
#include "net/mqtt_inbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static struct str place(char **position, struct str text)
{
	struct str copy = STR_NULL;

	if (text.ptr == NULL)
		return copy;
	if (text.len > 0)
		memcpy(*position, text.ptr, text.len);
	(*position)[text.len] = '\0';
	copy = str_n(*position, text.len);
	*position += text.len + 1;
	return copy;
}

static size_t message_bytes(const struct mqtt_message *message)
{
	size_t bytes = message->topic.len + message->content_type.len + message->payload.len + 3;

	for (size_t i = 0; i < message->property_count; i++)
		bytes += message->properties[i].name.len + message->properties[i].value.len + 2;
	return bytes;
}

static bool put(struct inbox *inbox, struct inbox_item *item)
{
	LOCK_SCOPE(&inbox->mutex);
	if (inbox->closed) {
		free(item);
		return true;
	}
	item->next = NULL;
	if (inbox->last != NULL)
		inbox->last->next = item;
	else
		inbox->first = item;
	inbox->last = item;
	inbox->count++;
	pthread_cond_signal(&inbox->arrived);
	return true;
}

void inbox_init(struct inbox *inbox)
{
	*inbox = (struct inbox){0};
	pthread_mutex_init(&inbox->mutex, NULL);
	pthread_cond_init(&inbox->arrived, NULL);
}

void inbox_destroy(struct inbox *inbox)
{
	while (inbox->first != NULL) {
		struct inbox_item *item = inbox->first;

		inbox->first = item->next;
		free(item);
	}
	pthread_cond_destroy(&inbox->arrived);
	pthread_mutex_destroy(&inbox->mutex);
}

bool inbox_put_message(struct inbox *inbox, const struct mqtt_message *message)
{
	struct inbox_item *item = malloc(sizeof(*item) + message_bytes(message));
	char *position;

	if (item == NULL)
		return false;
	position = item->bytes;
	item->kind = INBOX_MESSAGE;
	item->message = (struct mqtt_message){
		.topic = place(&position, message->topic),
		.content_type = place(&position, message->content_type),
		.properties = item->properties,
		.property_count = message->property_count,
		.payload = place(&position, message->payload),
		.retain = message->retain,
	};
	for (size_t i = 0; i < message->property_count; i++) {
		item->properties[i].name = place(&position, message->properties[i].name);
		item->properties[i].value = place(&position, message->properties[i].value);
	}
	return put(inbox, item);
}

bool inbox_put_event(struct inbox *inbox, enum inbox_kind kind)
{
	struct inbox_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return false;
	item->kind = kind;
	return put(inbox, item);
}

struct inbox_item *inbox_take(struct inbox *inbox, size_t *ret_left)
{
	struct inbox_item *item;

	LOCK_SCOPE(&inbox->mutex);
	while (inbox->first == NULL && !inbox->closed)
		pthread_cond_wait(&inbox->arrived, &inbox->mutex);
	if (inbox->closed)
		return NULL;
	item = inbox->first;
	inbox->first = item->next;
	if (inbox->first == NULL)
		inbox->last = NULL;
	inbox->count--;
	*ret_left = inbox->count;
	return item;
}

void inbox_close(struct inbox *inbox)
{
	LOCK_SCOPE(&inbox->mutex);
	inbox->closed = true;
	pthread_cond_broadcast(&inbox->arrived);
}

size_t inbox_count(struct inbox *inbox)
{
	LOCK_SCOPE(&inbox->mutex);
	return inbox->count;
}
