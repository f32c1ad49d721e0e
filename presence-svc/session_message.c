/* session_message.c - messages and receipts that other workers have for a channel.
 *
 * A message may come twice, for who sends it repeats what it is not sure of; its channel hears it once,
 * as long as it is among the last MESSAGES_KEPT.
 */
#include "presence-svc/session_private.h"

#include "common/model/call.h"
#include "presence-svc/frame.h"

enum { MESSAGES_KEPT = 64 };

struct session_messages {
	struct sid heard[MESSAGES_KEPT];
	unsigned next;
};

static bool is_repeated(struct session *session, struct sid message)
{
	struct session_messages *messages = session->messages;

	if (!messages)
		messages = session->messages = x_alloc(sizeof(*messages));
	for (size_t i = 0; i < MESSAGES_KEPT; i++) {
		if (sid_eq(messages->heard[i], message))
			return true;
	}
	messages->heard[messages->next] = message;
	messages->next = (messages->next + 1) % MESSAGES_KEPT;
	return false;
}

bool session_message_pass(struct worker *worker, struct sid device, const struct json *msg)
{
	const struct str type = json_string(json_get(msg, "type"));
	const bool is_message = str_eq(type, STR("message"));
	struct session *session = session_by_device(worker, device);
	struct sid message;

	if (!is_message && !str_eq(type, STR("receipt")))
		return false;
	if (!sid_parse(json_string(json_get(msg, "message")), "CA", &message))
		return true;
	if (session && session->ws && (!is_message || !is_repeated(session, message)))
		frame_pass(msg, session->ws);
	else if (is_message && (!session || !session->ws))
		call_device_gone(worker, sid_call_of(message), device);
	return true;
}
