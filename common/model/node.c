/* node.c - joining, renewing, burying; the table and what is read from it.
 *
 * Worker 0 talks to Redis:
 *     nodes_start -> on_info -> on_joined, then every renew_ms: renew -> on_renewed
 *     (-> bury -> on_buried_others, when a lease has run out)
 * and posts each new table to the other workers.
 */
#include "common/model/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/redis.h"
#include "common/model/app.h"
#include "scripts.gen.h"

enum { NODES_MAX = 1024, REAP_VISIBLE_MS = 5000, STALL_MS = 1000 };

struct node {
	struct sid id;
	enum node_kind kind;
	unsigned loops;
	bool alive, dead;
	char host[64];
};

struct table {
	struct sid own;
	char revision[24];
	size_t n;
	struct node node[];
};

struct nodes {
	struct worker *worker;
	struct nodes_conf conf;
	struct table *table;
	char dead[NODES_MAX]; /* a few ids; more are not listed and wait for their reaper */
	struct loop_timer *renewal, *burial;
	char run_id[41];
	bool joined, draining, renewing;
	uint64_t asked_at_ms; /* when the renewal under way, or the join, was sent */
	uint64_t ticks[METRICS_MAX_THREADS], ticked_at[METRICS_MAX_THREADS];
};

/* Until when the lease is surely ours, by the clock that counts sleep too.  For every worker. */
static _Atomic uint64_t lease_until_ms;

static _Atomic uint32_t store_epoch;

static void renew(void *arg);
static void bury(void *arg);
static void join(struct nodes *nodes);

static struct str kind_word(enum node_kind kind)
{
	return kind == NODE_PRESENCE ? STR("presence") : STR("routing");
}

/* ---- the table ---- */

static void note_dead(struct nodes *nodes)
{
	size_t used = 0;

	nodes->dead[0] = '\0';
	for (size_t i = 0; i < nodes->table->n; i++) {
		if (nodes->table->node[i].dead && used + SID_LEN + 2 < sizeof(nodes->dead))
			used += (size_t)snprintf(nodes->dead + used, sizeof(nodes->dead) - used, "%s%s",
						 used ? "," : "", nodes->table->node[i].id.s);
	}
}

struct handover { /* a table on its way to another worker */
	struct worker *to;
	struct table *table;
	bool fresh_id;
};

static int64_t count_alive(const struct table *table)
{
	int64_t alive = 0;

	for (size_t i = 0; i < table->n; i++)
		alive += table->node[i].alive;
	return alive;
}

static void take_table(void *arg)
{
	struct handover *handover = arg;
	struct nodes *nodes;

	if (handover->to->stopping) {
		x_free(handover->table);
		x_free(handover);
		return;
	}
	nodes = worker_common(handover->to)->nodes;
	if (nodes->worker->index == 0)
		metric_add(METRIC_nodes_alive, count_alive(handover->table) - count_alive(nodes->table));
	x_free(nodes->table);
	nodes->table = handover->table;
	note_dead(nodes);
	nodes->joined = true;
	if (handover->fresh_id && nodes->conf.on_joined)
		nodes->conf.on_joined(nodes->worker);
	x_free(handover);
}

static size_t table_size(size_t n)
{
	return sizeof(struct table) + n * sizeof(struct node);
}

/* Every worker gets a copy of its own; this one's is taken at once. */
static void spread_table(struct nodes *nodes, struct table *table, bool fresh_id)
{
	for (unsigned i = 0; i < nodes->worker->count; i++) {
		struct handover *handover = x_alloc(sizeof(*handover));

		handover->to = &nodes->worker->all[i];
		handover->table = x_alloc(table_size(table->n));
		memcpy(handover->table, table, table_size(table->n));
		handover->fresh_id = fresh_id;
		if (i == 0)
			take_table(handover);
		else
			loop_post(nodes->worker->all[i].loop, take_table, handover);
	}
}

static bool node_parse(struct str id, struct str packed, struct node *out)
{
	struct str kind, host, loops, state;
	uint64_t n;

	if (!sid_parse(id, "ND", &out->id) || !str_split(&packed, '|', &kind) ||
	    !str_split(&packed, '|', &host) || !str_split(&packed, '|', &loops) ||
	    !str_split(&packed, '|', &state) || !str_to_u64(loops, &n))
		return false;
	out->kind = str_eq(kind, STR("presence")) ? NODE_PRESENCE : NODE_ROUTING;
	out->loops = (unsigned)n;
	out->alive = str_eq(state, STR("alive"));
	out->dead = str_eq(state, STR("dead"));
	(void)!str_copy(host, out->host, sizeof(out->host));
	return true;
}

