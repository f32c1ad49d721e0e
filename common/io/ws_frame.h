/* ws_frame.h - reading and writing WebSocket frames (RFC 6455 section 5).  Pure.
 *
 * The server's side: incoming frames have to be masked, outgoing ones are not.
 * No extension, so reserved bits have to be 0.  Control frames are at most 125
 * bytes and never fragmented; lengths have to be in their shortest form.
 */
#pragma once

#include "common/base/buf.h"

enum ws_opcode { WS_CONT = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

enum ws_read { WS_READ_FRAME, WS_READ_MORE, WS_READ_BAD, WS_READ_TOO_LONG };

struct ws_frame {
	enum ws_opcode opcode;
	bool fin;
	struct str payload;              /* unmasked in place, inside the bytes given */
};

/* Takes one frame off the front of data; *used tells how many bytes it was.
 * max_payload bounds the announced length before any of it is waited for. */
enum ws_read ws_frame_read(char *data, size_t n, size_t max_payload, struct ws_frame *out, size_t *used);
/* The header alone, for a payload that is sent from where it lies; its length. */
enum { WS_HEAD_MAX = 10 };
size_t ws_frame_head(char out[WS_HEAD_MAX], enum ws_opcode opcode, size_t payload_n);
void ws_frame_write(struct buf *out, enum ws_opcode opcode, struct str payload);
void ws_accept_key(struct str client_key, char out[29]);         /* section 4.2.2: base64(SHA-1(key | GUID)) */
