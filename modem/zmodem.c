/* The session: who sends first and when the roles change, timers, the two
 * queues (bytes out, events), and the end.  See zmodem.h, doc/ZMODEM.md. */
#include "modem/zmodem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/crc.h"
#include "modem/zmodem_p.h"

void zm_conf_init(struct zm_conf *c)
{
	memset(c, 0, sizeof *c);
	c->block = 1024;
	c->window = 32768;
	c->timeout_ms = 10000;
	c->silence_ms = 60000;
	c->open_ms = 3000;
	c->swap_ms = 10000;
	c->max_file = 1u << 30;
}

/* Bring what the caller chose into the bounds that the code relies on. */
static void clamp_conf(struct zm_conf *c)
{
	if (c->block < 128)
		c->block = 128;
	if (c->block > ZM_BLOCK_MAX)
		c->block = ZM_BLOCK_MAX;
	if (c->window != 0 && c->window < c->block)
		c->window = c->block;
	if (c->timeout_ms == 0)
		c->timeout_ms = 1;
	if (c->timeout_ms > 3600000)
		c->timeout_ms = 3600000;
	if (c->max_file > UINT32_MAX)
		c->max_file = UINT32_MAX;
	c->site[ZM_SITE_MAX] = c->peer[ZM_SITE_MAX] = '\0';
}

static bool both_roles(const struct zm *z)
{
	return z->side == ZM_CALLER || z->side == ZM_ANSWERER;
}

struct zm *zm_new(const struct zm_conf *c, enum zm_side side, uint64_t now_ms)
{
	struct zm *z = calloc(1, sizeof *z);

	if (z == NULL)
		return NULL;
	z->conf = *c;
	clamp_conf(&z->conf);
	z->side = side;
	z->now = now_ms;
	frame_parser_init(&z->parser);
	z->parser.drop_controls = z->conf.escape_controls;
	z->out.p = z->out_room;
	z->out.cap = sizeof z->out_room;
	z->out.escape_controls = z->conf.escape_controls;
	z->s.block = z->conf.block;
	z->s.window = z->conf.window < ZM_WINDOW_START ?
	    z->conf.window : ZM_WINDOW_START;
	z->r.frame = ZTYPES;
	/* The bare batches count the other direction as over. */
	z->mine_ended = z->s.no_more = side == ZM_RECEIVER;
	z->peers_ended = side == ZM_SENDER;
	switch (side) {
	case ZM_CALLER:
		zm_put_rqinit(z, false);
		/* fall through */
	case ZM_ANSWERER:
		zm_go(z, ZM_ST_OPEN, z->conf.open_ms);
		break;
	case ZM_SENDER:
		zm_put_rqinit(z, true);
		zm_go(z, ZM_ST_S_INIT, z->conf.timeout_ms);
		break;
	case ZM_RECEIVER:
		zm_recv_start(z);
		break;
	}
	return z;
}

void zm_free(struct zm *z)
{
	free(z);
}

/* --- timers --- */

void zm_timer(struct zm *z, uint32_t ms)
{
	z->timer_ms = ms;
	z->timer_at = z->now + ms;
}

void zm_go(struct zm *z, enum zm_st st, uint32_t timer_ms)
{
	z->st = st;
	zm_timer(z, timer_ms);
}

void zm_progress(struct zm *z)
{
	z->stuck = 0;
	z->silent_ms = 0;
}

bool zm_repeat(struct zm *z)
{
	z->stats.errors++;
	if (++z->stuck <= ZM_STUCK_MAX)
		return true;
	zm_fail(z, ERR_AGAIN, "the line is too bad: %d repeats in a row "
	    "brought nothing", ZM_STUCK_MAX);
	return false;
}

static bool over(const struct zm *z)
{
	return z->st == ZM_ST_DONE || z->st == ZM_ST_FAILED;
}

