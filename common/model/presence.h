/* presence.h - clients, their devices, and the claims that calls hold on them.
 *
 * A client's whole state is one Redis hash; every change of it is one script
 * that also consolidates (lua/_client.lua has the record's shape).  A device is
 * held by a channel (it lives by its node's lease and costs no periodic write) or
 * by a REST lease.  Each registration has a number; a write with an older one
 * does nothing, so a re-registration beats whoever buries the old one.
 */
#pragma once

#include "common/base/json.h"
#include "common/base/sid.h"
#include "common/io/flow.h"
#include "common/io/redis.h"
#include "common/model/keys.h"

enum { MEDIA_VOICE = 1, MEDIA_VIDEO = 2, MEDIA_MESSAGE = 4 };
enum { DEVICES_MAX = 50, ATTRIBUTES_MAX = 16, ATTRIBUTE_LEN_MAX = 64, ATTRIBUTES_JSON_MAX = 24 * 1024, LABEL_MAX = 64 };

/* The words that callers use. */
MUST_USE bool media_bit_of(struct str word, unsigned *out);      /* "voice" -> MEDIA_VOICE */
struct str media_word_of(unsigned bit);
void media_put(struct json_writer *w, const char *key, unsigned mask);
MUST_USE bool device_status_is_valid(struct str word);           /* available, away, busy, dnd */

/* What a client says about one of its devices; the same for REST and the channel. */
struct device_profile {
	struct str status;               /* STR_NULL: keep */
	unsigned media;
	bool has_media;
	struct str json;                 /* {"app","host","attributes"}; STR_NULL: keep */
	struct str app, host;
	struct str attributes;           /* JSON text of an object */
	struct str *terms;               /* "skill=billing": what it is found by; told with the JSON */
	size_t n_terms;
};

enum { DEVICE_TERMS_MAX = ATTRIBUTES_MAX * ATTRIBUTES_MAX + 8 };

/* An update that says nothing new of labels and attributes says them again, with their terms. */
void device_profile_retell(struct arena *arena, const struct device_profile *before, struct device_profile *profile);
/* Another term, beside those of the attributes.  At most 8 of them. */
void device_profile_add_term(struct device_profile *profile, struct arena *arena, struct str term);

/* Reads app, host, status, media and attributes of a message; unknown members are ignored.
 * before NULL: a registration, what is absent gets its default; else an update of that
 * profile, what is absent stays. */
MUST_USE bool device_profile_read(struct arena *arena, const struct json *object, const struct device_profile *before,
                                  struct device_profile *out, struct json_fault *fault);

/* The labels and attributes of a stored device, as the base of an update. */
void device_profile_of_json(struct arena *arena, struct str json, struct device_profile *out);
/* The whole of it, with its terms, from what a registration or update was made of. */
void device_profile_restore(struct arena *arena, struct str status, unsigned media, struct str json, struct device_profile *out);

struct client_key {
	struct sid account;
	struct str identity;
};

struct device_claim {                    /* a call's hold on a device; call not set: none */
	struct sid call;
	bool engaged;
};
MUST_USE bool device_claim_parse(struct str packed, struct device_claim *out);      /* as scripts answer it */

struct device_state {                    /* what the store says after a change */
	int64_t registration;
	int64_t version;
	int64_t lease_until_ms;          /* REST lease; 0 otherwise */
	int64_t now_ms;                  /* of the store */
	struct device_claim claim;       /* a call that holds the device */
};

struct device_lease {                    /* of a device held by REST; all 0 for a channel's */
	uint64_t ttl_ms;                 /* 0: as long as it asked for last time */
	uint64_t most_ms;                /* but no longer than this from now */
};

/* address not set: a REST lease */
void device_register(struct flow *flow, struct client_key client, struct sid device, struct address address,
                     const struct device_profile *profile, struct device_lease lease, struct device_state *out, struct flow_step next);
/* NO_SUCH_DEVICE when the registration is not the current one */
void device_update(struct flow *flow, struct client_key client, struct sid device, int64_t registration,
                   const struct device_profile *profile, struct device_lease lease, struct device_state *out, struct flow_step next);
/* Says again what this worker's channel holds: nothing happens when the store knows it, else it is registered
 * anew (*out tells the number).  NO_SUCH_DEVICE: a newer registration of it is somewhere else. */
void device_assert(struct flow *flow, struct client_key client, struct sid device, int64_t registration, struct address address,
                   const struct device_profile *profile, struct device_state *out, struct flow_step next);
/* Ends the registration (0: whichever this worker holds); *claim tells which call held the device.
 * No failure when it was gone already. */
void device_remove(struct flow *flow, struct client_key client, struct sid device, int64_t registration_or_0,
                   struct device_claim *claim, struct flow_step next);

