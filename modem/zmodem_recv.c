/* A batch that comes in: ZRINIT .. ZRPOS .. ZFIN.  See zmodem_p.h,
 * doc/ZMODEM.md. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "modem/crc.h"
#include "modem/zmodem_p.h"

/* Between two ZRPOS for what may be one and the same damage. */
#define RPOS_GAP_MS 1000

/* The byte by which dialsync sites know each other's ZRINIT. */
static uint8_t rinit_mark(const struct zm *z)
{
	return (uint8_t)(ZM_INIT_MARK | (z->side == ZM_CALLER ?
	    ZM_INIT_CALLER : ZM_INIT_ANSWERER) |
	    (z->r.count & ZM_INIT_COUNT));
}

/* What we can.  Between dialsync sites also who we are and how many files of
 * this batch are stored, so that no old ZRINIT passes for a new one. */
static void put_rinit(struct zm *z)
{
	uint8_t p[4] = {0, 0, 0, ZM_CANFDX | ZM_CANOVIO};

	if (!z->conf.crc16)
		p[3] |= ZM_CANFC32;
	if (z->conf.escape_controls)
		p[3] |= ZM_ESCCTL;
	if (z->dialsync)
		p[2] = rinit_mark(z);
	zm_put_hex(z, ZRINIT, p);
}

void zm_recv_start(struct zm *z)
{
	z->r.count = 0;
	z->r.open = false;
	put_rinit(z);
	zm_go(z, ZM_ST_R_INIT, z->conf.timeout_ms);
}

static void put_rpos(struct zm *z)
{
	z->r.in_frame = false;
	z->r.rpos_at = z->now;
	zm_put_hex_pos(z, ZRPOS, z->r.pos);
	zm_timer(z, z->conf.timeout_ms);
}

/* --- who is it? --- */

/* "dialsync 1 ann>hub": who calls, and whom.  Returns false if it is not for
 * us (the session has failed then). */
static bool got_site(struct zm *z, char *text)
{
	static const char start[] = "dialsync 1 ";
	char *caller = text + sizeof start - 1;
	char *called = strchr(text, '>');

	if (strncmp(text, start, sizeof start - 1) != 0 || called == NULL ||
	    called < caller)
		return true;
	*called++ = '\0';
	if (*called != '\0' && z->conf.site[0] != '\0' &&
	    strcmp(called, z->conf.site) != 0) {
		zm_fail(z, ERR_REFUSED, "the caller wants another site than "
		    "\"%s\"", z->conf.site);
		return false;
	}
	if (!text_name_ok(caller))
		return true;
	if (z->conf.peer[0] != '\0' && strcmp(caller, z->conf.peer) != 0) {
		zm_fail(z, ERR_REFUSED, "site \"%s\" calls, \"%s\" was "
		    "expected", caller, z->conf.peer);
		return false;
	}
	snprintf(z->peer, sizeof z->peer, "%.*s", ZM_SITE_MAX, caller);
	zm_tell_peer(z, z->peer);
	return true;
}

static void got_sinit(struct zm *z)
{
	char text[16 + 2 * ZM_SITE_MAX];
	size_t n = z->parser.n;
	uint32_t number = 1;

	if (z->dialsync) {
		if (n > sizeof text - 1)
			n = sizeof text - 1;
		memcpy(text, z->parser.data, n);
		text[n] = '\0';
		if (!got_site(z, text))
			return;
		if (z->conf.site[0] != '\0')
			number = crc32_add(0, (const uint8_t *)z->conf.site,
			    strlen(z->conf.site));
	}
	if (z->parser.header.p[3] & ZM_TESCCTL)
		z->out.escape_controls = true;
	zm_put_hex_pos(z, ZACK, number);
	zm_timer(z, z->conf.timeout_ms);
}

/* --- a file is offered --- */

/* Decimal or octal digits up to max; stops at the first other byte.  What is
 * larger (a size made to wrap) comes back as max + 1. */
static uint64_t number(const char **s, unsigned base, uint64_t max)
{
	uint64_t v = 0;

	while (**s >= '0' && (unsigned)(**s - '0') < base) {
		if (v <= max)
			v = v * base + (unsigned)(**s - '0');
		(*s)++;
	}
	while (**s == ' ')
		(*s)++;
	return v <= max ? v : max + 1;
}