/* States in which our own process is what is waited for. */
static bool process_busy(const struct zm *z)
{
	switch (z->st) {
	case ZM_ST_S_NEXT:
	case ZM_ST_S_CRC:
	case ZM_ST_R_OFFER:
	case ZM_ST_R_STORE:
		return true;
	case ZM_ST_S_DATA:
		return z->s.data_asked;
	default:
		return false;
	}
}

/* Say that we are still here, in a way that asks for an answer of a dialsync
 * site and means nothing to a plain one. */
static void keep_alive(struct zm *z)
{
	if (z->st == ZM_ST_S_NEXT && z->dialsync)
		zm_put_rqinit(z, false);
	else if (z->st == ZM_ST_R_STORE)
		zm_put_hex_pos(z, ZACK, z->r.pos);
}

/* Nothing decided yet, or the plain peer's time for our batch is running. */
static void open_timeout(struct zm *z)
{
	bool undecided = !z->s.have && !z->s.no_more;

	if (z->second) {
		if (undecided)
			z->swap_until = z->now + z->conf.swap_ms;
		if (z->now >= z->swap_until) {
			zm_go(z, ZM_ST_DONE, z->conf.timeout_ms);
			return;
		}
	}
	if (z->s.have || (z->side == ZM_CALLER && !z->second))
		zm_put_rqinit(z, z->s.have);
	zm_timer(z, z->conf.open_ms);
}

static void run_timeout(struct zm *z)
{
	switch (z->st) {
	case ZM_ST_OPEN:
		open_timeout(z);
		break;
	case ZM_ST_BACK:
		zm_peers_batch_ended(z);
		zm_go(z, ZM_ST_DONE, z->conf.timeout_ms);
		break;
	case ZM_ST_R_FIN:
		/* "OO" got lost, as it may. */
		zm_go(z, ZM_ST_DONE, z->conf.timeout_ms);
		break;
	case ZM_ST_R_INIT:
	case ZM_ST_R_OFFER:
	case ZM_ST_R_CRC:
	case ZM_ST_R_DATA:
	case ZM_ST_R_STORE:
		zm_recv_timeout(z);
		break;
	default:
		zm_send_timeout(z);
	}
}

/* States whose time runs out as a matter of course. */
static bool waits_in_vain(const struct zm *z)
{
	return z->st == ZM_ST_BACK || z->st == ZM_ST_R_FIN ||
	    (z->st == ZM_ST_OPEN && z->second);
}

void zm_tick(struct zm *z, uint64_t now_ms)
{
	bool jammed = z->out.n > z->out_sent;

	if (now_ms > z->now)
		z->now = now_ms;
	if (z->st == ZM_ST_FAILED || z->now < z->timer_at)
		return;
	if (z->st == ZM_ST_DONE) {
		/* The last bytes do not get out: they are no one's loss. */
		z->out.n = z->out_sent = 0;
		return;
	}
	if (process_busy(z) && !jammed) {
		keep_alive(z);
		zm_timer(z, ZM_KEEP_MS);
		if (z->st != ZM_ST_S_NEXT || !z->dialsync)
			return;
		z->silent_ms += ZM_KEEP_MS;
	} else if (jammed || !waits_in_vain(z)) {
		z->silent_ms += z->timer_ms;
	}
	if (z->silent_ms >= z->conf.silence_ms)
		zm_fail(z, ERR_AGAIN, jammed ?
		    "the line took nothing for %u s" :
		    "nothing came from the peer for %u s",
		    (unsigned)(z->silent_ms / 1000));
	else if (jammed)
		zm_timer(z, z->timer_ms);
	else if (!process_busy(z))
		run_timeout(z);
}

uint64_t zm_deadline(const struct zm *z)
{
	if (z->st == ZM_ST_FAILED || (z->st == ZM_ST_DONE && z->out.n == 0))
		return UINT64_MAX;
	return z->timer_at;
}

/* --- bytes --- */

size_t zm_out(const struct zm *z, const uint8_t **p)
{
	*p = z->out.p + z->out_sent;
	return z->out.n - z->out_sent;
}

