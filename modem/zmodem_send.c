/* A batch that goes out: ZRINIT .. ZFILE, ZDATA, ZEOF .. ZFIN.  See
 * zmodem_p.h, doc/ZMODEM.md. */
#include <stdio.h>
#include <string.h>

#include "modem/crc.h"
#include "modem/zmodem_p.h"

#define BLOCK_MIN 128
/* That much must get through before a larger block is tried again. */
#define GOOD_BLOCKS 16

static enum frame_coding coding(const struct zm *z)
{
	return z->s.crc32 ? FRAME_BIN32 : FRAME_BIN16;
}

/* Forget data that has not left yet: the peer wants other data now. */
static void drop_unsent(struct zm *z)
{
	z->out.n = z->out_sent;
	z->s.frame_open = false;
	z->s.data_asked = false;
}

/* --- the start --- */

static bool wants_name(const struct zm *z)
{
	return z->dialsync || z->conf.escape_controls;
}

/* ZSINIT: to a dialsync site "dialsync 1 ann>hub"; to a plain one no attention
 * string at all, only the wish that controls be escaped. */
static void put_name(struct zm *z)
{
	char text[16 + 2 * ZM_SITE_MAX] = "";
	uint8_t p[4] = {0, 0, 0,
	    z->conf.escape_controls ? ZM_TESCCTL : 0};

	if (z->dialsync)
		snprintf(text, sizeof text, "dialsync %d %s>%s", ZM_VERSION,
		    z->conf.site, z->conf.peer);
	if (frame_put_header(&z->out, coding(z), ZSINIT, p))
		frame_put_data(&z->out, z->s.crc32, (uint8_t *)text,
		    strlen(text) + 1, ZCRCW);
	zm_go(z, ZM_ST_S_NAME, z->conf.timeout_ms);
}

/* The first ZRINIT of a batch: what the receiver can, and who it is. */
void zm_send_start(struct zm *z, const struct frame_header *h)
{
	uint8_t can = h->p[3], mark = h->p[2];
	uint8_t theirs = z->side == ZM_CALLER ?
	    ZM_INIT_ANSWERER : ZM_INIT_CALLER;
	bool both = z->side == ZM_CALLER || z->side == ZM_ANSWERER;

	if (both && (mark & 0xf0) == ZM_INIT_MARK) {
		if ((mark & 0x0c) != theirs)
			return; /* our own, echoed */
		z->dialsync = true;
	}
	if (can & ZM_ESC8) {
		zm_fail(z, ERR_PEER, "the receiver asks for a 7-bit coding "
		    "that ZMODEM never defined; set its line to 8 bits");
		return;
	}
	z->s.crc32 = (can & ZM_CANFC32) != 0 && !z->conf.crc16;
	z->s.duplex = (can & ZM_CANFDX) != 0;
	z->s.overlap = (can & ZM_CANOVIO) != 0;
	z->s.buffer = (uint32_t)h->p[0] | (uint32_t)h->p[1] << 8;
	if (!z->s.overlap && z->s.buffer == 0)
		z->s.buffer = 1024;
	if (can & ZM_ESCCTL)
		z->out.escape_controls = true;
	zm_progress(z);
	if (wants_name(z) && !z->second) {
		put_name(z);
		return;
	}
	if (!z->dialsync)
		zm_tell_peer(z, NULL);
	zm_send_next(z);
}

/* ZACK to ZSINIT: a dialsync site puts the CRC-32 of its name into it, so that
 * a wrong number is noticed before anything is sent. */
static void got_name_ack(struct zm *z, uint32_t number)
{
	const char *name = z->conf.peer;

	if (!z->dialsync) {
		zm_tell_peer(z, NULL);
	} else if (number == 1 || name[0] == '\0') {
		zm_tell_peer(z, "");
	} else if (number == crc32_add(0, (const uint8_t *)name,
	    strlen(name))) {
		zm_tell_peer(z, name);
	} else {
		zm_fail(z, ERR_REFUSED, "the site that answers is not \"%s\"",
		    name);
		return;
	}
	zm_progress(z);
	zm_send_next(z);
}

/* --- a file --- */