/* "name NUL size mtime ... NUL", all hostile.  false: no name. */
static bool parse_file(struct zm *z)
{
	struct zm_recv *r = &z->r;
	const uint8_t *p = z->parser.data;
	size_t n = z->parser.n;
	const uint8_t *end = memchr(p, 0, n);
	char rest[80];
	const char *s = rest;
	size_t name_n = end == NULL ? n : (size_t)(end - p);

	if (name_n == 0 || name_n > ZM_NAME_MAX)
		return false;
	memcpy(r->name, p, name_n);
	r->name[name_n] = '\0';
	n = end == NULL ? 0 : n - name_n - 1;
	if (n > sizeof rest - 1)
		n = sizeof rest - 1;
	if (n > 0)
		memcpy(rest, p + name_n + 1, n);
	rest[n] = '\0';
	r->size = ZM_NO_SIZE;
	r->mtime = 0;
	if (*s >= '0' && *s <= '9') {
		/* Positions have 32 bits: what is larger cannot be meant. */
		r->size = number(&s, 10, UINT32_MAX);
		r->mtime = (int64_t)number(&s, 8, INT64_MAX / 16);
	}
	return true;
}

static void refuse(struct zm *z)
{
	z->stats.refused++;
	memcpy(z->refused, z->r.name, sizeof z->refused);
	zm_push(z, ZM_EV_FILE_REFUSED)->name = z->refused;
	zm_put_hex_pos(z, ZSKIP, 0);
	zm_go(z, ZM_ST_R_INIT, z->conf.timeout_ms);
}

/* A file that was begun and not ended: the sender began anew. */
static void cut(struct zm *z)
{
	if (!z->r.open)
		return;
	z->r.open = false;
	z->stats.received--;
	zm_push(z, ZM_EV_FILE_CUT);
}

static void got_file(struct zm *z)
{
	struct zm_event *ev;
	char before[ZM_NAME_MAX + 1];

	memcpy(before, z->r.name, sizeof before);
	if (!parse_file(z)) {
		zm_put_hex_pos(z, ZSKIP, 0);
		zm_timer(z, z->conf.timeout_ms);
		return;
	}
	if (z->st == ZM_ST_R_DATA && strcmp(before, z->r.name) == 0) {
		/* It did not hear our ZRPOS. */
		put_rpos(z);
		return;
	}
	if (z->st == ZM_ST_R_CRC && strcmp(before, z->r.name) == 0) {
		zm_put_hex_pos(z, ZCRC, z->r.part);
		return;
	}
	cut(z);
	zm_tell_peer(z, z->dialsync ? "" : NULL);
	zm_progress(z);
	if ((!z->conf.any_name && !zm_name_ok(z->r.name)) ||
	    (z->r.size != ZM_NO_SIZE && z->r.size > z->conf.max_file)) {
		refuse(z);
		return;
	}
	ev = zm_push(z, ZM_EV_FILE_OFFERED);
	ev->name = z->r.name;
	ev->size = z->r.size;
	ev->mtime = z->r.mtime;
	zm_go(z, ZM_ST_R_OFFER, ZM_KEEP_MS);
}

/* --- the process answers --- */

static bool may_accept(const struct zm *z, uint64_t off)
{
	return z->st == ZM_ST_R_OFFER && off <= z->conf.max_file &&
	    (z->r.size == ZM_NO_SIZE || off <= z->r.size);
}

static void begin(struct zm *z, uint32_t pos)
{
	z->r.pos = pos;
	put_rpos(z);
	zm_go(z, ZM_ST_R_DATA, z->conf.timeout_ms);
}

static void accepted(struct zm *z)
{
	z->r.open = true;
	z->stats.received++;
}

int zm_accept(struct zm *z, uint64_t off)
{
	if (!may_accept(z, off))
		return -1;
	accepted(z);
	begin(z, (uint32_t)off);
	return 0;
}

int zm_accept_same(struct zm *z, uint64_t off, uint32_t crc)
{
	if (!may_accept(z, off))
		return -1;
	if (off == 0)
		return zm_accept(z, 0);
	accepted(z);
	z->r.part = (uint32_t)off;
	z->r.part_crc = crc;
	zm_put_hex_pos(z, ZCRC, z->r.part);
	zm_go(z, ZM_ST_R_CRC, z->conf.timeout_ms);
	return 0;
}