void zm_sent(struct zm *z, size_t n, uint64_t now_ms)
{
	if (now_ms > z->now)
		z->now = now_ms;
	if (n > z->out.n - z->out_sent)
		n = z->out.n - z->out_sent;
	if (n == 0)
		return;
	z->out_sent += n;
	z->stats.bytes_out += n;
	if (z->out_sent == z->out.n) {
		z->out_sent = z->out.n = 0;
	} else if (z->out_sent >= sizeof z->out_room / 2) {
		memmove(z->out.p, z->out.p + z->out_sent,
		    z->out.n - z->out_sent);
		z->out.n -= z->out_sent;
		z->out_sent = 0;
	}
	/* The answer can be late only from when the question was out. */
	zm_timer(z, z->timer_ms);
}

size_t zm_feed(struct zm *z, const void *p, size_t n, uint64_t now_ms)
{
	size_t room;

	if (now_ms > z->now)
		z->now = now_ms;
	if (z->in_at > 0) {
		memmove(z->in, z->in + z->in_at, z->in_n - z->in_at);
		z->in_n -= z->in_at;
		z->in_at = 0;
	}
	room = sizeof z->in - z->in_n;
	if (n > room)
		n = room;
	if (n > 0)
		memcpy(z->in + z->in_n, p, n);
	z->in_n += n;
	z->stats.bytes_in += n;
	/* A subpacket takes a while on a slow line. */
	if (n > 0 && z->st == ZM_ST_R_DATA) {
		z->silent_ms = 0;
		if (z->r.in_frame)
			zm_timer(z, z->timer_ms);
	}
	return n;
}

void zm_put_hex(struct zm *z, enum frame_type t, const uint8_t p[4])
{
	/* No room: the line takes nothing.  Then this answer is as good as
	 * lost on the way; the timers deal with that. */
	if (!frame_put_header(&z->out, FRAME_HEX, t, p))
		z->stats.errors++;
}

void zm_put_hex_pos(struct zm *z, enum frame_type t, uint32_t pos)
{
	uint8_t p[4];

	frame_set_pos(p, pos);
	zm_put_hex(z, t, p);
}

static uint8_t side_bit(const struct zm *z)
{
	return z->side == ZM_CALLER ? ZM_BIT_CALLER : ZM_BIT_ANSWERER;
}

/* rz: also the command that starts a plain receiver behind a shell. */
void zm_put_rqinit(struct zm *z, bool rz)
{
	uint8_t plain[4] = {0, 0, 0, 0};
	uint8_t ours[4] = {ZM_MAGIC0, ZM_MAGIC1, ZM_VERSION, side_bit(z)};

	if (rz)
		frame_put_raw(&z->out, "rz\r", 3);
	zm_put_hex(z, ZRQINIT, both_roles(z) ? ours : plain);
}

void zm_put_fin(struct zm *z, bool more)
{
	uint8_t p[4] = {0, 0, 0, 0};

	if (z->dialsync) {
		p[0] = ZM_MAGIC0;
		p[1] = ZM_MAGIC1;
		p[2] = ZM_VERSION;
		p[3] = (uint8_t)(side_bit(z) | (more ? ZM_BIT_MORE : 0));
	}
	zm_put_hex(z, ZFIN, p);
}

/* Do these ZRQINIT or ZFIN flags come from the other dialsync site?  Our own
 * side's bit means an echo. */
bool zm_flags_theirs(struct zm *z, const struct frame_header *h)
{
	uint8_t theirs = side_bit(z) ^ (ZM_BIT_CALLER | ZM_BIT_ANSWERER);

	return both_roles(z) && h->p[0] == ZM_MAGIC0 &&
	    h->p[1] == ZM_MAGIC1 && h->p[2] == ZM_VERSION &&
	    (h->p[3] & (ZM_BIT_CALLER | ZM_BIT_ANSWERER)) == theirs;
}

