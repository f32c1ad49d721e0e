/* ws_frame.c - the layout of RFC 6455 section 5.2, and the accept key of section 4.2.2.
 *
 * A header is judged as soon as its bytes are there; a payload is unmasked
 * only once it is complete, so reading the same bytes again does no harm.
 */
#include "common/io/ws_frame.h"

#include "common/base/crypto.h"

enum {
	FIN = 0x80,
	RESERVED = 0x70,
	OPCODE = 0x0f,
	MASKED = 0x80,
	LENGTH = 0x7f,
	LENGTH_16 = 126, /* the real length is in the next 2 bytes */
	LENGTH_64 = 127, /* ... 8 bytes */
	CONTROL_MAX = 125,
	MASK_LEN = 4,
};

struct head {
	unsigned first; /* FIN, reserved bits, opcode */
	uint64_t payload_n;
	size_t n; /* bytes of the header without the mask */
};

static bool is_opcode(unsigned opcode)
{
	return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

static uint64_t big_endian(const uint8_t *b, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | b[i];
	return v;
}

/* A longer form than the length needs is refused, as is the forbidden top bit (section 5.2). */
static bool length_is_proper(unsigned form, uint64_t n)
{
	if (form == LENGTH_16)
		return n > CONTROL_MAX;
	return form != LENGTH_64 || (n > UINT16_MAX && n <= INT64_MAX);
}

static enum ws_read read_head(const uint8_t *b, size_t n, struct head *head)
{
	if (n < 2)
		return WS_READ_MORE;

	const unsigned opcode = b[0] & OPCODE, form = b[1] & LENGTH;
	const bool is_control = opcode >= WS_CLOSE;
	const size_t extra = form == LENGTH_64 ? 8 : form == LENGTH_16 ? 2 : 0;

	if ((b[0] & RESERVED) || !(b[1] & MASKED) || !is_opcode(opcode))
		return WS_READ_BAD;
	if (is_control && (!(b[0] & FIN) || form > CONTROL_MAX))
		return WS_READ_BAD;
	if (n < 2 + extra)
		return WS_READ_MORE;

	*head = (struct head){ b[0], extra ? big_endian(b + 2, extra) : form, 2 + extra };
	return length_is_proper(form, head->payload_n) ? WS_READ_FRAME : WS_READ_BAD;
}

static void unmask(char *data, size_t n, const uint8_t mask[MASK_LEN])
{
	size_t i = 0;
	uint64_t wide, word;

	memcpy(&wide, mask, MASK_LEN);
	memcpy((char *)&wide + MASK_LEN, mask, MASK_LEN);
	for (; i + sizeof(word) <= n; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		word ^= wide;
		memcpy(data + i, &word, sizeof(word));
	}
	for (; i < n; i++)
		data[i] = (char)(data[i] ^ mask[i % MASK_LEN]);
}

enum ws_read ws_frame_read(char *data, size_t n, size_t max_payload, struct ws_frame *out, size_t *used)
{
	struct head head;
	uint8_t mask[MASK_LEN];
	const enum ws_read read = read_head((const uint8_t *)data, n, &head);

	if (read != WS_READ_FRAME)
		return read;

	const enum ws_opcode opcode = (enum ws_opcode)(head.first & OPCODE);
	const size_t start = head.n + MASK_LEN;

	if (opcode < WS_CLOSE && head.payload_n > max_payload)
		return WS_READ_TOO_LONG;
	if (n < start || n - start < head.payload_n)
		return WS_READ_MORE;

	memcpy(mask, data + head.n, MASK_LEN);
	unmask(data + start, (size_t)head.payload_n, mask);
	*out = (struct ws_frame){ opcode, (head.first & FIN) != 0,
				  str_n(data + start, (size_t)head.payload_n) };
	*used = start + (size_t)head.payload_n;
	return WS_READ_FRAME;
}

size_t ws_frame_head(char out[WS_HEAD_MAX], enum ws_opcode opcode, size_t payload_n)
{
	const unsigned form = payload_n <= CONTROL_MAX	? (unsigned)payload_n
			      : payload_n <= UINT16_MAX ? LENGTH_16
							: LENGTH_64;
	const size_t extra = form == LENGTH_64 ? 8 : form == LENGTH_16 ? 2 : 0;

	INVARIANT(opcode < WS_CLOSE || payload_n <= CONTROL_MAX);
	out[0] = (char)(FIN | (unsigned)opcode);
	out[1] = (char)form;
	for (size_t i = 0; i < extra; i++)
		out[2 + i] = (char)((uint64_t)payload_n >> (8 * (extra - 1 - i)));
	return 2 + extra;
}

void ws_frame_write(struct buf *out, enum ws_opcode opcode, struct str payload)
{
	char head[WS_HEAD_MAX];

	buf_put(out, str_n(head, ws_frame_head(head, opcode, payload.n)));
	buf_put(out, payload);
}

void ws_accept_key(struct str client_key, char out[29])
{
	uint8_t digest[CRYPTO_MAC_MAX];
	struct buf text;

	buf_init(&text, 256);
	buf_put(&text, client_key);
	buf_puts(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	INVARIANT(buf_ok(&text));
	const size_t n = crypto_digest(CRYPTO_SHA1, buf_str(&text), digest);

	buf_clear(&text);
	crypto_base64(&text, str_n((const char *)digest, n));
	INVARIANT(str_copy(buf_str(&text), out, 29));
	buf_fini(&text);
}