/* ZFILE and "name NUL size mtime mode serial NUL"; times and modes octal. */
static void put_file(struct zm *z)
{
	char text[ZM_NAME_MAX + 64];
	uint8_t p[4] = {0, 0, 0, z->conf.resume ? ZM_CRESUM : ZM_CBIN};
	size_t n = strlen(z->s.name) + 1;

	memcpy(text, z->s.name, n);
	n += (size_t)snprintf(text + n, sizeof text - n, "%lu %llo 100644 0",
	    (unsigned long)z->s.size, (unsigned long long)
	    (z->s.mtime > 0 ? z->s.mtime : 0)) + 1;
	if (frame_put_header(&z->out, coding(z), ZFILE, p))
		frame_put_data(&z->out, z->s.crc32, (uint8_t *)text, n, ZCRCW);
	z->s.file_at = z->now;
	zm_go(z, ZM_ST_S_FILE, z->conf.timeout_ms);
}

static void put_fin(struct zm *z)
{
	zm_put_fin(z, false);
	z->s.file_at = z->now;
	zm_go(z, ZM_ST_S_FIN, z->conf.timeout_ms);
}

/* The peer is ready for a file: send the offer, end the batch, or wait. */
void zm_send_next(struct zm *z)
{
	if (z->s.have) {
		z->stats.sent++;
		put_file(z);
	} else if (z->s.no_more) {
		put_fin(z);
	} else {
		zm_go(z, ZM_ST_S_NEXT, ZM_KEEP_MS);
	}
}

int zm_offer(struct zm *z, const char *name, uint64_t size, int64_t mtime,
    uint32_t number)
{
	size_t n = strlen(name);

	if (!z->s.file_asked || z->s.have || z->s.no_more || n == 0 ||
	    n > ZM_NAME_MAX || strchr(name, '/') != NULL || size > UINT32_MAX)
		return -1;
	memcpy(z->s.name, name, n + 1);
	z->s.size = (uint32_t)size;
	z->s.mtime = mtime;
	z->s.number = number;
	z->s.have = true;
	z->s.file_asked = false;
	z->s.pos = z->s.high = z->s.acked = 0;
	if (z->st == ZM_ST_S_NEXT)
		zm_send_next(z);
	return 0;
}

int zm_no_more(struct zm *z)
{
	if (z->s.have || z->s.no_more)
		return -1;
	z->s.no_more = true;
	z->s.file_asked = false;
	if (z->st == ZM_ST_S_NEXT)
		zm_send_next(z);
	else if (z->st == ZM_ST_OPEN && z->second) {
		/* The plain peer's batch is in, and none goes back. */
		z->mine_ended = true;
		zm_go(z, ZM_ST_DONE, z->conf.timeout_ms);
	}
	return 0;
}

static void file_done(struct zm *z, bool acknowledged)
{
	struct zm_event *ev = zm_push(z, ZM_EV_FILE_SENT);

	ev->number = z->s.number;
	ev->acknowledged = acknowledged;
	if (acknowledged)
		z->stats.acknowledged++;
	else
		z->stats.sent_skipped++;
	z->s.have = false;
	z->s.data_asked = false;
	zm_progress(z);
	zm_go(z, ZM_ST_S_NEXT, ZM_KEEP_MS);
	if (z->s.no_more)
		zm_send_next(z);
}

static void skipped(struct zm *z)
{
	drop_unsent(z);
	file_done(z, false);
}

static void put_eof(struct zm *z)
{
	uint8_t p[4];

	frame_set_pos(p, z->s.pos);
	frame_put_header(&z->out, coding(z), ZEOF, p);
	z->s.frame_open = false;
	zm_go(z, ZM_ST_S_EOF, z->conf.timeout_ms);
}

/* The peer has all before pos (ZRPOS): go there.  after_error: then the first
 * subpacket asks for an answer, so that all stale data is out of the pipe. */
static void go_to(struct zm *z, uint32_t pos, bool after_error)
{
	struct zm_send *s = &z->s;

	drop_unsent(z);
	if (after_error && pos < s->high) {
		/* A half-sent frame may have swallowed what follows. */
		frame_put_raw(&z->out, "**", 2);
		if (s->block > BLOCK_MIN)
			s->block /= 2;
		if (s->block < BLOCK_MIN)
			s->block = BLOCK_MIN;
	}
	s->good = 0;
	s->timed_at = 0;
	s->pos = s->acked = s->last_w = s->last_q = pos;
	s->need_w = after_error;
	s->waiting = s->repeated = false;
	zm_go(z, ZM_ST_S_DATA, z->conf.timeout_ms);
	if (pos == s->size)
		put_eof(z);
}