static bool is_echo(struct zm *z, const struct frame_header *h)
{
	return both_roles(z) && h->p[0] == ZM_MAGIC0 &&
	    h->p[1] == ZM_MAGIC1 && h->p[2] == ZM_VERSION &&
	    (h->p[3] & side_bit(z)) != 0;
}

void zm_echo(struct zm *z)
{
	zm_fail(z, ERR_PEER, "our own bytes come back: the line echoes, or "
	    "both sides answer; look at the cable, and at what is at the far "
	    "end");
}

/* A number that only this site sends: between two callers, whose first frames
 * are alike, it tells an echo from the other one. */
static uint32_t own_number(const struct zm *z)
{
	return ~crc32_add(0, (const uint8_t *)z->conf.site,
	    strlen(z->conf.site));
}

/* A ZRQINIT with our own mark.  A caller may hear another caller, who will
 * become the answerer; a ZACK, which means nothing here, finds out. */
static void maybe_echo(struct zm *z)
{
	if (z->side == ZM_ANSWERER)
		zm_echo(z);
	else
		zm_put_hex_pos(z, ZACK, own_number(z));
}

/* --- events --- */

struct zm_event *zm_push(struct zm *z, enum zm_event_type t)
{
	static struct zm_event lost;
	struct zm_event *ev;

	/* At most three come from one frame, and all are taken before the
	 * next is read. */
	if (z->q_n == ZM_QUEUE)
		return &lost;
	ev = &z->queue[(z->q_first + z->q_n++) % ZM_QUEUE];
	memset(ev, 0, sizeof *ev);
	ev->type = t;
	return ev;
}

/* To a dialsync site: the cancel that follows is meant for good, so that its
 * user looks at the configuration instead of calling again. */
static void put_refused(struct zm *z)
{
	uint8_t p[4] = {ZM_MAGIC0, ZM_MAGIC1, ZM_VERSION,
	    (uint8_t)(side_bit(z) | ZM_BIT_REFUSED)};

	zm_put_hex(z, ZFERR, p);
}

/* The other dialsync site has refused us. */
static void got_refused(struct zm *z)
{
	z->turned_away = true;
	if (z->side == ZM_CALLER)
		zm_fail(z, ERR_REFUSED, "the far end refuses this call, and "
		    "says there why: is it \"%s\", and has it a peer \"%s\" "
		    "with security = none?", z->conf.peer, z->conf.site);
	else
		zm_fail(z, ERR_REFUSED, "the caller refuses this site, and "
		    "says there why: is \"%s\" the one it wants?",
		    z->conf.site);
}

void zm_fail(struct zm *z, enum err_kind kind, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (over(z))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_set(&z->err, kind, "%s", text);
	/* What still waits is worth nothing now; the cancel must get out. */
	z->out.n = z->out_sent;
	if (kind == ERR_REFUSED && z->dialsync && !z->turned_away)
		put_refused(z);
	frame_put_raw(&z->out, "\030\030\030\030\030\030\030\030"
	    "\b\b\b\b\b\b\b\b\b\b", 18);
	z->st = ZM_ST_FAILED;
}

void zm_abort(struct zm *z, enum err_kind kind, const char *why)
{
	zm_fail(z, kind, "%s", why);
}

void zm_tell_peer(struct zm *z, const char *name)
{
	if (z->peer_told)
		return;
	z->peer_told = true;
	zm_push(z, ZM_EV_PEER)->name = name;
}

/* --- the session --- */

void zm_peers_batch_ended(struct zm *z)
{
	z->peers_ended = true;
}

/* ZFIN was answered; more: by a dialsync site that now sends its own. */
void zm_my_batch_ended(struct zm *z, bool more)
{
	z->mine_ended = true;
	frame_put_raw(&z->out, "OO", 2);
	zm_progress(z);
	if (!both_roles(z) || z->second || (z->dialsync && !more)) {
		zm_peers_batch_ended(z);
		zm_go(z, ZM_ST_DONE, z->conf.timeout_ms);
		return;
	}
	z->second = true;
	if (z->dialsync)
		zm_recv_start(z);
	else
		zm_go(z, ZM_ST_BACK, z->conf.swap_ms);
}

