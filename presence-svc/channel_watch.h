/* channel_watch.h - what a channel's client may watch, and what it watches.
 *
 * A channel keeps the patterns of its token: permission is asked for each client in each
 * frame, so a token that is renewed with less, stops the rest at once.
 */
#pragma once

#include "common/model/client_token.h"
#include "presence-svc/session.h"

struct channel_watch;                    /* session->watch; NULL: only itself, and it watches nobody */

void channel_watch_admit(struct session *session, const struct client_token *token);     /* its patterns hold now */
void channel_watch_end(struct session *session);         /* it watches nobody, and may watch nobody any more */