int zm_skip(struct zm *z)
{
	if (z->st != ZM_ST_R_OFFER)
		return -1;
	z->stats.refused++;
	zm_put_hex_pos(z, ZSKIP, 0);
	zm_go(z, ZM_ST_R_INIT, z->conf.timeout_ms);
	return 0;
}

/* The answer to ZEOF: ZRINIT says stored. */
static void put_end_answer(struct zm *z)
{
	if (z->r.last_ok)
		put_rinit(z);
	else
		zm_put_hex_pos(z, ZSKIP, 0);
	zm_timer(z, z->conf.timeout_ms);
}

int zm_stored(struct zm *z, bool ok)
{
	if (z->st != ZM_ST_R_STORE)
		return -1;
	z->r.open = false;
	z->r.last_ok = ok;
	if (ok) {
		z->stats.stored++;
		z->r.count++;
	} else {
		z->stats.not_stored++;
	}
	put_end_answer(z);
	zm_go(z, ZM_ST_R_INIT, z->conf.timeout_ms);
	return 0;
}

/* --- what comes while we receive --- */

/* The sender's ZFIN: its batch is over.  Then ours, if there is one: a
 * dialsync sender is told in our ZFIN and turns round at once. */
static void got_fin(struct zm *z)
{
	bool more = !z->s.no_more && !z->second;

	zm_tell_peer(z, z->dialsync ? "" : NULL);
	zm_peers_batch_ended(z);
	zm_progress(z);
	zm_put_fin(z, more && z->dialsync);
	if (!more) {
		z->mine_ended = true;
		/* A dialsync sender that did not hear us asks again, twice; a
		 * plain one often loses its "OO" and is gone. */
		zm_go(z, ZM_ST_R_FIN, z->conf.timeout_ms *
		    (z->dialsync ? 5 : 2) / 2);
		return;
	}
	z->second = true;
	if (z->dialsync) {
		zm_go(z, ZM_ST_S_INIT, ZM_KEEP_MS);
		return;
	}
	z->swap_until = z->now + z->conf.swap_ms;
	zm_go(z, ZM_ST_OPEN, z->conf.open_ms);
}

static void got_eof(struct zm *z, uint32_t pos)
{
	struct zm_event *ev;

	/* Another offset: an old one, from before the last ZRPOS. */
	if (pos != z->r.pos)
		return;
	zm_progress(z);
	ev = zm_push(z, ZM_EV_FILE_END);
	ev->size = pos;
	zm_go(z, ZM_ST_R_STORE, ZM_KEEP_MS);
}

static void got_data_header(struct zm *z, uint32_t pos)
{
	if (pos == z->r.pos) {
		z->r.in_frame = true;
		z->r.frame = ZDATA;
		zm_timer(z, z->conf.timeout_ms);
		return;
	}
	/* Elsewhere.  Right after a ZRPOS it is from before; else say so. */
	z->r.in_frame = false;
	frame_hunt(&z->parser);
	if (z->now - z->r.rpos_at >= RPOS_GAP_MS && zm_repeat(z))
		put_rpos(z);
}

static void header_in_file(struct zm *z, const struct frame_header *h)
{
	switch (h->type) {
	case ZDATA:
		got_data_header(z, frame_pos(h));
		break;
	case ZEOF:
		got_eof(z, frame_pos(h));
		break;
	case ZFILE:
		z->r.frame = ZFILE;
		break;
	case ZRQINIT:
		cut(z);
		put_rinit(z);
		zm_go(z, ZM_ST_R_INIT, z->conf.timeout_ms);
		break;
	case ZSKIP:
		cut(z);
		put_rinit(z);
		zm_go(z, ZM_ST_R_INIT, z->conf.timeout_ms);
		break;
	case ZNAK:
		if (zm_repeat(z))
			put_rpos(z);
		break;
	case ZFIN:
		zm_fail(z, ERR_PEER, "the sender ended the batch in the "
		    "middle of a file");
		break;
	default:
		break;
	}
}

static void header_between(struct zm *z, const struct frame_header *h)
{
	switch (h->type) {
	case ZRQINIT:
		if (zm_flags_theirs(z, h))
			z->dialsync = true;
		put_rinit(z);
		zm_timer(z, z->conf.timeout_ms);
		break;
	case ZSINIT:
	case ZFILE:
		z->r.frame = h->type;
		break;
	case ZEOF:
		put_end_answer(z);
		break;
	case ZFIN:
		got_fin(z);
		break;
	case ZNAK:
		put_rinit(z);
		zm_timer(z, z->conf.timeout_ms);
		break;
	case ZRINIT:
		/* our own: a caller that took its echo for another caller */
		if (z->dialsync && !z->second &&
		    h->p[2] == rinit_mark(z))
			zm_echo(z);
		break;
	default:
		break;
	}
}