/* The first frames: ZRINIT means that we send, ZRQINIT that we receive. */
static void open_header(struct zm *z, const struct frame_header *h)
{
	bool theirs = zm_flags_theirs(z, h);

	switch (h->type) {
	case ZRINIT:
		zm_send_start(z, h);
		break;
	case ZRQINIT:
		if (z->second)
			break;
		if (is_echo(z, h)) {
			maybe_echo(z);
			break;
		}
		/* Two dialsync sites at once: the caller goes first. */
		if (theirs && z->side == ZM_CALLER)
			break;
		z->dialsync = theirs;
		zm_recv_start(z);
		break;
	case ZACK:
		if (z->side == ZM_CALLER && frame_pos(h) == own_number(z))
			zm_echo(z);
		break;
	case ZFIN:
		/* It did not hear our answer. */
		if (z->second)
			zm_put_fin(z, false);
		break;
	default:
		break;
	}
}

/* After our batch to a plain rz: a plain sz may follow. */
static void back_header(struct zm *z, const struct frame_header *h)
{
	if (h->type == ZRQINIT && !is_echo(z, h))
		zm_recv_start(z);
}

static void header(struct zm *z, const struct frame_header *h)
{
	uint8_t all[4] = {0xff, 0xff, 0xff, 0xff};
	uint8_t refused[4] = {1, 0, 0, 0};

	z->heard = true;
	z->silent_ms = 0;
	z->r.frame = ZTYPES;
	if (h->type == ZCHALLENGE) {
		zm_put_hex(z, ZACK, h->p);
		return;
	}
	if (h->type == ZFREECNT) {
		zm_put_hex(z, ZACK, all);
		return;
	}
	if (h->type == ZCOMMAND) {
		/* Never: its text is skipped, the answer is a failure. */
		z->stats.errors++;
		zm_put_hex(z, ZCOMPL, refused);
		return;
	}
	if (h->type == ZFERR && z->dialsync && zm_flags_theirs(z, h) &&
	    (h->p[3] & ZM_BIT_REFUSED)) {
		got_refused(z);
		return;
	}
	if (h->type == ZABORT || h->type == ZFERR || h->type == ZCAN) {
		if (z->st != ZM_ST_OPEN)
			zm_fail(z, ERR_AGAIN, "the peer gave up (frame %d)",
			    (int)h->type);
		return;
	}
	if (z->st == ZM_ST_OPEN)
		open_header(z, h);
	else if (z->st == ZM_ST_BACK)
		back_header(z, h);
	else if (z->st >= ZM_ST_R_INIT)
		zm_recv_header(z, h);
	else
		zm_send_header(z, h);
}

/* Read input until something comes of it. */
static void read_frame(struct zm *z)
{
	size_t used;
	enum frame_found found = frame_read(&z->parser, z->in + z->in_at,
	    z->in_n - z->in_at, &used);

	z->in_at += used;
	switch (found) {
	case FRAME_NONE:
		if (!z->heard && z->stats.bytes_in > ZM_JUNK_MAX)
			zm_fail(z, ERR_PEER, "%u bytes came, and no ZMODEM "
			    "frame among them",
			    (unsigned)z->stats.bytes_in);
		break;
	case FRAME_HEADER:
		header(z, &z->parser.header);
		break;
	case FRAME_DATA:
		z->silent_ms = 0;
		zm_recv_data(z);
		break;
	case FRAME_BAD:
		z->stats.errors++;
		if (z->st >= ZM_ST_R_INIT)
			zm_recv_bad(z, z->parser.in_data);
		break;
	case FRAME_CANCEL:
		/* Before the start it may be left over from another try. */
		if (z->st != ZM_ST_OPEN && z->st != ZM_ST_BACK)
			zm_fail(z, ERR_AGAIN, "the peer cancelled");
		break;
	case FRAME_OO:
		if (z->st == ZM_ST_R_FIN)
			zm_go(z, ZM_ST_DONE, z->conf.timeout_ms);
		break;
	}
}