static void got_rpos(struct zm *z, uint32_t pos)
{
	bool running = z->st == ZM_ST_S_DATA || z->st == ZM_ST_S_EOF;

	if (pos > z->s.size || (running && pos > z->s.high && pos !=
	    z->s.acked)) {
		/* Never sent: no honest peer can have it. */
		if (z->st == ZM_ST_S_FILE)
			zm_fail(z, ERR_PEER, "%s: the receiver wants to go on "
			    "at %lu of %lu", z->s.name, (unsigned long)pos,
			    (unsigned long)z->s.size);
		else
			zm_repeat(z);
		return;
	}
	if (!running) {
		z->s.high = pos;
		zm_progress(z);
		go_to(z, pos, false);
		return;
	}
	if (pos > z->s.acked)
		zm_progress(z);
	if (zm_repeat(z))
		go_to(z, pos, true);
}

/* Fit the window to the line: what answers late is only queueing. */
static void fit_window(struct zm *z, uint32_t pos)
{
	struct zm_send *s = &z->s;
	uint64_t delay = z->now - s->timed_at;

	if (s->timed_at == 0 || pos < s->timed_q || s->window == 0)
		return;
	s->timed_at = 0;
	if (delay < ZM_QUICK_MS)
		s->window *= 2;
	else if (delay > ZM_SLOW_MS)
		s->window /= 2;
	/* Two subpackets: one on the way while the other is answered. */
	if (s->window < 2 * s->block)
		s->window = 2 * s->block;
	if (s->window > z->conf.window)
		s->window = z->conf.window;
}

static void got_ack(struct zm *z, uint32_t pos)
{
	struct zm_send *s = &z->s;

	if (pos < s->acked || pos > s->pos)
		return; /* stale, or a lie */
	fit_window(z, pos);
	if (pos > s->acked) {
		s->good += pos - s->acked;
		s->acked = pos;
		zm_progress(z);
	}
	if (s->good >= GOOD_BLOCKS * s->block && s->block < z->conf.block) {
		s->good = 0;
		s->block *= 2;
		if (s->block > z->conf.block)
			s->block = z->conf.block;
	}
	if (pos == s->pos)
		s->waiting = false;
	zm_timer(z, z->conf.timeout_ms);
}

/* --- data --- */

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* May the process be asked for data now, and for how much at most? */
bool zm_send_wants_data(const struct zm *z, uint32_t *n)
{
	const struct zm_send *s = &z->s;

	if (s->data_asked)
		return false;
	if (z->st == ZM_ST_S_CRC) {
		*n = smaller(s->crc_n - s->crc_pos, ZM_BLOCK_MAX);
		return true;
	}
	if (z->st != ZM_ST_S_DATA || s->waiting || s->pos >= s->size ||
	    z->out.n - z->out_sent >= s->block)
		return false;
	*n = smaller(s->block, s->size - s->pos);
	if (s->window != 0) {
		uint32_t ahead = s->pos - s->acked;

		if (ahead >= s->window)
			return false;
		/* Rather wait for a ZACK on its way than cut crumbs. */
		if (s->window - ahead < *n && s->last_q > s->acked)
			return false;
		*n = smaller(*n, s->window - ahead);
	}
	if (s->buffer != 0)
		*n = smaller(*n, s->buffer - (s->pos - s->last_w));
	return *n > 0;
}

static enum frame_end choose_end(const struct zm *z, uint32_t next)
{
	const struct zm_send *s = &z->s;

	if (next == s->size)
		return ZCRCE;
	if (s->need_w || (s->buffer != 0 && next - s->last_w >= s->buffer))
		return ZCRCW;
	if (s->window == 0)
		return ZCRCG;
	/* Half duplex: the window's end is where it may answer. */
	if (!s->duplex)
		return next - s->acked >= s->window ? ZCRCW : ZCRCG;
	return next - s->last_q >= s->window / 4 ||
	    next - s->acked >= s->window ? ZCRCQ : ZCRCG;
}