static void got_crc(struct zm *z, uint32_t crc)
{
	zm_progress(z);
	begin(z, crc == z->r.part_crc ? z->r.part : 0);
}

void zm_recv_header(struct zm *z, const struct frame_header *h)
{
	switch (z->st) {
	case ZM_ST_R_INIT:
		header_between(z, h);
		break;
	case ZM_ST_R_CRC:
		if (h->type == ZCRC)
			got_crc(z, frame_pos(h));
		else if (h->type == ZFILE)
			z->r.frame = ZFILE;
		break;
	case ZM_ST_R_DATA:
		header_in_file(z, h);
		break;
	case ZM_ST_R_FIN:
		if (h->type == ZFIN)
			zm_put_fin(z, false);
		break;
	default: /* our process is busy: the sender will repeat */
		break;
	}
}

static void file_data(struct zm *z)
{
	struct zm_recv *r = &z->r;
	uint64_t most = r->size == ZM_NO_SIZE ? z->conf.max_file : r->size;
	size_t n = z->parser.n;
	struct zm_event *ev;

	if (r->pos + (uint64_t)n > most) {
		zm_fail(z, ERR_PEER, "a file is longer than the %llu bytes "
		    "%s", (unsigned long long)most,
		    r->size == ZM_NO_SIZE ? "allowed" : "announced");
		return;
	}
	if (n > 0) {
		ev = zm_push(z, ZM_EV_GOT_DATA);
		ev->off = r->pos;
		ev->p = z->parser.data;
		ev->n = n;
		r->pos += (uint32_t)n;
		z->stats.data_in += n;
		zm_progress(z);
	}
	if (z->parser.end == ZCRCQ || z->parser.end == ZCRCW)
		zm_put_hex_pos(z, ZACK, r->pos);
	if (z->parser.end == ZCRCE || z->parser.end == ZCRCW)
		r->in_frame = false;
	zm_timer(z, z->conf.timeout_ms);
}

/* A subpacket whose CRC is right; the header before it says what it is. */
void zm_recv_data(struct zm *z)
{
	enum frame_type t = z->r.frame;

	if (t == ZDATA && z->st == ZM_ST_R_DATA && z->r.in_frame) {
		file_data(z);
		return;
	}
	z->r.frame = ZTYPES;
	if (t == ZSINIT && z->st == ZM_ST_R_INIT)
		got_sinit(z);
	else if (t == ZFILE && (z->st == ZM_ST_R_INIT ||
	    z->st == ZM_ST_R_DATA || z->st == ZM_ST_R_CRC))
		got_file(z);
}

/* A damaged frame.  In a file the first one is answered at once; what then
 * comes until the sender has turned round only looks like damage. */
void zm_recv_bad(struct zm *z, bool in_data)
{
	bool first = z->st == ZM_ST_R_DATA && z->r.in_frame;

	if (z->st == ZM_ST_R_DATA) {
		if ((first || z->now - z->r.rpos_at >= RPOS_GAP_MS) &&
		    zm_repeat(z))
			put_rpos(z);
	} else if (z->st == ZM_ST_R_INIT) {
		/* "Again, please": the header, or what belonged to it. */
		if ((!in_data || z->r.frame != ZTYPES) && zm_repeat(z))
			zm_put_hex_pos(z, ZNAK, 0);
	}
	z->r.frame = ZTYPES;
}

void zm_recv_timeout(struct zm *z)
{
	/* Whatever was begun does not go on. */
	frame_hunt(&z->parser);
	z->r.frame = ZTYPES;
	z->stats.errors++;
	switch (z->st) {
	case ZM_ST_R_INIT:
		put_rinit(z);
		zm_timer(z, z->conf.timeout_ms);
		break;
	case ZM_ST_R_CRC:
		if (zm_repeat(z))
			zm_put_hex_pos(z, ZCRC, z->r.part);
		zm_timer(z, z->conf.timeout_ms);
		break;
	default:
		if (zm_repeat(z))
			put_rpos(z);
	}
}