/* What follows from the state rather than from one frame. */
static bool derived_event(struct zm *z, struct zm_event *ev)
{
	uint32_t n;

	memset(ev, 0, sizeof *ev);
	if (!z->safe_told && zm_safe(z)) {
		z->safe_told = true;
		ev->type = ZM_EV_SAFE;
		return true;
	}
	if (over(z)) {
		if (z->end_told || (z->st == ZM_ST_DONE && z->out.n > 0))
			return false;
		z->end_told = true;
		ev->type = z->st == ZM_ST_DONE ? ZM_EV_DONE : ZM_EV_FAILED;
		ev->err = z->st == ZM_ST_DONE ? NULL : &z->err;
		return true;
	}
	if (!z->s.have && !z->s.no_more && !z->s.file_asked) {
		z->s.file_asked = true;
		ev->type = ZM_EV_WANT_FILE;
		return true;
	}
	if (zm_send_wants_data(z, &n)) {
		z->s.data_asked = true;
		ev->type = ZM_EV_WANT_DATA;
		ev->number = z->s.number;
		ev->off = z->s.want = z->st == ZM_ST_S_CRC ?
		    z->s.crc_pos : z->s.pos;
		ev->n = n;
		return true;
	}
	return false;
}

bool zm_event(struct zm *z, struct zm_event *ev)
{
	while (z->q_n == 0 && z->in_at < z->in_n && !over(z))
		read_frame(z);
	if (over(z))
		z->in_at = z->in_n = 0;
	if (z->q_n == 0)
		return derived_event(z, ev);
	*ev = z->queue[z->q_first];
	z->q_first = (z->q_first + 1) % ZM_QUEUE;
	z->q_n--;
	return true;
}

bool zm_safe(const struct zm *z)
{
	return z->mine_ended && z->peers_ended && !z->r.open && !z->s.have &&
	    z->stats.received == z->stats.stored &&
	    z->stats.sent == z->stats.acknowledged;
}

bool zm_is_dialsync(const struct zm *z)
{
	return z->dialsync;
}

void zm_stats(const struct zm *z, struct zm_stats *s)
{
	*s = z->stats;
	s->data_acked = z->s.acked;
}

const char *zm_state(const struct zm *z)
{
	static const char *const text[] = {
		[ZM_ST_OPEN] = "waiting for the peer's first frame",
		[ZM_ST_BACK] = "waiting for a batch from the peer",
		[ZM_ST_S_INIT] = "waiting for a receiver",
		[ZM_ST_S_NAME] = "saying who we are",
		[ZM_ST_S_NEXT] = "waiting for the next file to send",
		[ZM_ST_S_FILE] = "offering a file",
		[ZM_ST_S_CRC] = "comparing a file",
		[ZM_ST_S_DATA] = "sending",
		[ZM_ST_S_EOF] = "waiting until it is stored there",
		[ZM_ST_S_FIN] = "ending our batch",
		[ZM_ST_R_INIT] = "waiting for a file",
		[ZM_ST_R_OFFER] = "deciding on a file",
		[ZM_ST_R_CRC] = "comparing a part",
		[ZM_ST_R_DATA] = "receiving",
		[ZM_ST_R_STORE] = "storing",
		[ZM_ST_R_FIN] = "ending the peer's batch",
		[ZM_ST_DONE] = "done",
		[ZM_ST_FAILED] = "failed",
	};

	return text[z->st];
}

bool zm_name_ok(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	if (digits < 8 || digits > 16 || (digits > 8 && name[0] == '0'))
		return false;
	return strcmp(name + digits, ".xml.gz") == 0;
}