static int crc_data(struct zm *z, const uint8_t *p, size_t n)
{
	z->s.crc = crc32_add(z->s.crc, p, n);
	z->s.crc_pos += (uint32_t)n;
	if (z->s.crc_pos == z->s.crc_n) {
		zm_put_hex_pos(z, ZCRC, z->s.crc);
		zm_go(z, ZM_ST_S_FILE, z->conf.timeout_ms);
	}
	return 0;
}

static void send_data(struct zm *z, const uint8_t *p, uint32_t n)
{
	struct zm_send *s = &z->s;
	uint32_t next = s->pos + n;
	enum frame_end end = choose_end(z, next);
	uint8_t pos[4];

	if (!s->frame_open) {
		frame_set_pos(pos, s->pos);
		frame_put_header(&z->out, coding(z), ZDATA, pos);
	}
	frame_put_data(&z->out, s->crc32, p, n, end);
	z->stats.data_out += n;
	if (s->pos < s->high)
		z->stats.resent += smaller(n, s->high - s->pos);
	s->pos = next;
	if (next > s->high)
		s->high = next;
	s->frame_open = end == ZCRCG || end == ZCRCQ;
	if (end == ZCRCQ) {
		s->last_q = next;
		if (s->timed_at == 0) {
			s->timed_q = next;
			s->timed_at = z->now + !z->now;
		}
	}
	if (end == ZCRCW) {
		s->last_w = s->last_q = next;
		s->waiting = true;
		s->need_w = false;
	}
	zm_timer(z, z->conf.timeout_ms);
	if (end == ZCRCE)
		put_eof(z);
}

int zm_data(struct zm *z, uint64_t off, const uint8_t *p, size_t n)
{
	uint32_t most;

	if (!z->s.data_asked || off != z->s.want)
		return -1;
	z->s.data_asked = false;
	if (!zm_send_wants_data(z, &most))
		return -1; /* the peer has changed its mind meanwhile */
	if (n > most) {
		zm_fail(z, ERR_CALLER, "%s: more data than asked for",
		    z->s.name);
		return -1;
	}
	if (n == 0) {
		zm_fail(z, ERR_SYSTEM, "%s cannot be read at %llu of %lu",
		    z->s.name, (unsigned long long)off,
		    (unsigned long)z->s.size);
		return -1;
	}
	if (z->st == ZM_ST_S_CRC)
		return crc_data(z, p, n);
	send_data(z, p, (uint32_t)n);
	return 0;
}

/* --- what comes while we send --- */

/* ZRINIT where it is not the answer to ZEOF: an old one, or the receiver was
 * started anew and knows nothing of this file. */
static void file_again(struct zm *z)
{
	if (!zm_repeat(z))
		return;
	drop_unsent(z);
	put_file(z);
}

static void got_crc_question(struct zm *z, uint32_t n)
{
	z->s.crc_n = n == 0 || n > z->s.size ? z->s.size : n;
	z->s.crc_pos = z->s.crc = 0;
	z->s.data_asked = false;
	if (z->s.crc_n == 0)
		zm_put_hex_pos(z, ZCRC, 0);
	else
		zm_go(z, ZM_ST_S_CRC, z->conf.timeout_ms);
}

static void header_in_file(struct zm *z, const struct frame_header *h)
{
	switch (h->type) {
	case ZRPOS:
		got_rpos(z, frame_pos(h));
		break;
	case ZSKIP:
		skipped(z);
		break;
	case ZCRC:
		got_crc_question(z, frame_pos(h));
		break;
	case ZNAK:
		if (zm_repeat(z))
			put_file(z);
		break;
	case ZRINIT:
		if (z->now - z->s.file_at >= ZM_STALE_MS && zm_repeat(z))
			put_file(z);
		break;
	case ZFIN:
		zm_fail(z, ERR_PEER, "the receiver ended the batch while %s "
		    "was offered", z->s.name);
		break;
	default:
		break;
	}
}

static void header_in_data(struct zm *z, const struct frame_header *h)
{
	switch (h->type) {
	case ZACK:
		got_ack(z, frame_pos(h));
		break;
	case ZRPOS:
		got_rpos(z, frame_pos(h));
		break;
	case ZSKIP:
		skipped(z);
		break;
	case ZRINIT:
		file_again(z);
		break;
	case ZFIN:
		zm_fail(z, ERR_PEER, "the receiver ended the batch in the "
		    "middle of %s", z->s.name);
		break;
	default:
		break;
	}
}