/* Its channel has closed: it counts for the account's grace, in case that it comes back, and goes then. */
void device_close(struct flow *flow, struct client_key client, struct sid device, int64_t registration_or_0,
                  struct device_claim *claim, struct flow_step next);

/* A whole client, as readers see it. */
struct device {
	struct sid id;
	int64_t registration;
	bool by_channel;
	bool in_grace;                   /* its channel has just closed */
	struct str node;                 /* "ND.."; empty for a lease */
	struct str status;
	unsigned media;
	int64_t lease_until_ms, since_ms;
	struct str json;
	struct str terms;                /* by device_read: its index terms, a NUL between; STR_NULL: none */
};

struct presence {
	int64_t version;                 /* 0: never seen */
	struct str status;
	unsigned ringable, media, device_count;
	int64_t since_ms, last_seen_ms;  /* 0: never */
	struct str override;             /* the status that its user chose to show; empty: none */
	struct str note;                 /* empty: none */
	struct device *devices;          /* only when asked for */
	size_t n_devices;
};

/* A client's line, as it is stored and published; what is read is copied. */
void presence_parse(struct arena *arena, struct str line, struct presence *out);

void presence_read(struct flow *flow, struct client_key client, bool with_devices, struct presence *out, struct flow_step next);

/* One device of a client; NO_SUCH_DEVICE when it is not there. */
void device_read(struct flow *flow, struct client_key client, struct sid device, struct device *out, struct flow_step next);

/* What a user chooses to show.  out: the line afterwards. */
enum { NOTE_MAX = 256 };                 /* bytes */
struct presence_override {
	struct str status;               /* available, away, busy, dnd, offline; empty: only the note */
	struct str note;
	uint64_t for_ms;                 /* 0: until it is cleared */
};
void override_put(struct flow *flow, struct client_key client, const struct presence_override *override, struct presence *out,
                  struct flow_step next);
void override_clear(struct flow *flow, struct client_key client, struct presence *out, struct flow_step next);

/* Claims.  A device is claimed before it is rung and until its call lets it go. */
enum { CLAIM_REQUIRE_MAX = 16 };
struct claim_ask {
	struct client_key client;
	struct sid call;
	int64_t fence;
	unsigned attempt;
	unsigned medium;
	bool engage;                     /* the caller's own device: engaged at once */
	uint64_t hold_ms;
	struct sid device;               /* not set: every ringable one */
	unsigned most;
	struct str dead_nodes;           /* comma-separated; their devices do not count */
	struct sid leaves;               /* the named device may be in this call, and comes along from it; not set: it has to be free */
	struct str require[CLAIM_REQUIRE_MAX];   /* terms, "skill=billing": a device has to have them all */
	size_t n_require;
};

struct claimed_device {
	struct sid device;
	struct address address;
};

struct claim_result {
	struct str reason;               /* why nothing was claimed: offline, dnd, busy, on_call, away, media, requirement, engaged, no_channel, suspect,
	                                    named_twice, no_room; STR_NULL otherwise */
	int64_t now_ms;
	struct claimed_device *devices;
	size_t n;
};

void claim_take(struct flow *flow, const struct claim_ask *ask, struct claim_result *out, struct flow_step next);
/* Whom a message reaches now, in the same words; nothing is claimed.  Of *ask: client, medium, dead_nodes, require. */
void recipients_find(struct flow *flow, const struct claim_ask *ask, struct claim_result *out, struct flow_step next);
enum claim_change {
	CLAIM_RELEASE = 'r',
	CLAIM_ENGAGE = 'e',
	CLAIM_WIND_DOWN = 's',           /* released in a second: of two clients that call each other both are busy */
	CLAIM_MISSED = 'm',              /* released: its ring timed out; after some the account lets it show away */
	CLAIM_REFUSED = 'd',             /* released: its user was there */
	CLAIM_SUSPECT = 'u',             /* released: its ring was not acknowledged (claim_suspect) */
};
/* Changes one device's claim if call and attempt (0: any) still match; may be repeated. */
void claim_settle(struct flow *flow, struct client_key client, struct sid device, struct sid call, unsigned attempt,
                  enum claim_change change, struct flow_step next);
/* Releases it; the device cannot be rung until its channel is heard again, if it is still held at that address. */
void claim_suspect(struct flow *flow, struct client_key client, struct claimed_device device, struct sid call,
                   unsigned attempt, struct flow_step next);
/* Releases what claim_take gave under this fence; a claim that a successor has made since stays. */
void claim_give_back(struct flow *flow, struct client_key client, struct sid device, struct sid call, int64_t fence,
                     struct flow_step next);