/* rows: {ND, packed} from index `first` on */
static void read_table(struct nodes *nodes, struct sid own, const struct redis_reply *reply, size_t first,
		       bool fresh_id)
{
	const size_t rows = MIN(redis_count(reply) - first, (size_t)NODES_MAX);
	struct table *table = x_alloc(table_size(rows));

	table->own = own;
	(void)!str_copy(redis_str_at(reply, 1), table->revision, sizeof(table->revision));
	for (size_t i = 0; i < rows; i++) {
		const struct redis_reply *row = redis_at(reply, first + i);

		if (node_parse(redis_str_at(row, 0), redis_str_at(row, 1), &table->node[table->n]))
			table->n++;
	}
	spread_table(nodes, table, fresh_id);
	x_free(table);
}

/* ---- joining ---- */

static void note_run_id(struct nodes *nodes, struct str id)
{
	char digits[9];

	if (!str_copy(id, nodes->run_id, sizeof(nodes->run_id)))
		return;
	memcpy(digits, nodes->run_id, sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	store_epoch = (uint32_t)strtoul(digits, NULL, 16);
}

/* The store counts the lease from when it was asked: later than this, if at all. */
static void note_lease(const struct nodes *nodes)
{
	lease_until_ms = nodes->asked_at_ms + nodes->conf.settings->node_lease_ms;
}

static void on_id(void *arg, enum err err, const struct redis_reply *reply)
{
	struct nodes *nodes = arg;
	struct table *table;
	struct sid id;

	if (err || !sid_parse(redis_str(reply), "ND", &id)) {
		loop_timer_start(nodes->renewal, nodes->conf.settings->node_renew_ms);
		return;
	}
	note_lease(nodes);
	log_info("node_joined", "node=%s kind=" STR_FMT " host=%s", id.s,
		 STR_ARG(kind_word(nodes->conf.kind)), log_str(str_of(nodes->conf.settings->host_label)));
	table = x_alloc(table_size(0));
	table->own = id;
	spread_table(nodes, table, true);
	x_free(table);
	renew(nodes);
}

static void join(struct nodes *nodes)
{
	const struct settings *settings = nodes->conf.settings;
	uint8_t random[12];
	char hex[25], loops[24], lease[24];
	struct str argv[] = { kind_word(nodes->conf.kind),
			      str_of(settings->host_label),
			      redis_num(loops, nodes->worker->count),
			      redis_num(lease, (int64_t)settings->node_lease_ms),
			      STR_NULL,
			      str_of(nodes->run_id) };

	crypto_random(random, sizeof(random));
	crypto_hex(str_n((const char *)random, sizeof(random)), hex);
	argv[4] = str_of(hex);
	nodes->asked_at_ms = clock_boot_ms();
	redis_script_call(nodes->worker->redis, on_id, nodes, &scripts[SCRIPT_NODE_JOIN], STR("nodes:{n}"),
			  ARRAY_LEN(argv), argv);
}

static void on_info(void *arg, enum err err, const struct redis_reply *reply)
{
	struct nodes *nodes = arg;
	struct str info = redis_str(reply);
	struct str line;

	if (err) {
		loop_timer_start(nodes->renewal, nodes->conf.settings->node_renew_ms);
		return;
	}
	while (str_split(&info, '\n', &line)) {
		line = str_trim(line);
		if (str_starts(line, STR("run_id:")))
			note_run_id(nodes, str_skip(line, 7));
	}
	if (nodes->joined)
		renew(nodes);
	else
		join(nodes);
}

void nodes_start(struct nodes *nodes)
{
	const struct str argv[] = { STR("INFO"), STR("server") };

	redis_call(nodes->worker->redis, on_info, nodes, ARRAY_LEN(argv), argv);
}

/* ---- renewing ---- */

/* A node that cannot serve must not look alive: every loop has to have ticked lately. */
static bool loops_are_alive(struct nodes *nodes)
{
	const uint64_t now = clock_mono_ms();

	for (unsigned i = 0; i < nodes->worker->count && i < METRICS_MAX_THREADS; i++) {
		const uint64_t ticks = loop_ticks(nodes->worker->all[i].loop);

		if (ticks != nodes->ticks[i] || nodes->ticked_at[i] == 0) { /* a new loop has time to begin */
			nodes->ticks[i] = ticks;
			nodes->ticked_at[i] = now;
		} else if (now - nodes->ticked_at[i] > STALL_MS + nodes->conf.settings->node_renew_ms) {
			log_warn("loop_stalled", "worker=%u", i);
			return false;
		}
	}
	return true;
}

static void tell_buried(void *arg)
{
	struct worker *worker = arg;
	struct nodes *nodes;

	if (worker->stopping)
		return;
	nodes = worker_common(worker)->nodes;
	nodes->joined = false;
	if (nodes->conf.on_buried)
		nodes->conf.on_buried(nodes->worker);
}

/* Others took us for dead while we slept: what we held is theirs to clean up; start anew. */
static void rise_again(struct nodes *nodes)
{
	log_warn("node_was_buried", "node=%s", nodes->table->own.s);
	for (unsigned i = 1; i < nodes->worker->count; i++)
		loop_post(nodes->worker->all[i].loop, tell_buried, &nodes->worker->all[i]);
	tell_buried(nodes->worker);
	join(nodes);
}

static void on_renewed(void *arg, enum err err, const struct redis_reply *reply)
{
	struct nodes *nodes = arg;
	int64_t bury_in;

	nodes->renewing = false;
	if (err)
		return;
	if (str_eq(redis_str_at(reply, 0), STR("buried"))) {
		rise_again(nodes);
		return;
	}
	note_lease(nodes);
	if (redis_count(reply) > 3)
		read_table(nodes, nodes->table->own, reply, 3, false);
	bury_in = redis_int_at(reply, 2, -1);
	if (bury_in >= 0 && bury_in <= (int64_t)nodes->conf.settings->node_renew_ms)
		loop_timer_start(nodes->burial, (uint64_t)bury_in + 5);
	for (size_t i = 0; i < nodes->table->n; i++) {
		if (nodes->table->node[i].dead && !loop_timer_is_active(nodes->burial))
			loop_timer_start(nodes->burial, 5);
	}
}

static void renew(void *arg)
{
	struct nodes *nodes = arg;
	const struct settings *settings = nodes->conf.settings;
	char lease[24];

	loop_timer_start(nodes->renewal, settings->node_renew_ms);
	if (!nodes->run_id[0]) {
		nodes_start(nodes);
	} else if (!nodes->joined) {
		join(nodes);
	} else if (!nodes->renewing && loops_are_alive(nodes)) {
		const struct str argv[] = { sid_str(&nodes->table->own),
					    redis_num(lease, (int64_t)settings->node_lease_ms),
					    str_of(nodes->table->revision), str_of(nodes->run_id),
					    nodes->draining ? STR("draining") : STR("alive") };

		nodes->renewing = true;
		nodes->asked_at_ms = clock_boot_ms();
		redis_script_call(nodes->worker->redis, on_renewed, nodes, &scripts[SCRIPT_NODE_RENEW],
				  STR("nodes:{n}"), ARRAY_LEN(argv), argv);
	}
}

/* ---- burying ---- */

static void on_dead(void *arg, enum err err, const struct redis_reply *reply)
{
	struct nodes *nodes = arg;
	struct sid id;

	if (err)
		return;
	for (size_t i = 0; i < redis_count(reply); i++) {
		if (!sid_parse(redis_str_at(reply, i), "ND", &id))
			continue;
		log_warn("node_buried", "dead=%s", id.s);
		metric_add(METRIC_nodes_buried_total, 1);
		nodes->conf.on_reap(nodes->worker, id);
	}
}

static void bury(void *arg)
{
	struct nodes *nodes = arg;
	char visible[24], lease[24];

	if (nodes->joined) {
		const struct str argv[] = { sid_str(&nodes->table->own), redis_num(visible, REAP_VISIBLE_MS),
					    redis_num(lease, (int64_t)nodes->conf.settings->node_lease_ms),
					    str_of(nodes->run_id) };

		redis_script_call(nodes->worker->redis, on_dead, nodes, &scripts[SCRIPT_NODE_BURY],
				  STR("nodes:{n}"), ARRAY_LEN(argv), argv);
	}
}

void nodes_reaped(struct nodes *nodes, struct sid node)
{
	const struct str argv[] = { sid_str(&node) };

	log_info("node_reaped", "dead=%s", node.s);
	redis_script_call(nodes->worker->redis, NULL, NULL, &scripts[SCRIPT_NODE_LEAVE], STR("nodes:{n}"),
			  ARRAY_LEN(argv), argv);
}

/* ---- life ---- */

struct nodes *nodes_new(struct worker *worker, const struct nodes_conf *conf)
{
	struct nodes *nodes = x_alloc(sizeof(*nodes));

	nodes->worker = worker;
	nodes->conf = *conf;
	nodes->table = x_alloc(table_size(0));
	if (worker->index == 0) {
		nodes->renewal = loop_timer_new(worker->loop, renew, nodes);
		nodes->burial = loop_timer_new(worker->loop, bury, nodes);
	}
	return nodes;
}

struct nodes *nodes_free(struct nodes *nodes)
{
	if (!nodes)
		return NULL;
	loop_timer_free(nodes->renewal);
	loop_timer_free(nodes->burial);
	x_free(nodes->table);
	x_free(nodes);
	return NULL;
}

void nodes_drain(struct nodes *nodes)
{
	nodes->draining = true;
	if (nodes->joined)
		renew(nodes);
}

struct leave {
	struct flow_step next;
};

static void on_left(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct leave *leave = arg;

	(void)reply;
	flow_run(flow, leave->next);
}

void nodes_leave(struct nodes *nodes, struct flow *flow, struct flow_step next)
{
	struct leave *leave = flow_alloc(flow, sizeof(*leave));
	const struct str argv[] = { sid_str(&nodes->table->own) };

	leave->next = next;
	loop_timer_stop(nodes->renewal);
	nodes->joined = false;
	flow_script(flow, "nodes_leave", on_left, leave, &scripts[SCRIPT_NODE_LEAVE], STR("nodes:{n}"),
		    ARRAY_LEN(argv), argv);
}

/* ---- reading ---- */

bool nodes_is_joined(const struct nodes *nodes)
{
	return nodes->joined && clock_boot_ms() < lease_until_ms;
}

uint32_t nodes_epoch(void)
{
	return store_epoch;
}

struct sid nodes_own(const struct nodes *nodes)
{
	return nodes->table->own;
}

static struct address address_of(struct sid node, unsigned worker)
{
	struct address address;

	snprintf(address.s, sizeof(address.s), "%s.%u", node.s, worker % 100);
	return address;
}

struct address nodes_address(const struct nodes *nodes)
{
	return address_of(nodes->table->own, nodes->worker->index);
}

struct str nodes_dead(const struct nodes *nodes)
{
	return str_of(nodes->dead);
}

struct str nodes_instance(const struct nodes *nodes, struct arena *arena)
{
	struct json_writer w;
	struct buf host;
	struct str text;

	buf_init(&host, 1024);
	json_begin(&w, &host);
	json_put_str(&w, str_of(nodes->conf.settings->host_label));
	text = arena_printf(arena, "\"node\":\"%s\",\"host\":" STR_FMT, nodes->table->own.s,
			    STR_ARG(buf_str(&host)));
	buf_fini(&host);
	return text;
}

/* Ids rise strictly: one above all that are known belongs to a node too new for this table. */
bool nodes_is_gone(const struct nodes *nodes, struct str id)
{
	bool is_new = true;

	for (size_t i = 0; i < nodes->table->n; i++) {
		const struct str known = sid_str(&nodes->table->node[i].id);

		if (str_eq(known, id))
			return nodes->table->node[i].dead;
		is_new = is_new && str_cmp(id, known) > 0;
	}
	return !is_new && !str_eq(id, sid_str(&nodes->table->own));
}

static uint64_t weight(struct sid node, struct str key)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a, then a mixer: only an even spread matters */

	for (size_t i = 0; i < SID_LEN; i++)
		hash = (hash ^ (uint8_t)node.s[i]) * 1099511628211u;
	for (size_t i = 0; i < key.n; i++)
		hash = (hash ^ (uint8_t)key.p[i]) * 1099511628211u;
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdu;
	return hash ^ (hash >> 33);
}

bool nodes_pick(const struct nodes *nodes, enum node_kind kind, struct str key, struct address *out)
{
	const struct node *best = NULL;
	uint64_t best_weight = 0;

	for (size_t i = 0; i < nodes->table->n; i++) {
		const struct node *node = &nodes->table->node[i];
		const bool leaves = nodes->worker->draining && sid_eq(node->id, nodes->table->own);
		const uint64_t w = weight(node->id, key);

		if (node->kind == kind && node->alive && !leaves && (!best || w > best_weight)) {
			best = node;
			best_weight = w;
		}
	}
	if (best)
		*out = address_of(best->id, (unsigned)(best_weight % MAX(best->loops, 1u)));
	return best != NULL;
}

int nodes_rank(const struct nodes *nodes, struct str key)
{
	const uint64_t own = weight(nodes->table->own, key);
	bool present = false;
	int rank = 0;

	for (size_t i = 0; i < nodes->table->n; i++) {
		const struct node *node = &nodes->table->node[i];

		if (node->kind != nodes->conf.kind || node->dead)
			continue;
		if (sid_eq(node->id, nodes->table->own))
			present = true;
		else if (weight(node->id, key) > own)
			rank++;
	}
	return present ? rank : -1;
}