/* ZRINIT after ZEOF means stored.  A dialsync receiver counts its files in it,
 * so that an old ZRINIT, or one of a receiver that was started anew, is
 * never taken for that. */
static void rinit_after_eof(struct zm *z, const struct frame_header *h)
{
	uint8_t want = (uint8_t)((z->stats.acknowledged + 1) & ZM_INIT_COUNT);

	if (!z->dialsync || (h->p[2] & ZM_INIT_COUNT) == want)
		file_done(z, true);
	else if (z->s.repeated)
		file_again(z);
}

static void header_after_eof(struct zm *z, const struct frame_header *h)
{
	switch (h->type) {
	case ZRINIT:
		rinit_after_eof(z, h);
		break;
	case ZRPOS:
		got_rpos(z, frame_pos(h));
		break;
	case ZSKIP:
		file_done(z, false);
		break;
	case ZACK: /* it is busy storing */
		z->s.acked = z->s.pos;
		zm_progress(z);
		zm_timer(z, z->conf.timeout_ms);
		break;
	case ZNAK:
		if (zm_repeat(z))
			put_eof(z);
		break;
	default:
		break;
	}
}

static void header_after_fin(struct zm *z, const struct frame_header *h)
{
	bool theirs = zm_flags_theirs(z, h);

	switch (h->type) {
	case ZFIN:
		zm_my_batch_ended(z, theirs && (h->p[3] & ZM_BIT_MORE));
		break;
	case ZRQINIT:
		/* Its ZFIN got lost, but its batch is waiting. */
		if (theirs && !z->second)
			zm_my_batch_ended(z, true);
		break;
	case ZNAK:
	case ZRINIT:
		if (z->now - z->s.file_at >= ZM_STALE_MS && zm_repeat(z))
			put_fin(z);
		break;
	default:
		break;
	}
}

static void header_at_start(struct zm *z, const struct frame_header *h)
{
	if (h->type == ZRINIT)
		zm_send_start(z, h);
	else if (h->type == ZFIN && z->second && z->dialsync)
		zm_put_fin(z, true); /* it did not hear our answer */
}

void zm_send_header(struct zm *z, const struct frame_header *h)
{
	switch (z->st) {
	case ZM_ST_S_INIT:
		header_at_start(z, h);
		break;
	case ZM_ST_S_NAME:
		if (h->type == ZACK)
			got_name_ack(z, frame_pos(h));
		else if (h->type == ZNAK && zm_repeat(z))
			put_name(z);
		break;
	case ZM_ST_S_NEXT:
		if (h->type == ZFIN)
			zm_fail(z, ERR_PEER, "the receiver ended the batch "
			    "before it was over");
		break;
	case ZM_ST_S_FILE:
		header_in_file(z, h);
		break;
	case ZM_ST_S_DATA:
		header_in_data(z, h);
		break;
	case ZM_ST_S_EOF:
		header_after_eof(z, h);
		break;
	case ZM_ST_S_FIN:
		header_after_fin(z, h);
		break;
	default:
		break;
	}
}

/* No answer: ask for the position without sending data again.  A receiver at
 * another place answers ZRPOS. */
static void probe(struct zm *z)
{
	uint8_t pos[4];

	frame_set_pos(pos, z->s.pos);
	if (frame_put_header(&z->out, coding(z), ZDATA, pos))
		frame_put_data(&z->out, z->s.crc32, pos, 0, ZCRCW);
	z->s.frame_open = false;
	z->s.waiting = true;
	zm_timer(z, z->conf.timeout_ms);
}

void zm_send_timeout(struct zm *z)
{
	if (!zm_repeat(z))
		return;
	switch (z->st) {
	case ZM_ST_S_INIT:
		z->stuck = 0; /* its user may take a while; silence counts */
		zm_put_rqinit(z, z->side == ZM_SENDER);
		zm_timer(z, z->timer_ms);
		break;
	case ZM_ST_S_NAME:
		put_name(z);
		break;
	case ZM_ST_S_FILE:
		put_file(z);
		break;
	case ZM_ST_S_DATA:
		probe(z);
		break;
	case ZM_ST_S_EOF:
		put_eof(z);
		z->s.repeated = true;
		break;
	case ZM_ST_S_FIN:
		put_fin(z);
		break;
	default:
		zm_timer(z, z->timer_ms);
	}
}
