/* outbox.h - delivers webhooks from Redis, in order per subject.
 *
 * The entries were written with the state they tell of: status callbacks of a call or a leg
 * (subject: its sid), presence webhooks of a client (subject: "AC:identity").  A subject's oldest
 * entry is taken for a visibility time, delivered, settled; so nobody overtakes, and a deliverer
 * that dies is followed by another.  At least once, the same id each time.  A failing subject
 * waits by itself (back-off with jitter) and goes to the dead letters after CALLBACK_GIVE_UP_S.
 */
#pragma once

#include "common/io/worker.h"
#include "common/model/outbox_entry.h"

struct outbox;

struct outbox *outbox_new(struct worker *worker, const struct outbox_kind *kind);
struct outbox *outbox_free(struct outbox *outbox);
void outbox_kick(struct outbox *outbox, struct str subject);     /* there may be something to deliver */
bool outbox_is_idle(const struct outbox *outbox);
