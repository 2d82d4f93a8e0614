/* Fuzzing the ZMODEM core: the input is a script of what the line and the
 * process do.  Also linked into t_zmodem, which feeds it random scripts.
 *   clang -fsanitize=fuzzer,address,undefined ... fz_zmodem.c modem/...
 * Raw bytes alone would rarely get past a CRC-32, so a step can also be a
 * well-made header or subpacket with hostile contents. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/frame.h"
#include "modem/zmodem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct zm *z;
	const uint8_t *p;
	size_t n;
	uint64_t now;
	bool open, ended, refuse;
	uint64_t at;       /* next byte of the file that comes in */
	uint32_t files;
	uint64_t file_size;
};

#define MUST(c) do { if (!(c)) { \
	fprintf(stderr, "fz_zmodem: %s does not hold\n", #c); abort(); \
} } while (0)

static uint8_t byte(struct fuzz *f)
{
	if (f->n == 0)
		return 0;
	f->n--;
	return *f->p++;
}

static void want_file(struct fuzz *f)
{
	if (f->files >= 3) {
		zm_no_more(f->z);
		return;
	}
	f->file_size = f->files * 3000u;
	MUST(zm_offer(f->z, "00000001.xml.gz", f->file_size, 1,
	    f->files++) == 0);
}

static void want_data(struct fuzz *f, const struct zm_event *ev)
{
	static const uint8_t zero[ZM_BLOCK_MAX];

	MUST(ev->n > 0 && ev->n <= ZM_BLOCK_MAX);
	MUST(ev->off + ev->n <= f->file_size);
	zm_data(f->z, ev->off, zero, ev->n);
}

static void offered(struct fuzz *f, const struct zm_event *ev)
{
	uint8_t how = byte(f);

	MUST(!f->open && zm_name_ok(ev->name));
	f->open = true;
	f->at = how % 3 == 1 && ev->size != ZM_NO_SIZE ? ev->size / 2 : 0;
	if (how % 5 == 4) {
		f->open = false;
		MUST(zm_skip(f->z) == 0);
	} else if (how % 5 == 3) {
		MUST(zm_accept_same(f->z, f->at, 0) == 0);
	} else {
		MUST(zm_accept(f->z, f->at) == 0);
	}
}

static void handle(struct fuzz *f, const struct zm_event *ev)
{
	MUST(!f->ended);
	switch (ev->type) {
	case ZM_EV_WANT_FILE:
		want_file(f);
		break;
	case ZM_EV_WANT_DATA:
		want_data(f, ev);
		break;
	case ZM_EV_FILE_OFFERED:
		offered(f, ev);
		break;
	case ZM_EV_GOT_DATA:
		if (ev->off == 0)
			f->at = 0;
		MUST(f->open && ev->off == f->at && ev->n > 0);
		f->at += ev->n;
		break;
	case ZM_EV_FILE_END:
		MUST(f->open && (ev->size == f->at || ev->size == 0));
		f->open = false;
		MUST(!zm_safe(f->z));
		zm_stored(f->z, byte(f) % 4 != 3);
		break;
	case ZM_EV_FILE_CUT:
		MUST(f->open);
		f->open = false;
		break;
	case ZM_EV_SAFE:
		MUST(zm_safe(f->z) && !f->open);
		break;
	case ZM_EV_DONE:
	case ZM_EV_FAILED:
		f->ended = true;
		break;
	case ZM_EV_PEER:
	case ZM_EV_FILE_SENT:
	case ZM_EV_FILE_REFUSED:
		break;
	}
}

/* Take events, and what goes out: all, or little (a slow line). */
static void drain(struct fuzz *f, bool slow)
{
	for (int i = 0; i < 100; i++) {
		struct zm_event ev;
		const uint8_t *p;
		size_t n;

		while (zm_event(f->z, &ev))
			handle(f, &ev);
		n = zm_out(f->z, &p);
		if (slow && n > 10)
			n = i == 99 ? 0 : 10;
		zm_sent(f->z, n, f->now);
		if (n == 0)
			break;
		if (slow)
			i = 98; /* once more, for the events */
	}
}

/* A well-made frame: any type, any position, any text. */
static size_t make_frame(struct fuzz *f, uint8_t *buf, size_t cap)
{
	struct frame_out o = {buf, 0, cap, 0, false};
	uint8_t type = byte(f), what = byte(f), p[4], text[64];
	size_t n = byte(f) % sizeof text;

	for (int i = 0; i < 4; i++)
		p[i] = what & (1 << i) ? byte(f) : 0;
	if (what & 64)
		frame_set_pos(p, (uint32_t)f->at);
	frame_put_header(&o, (enum frame_coding)(type >> 5) % 3,
	    (enum frame_type)(type % ZTYPES), p);
	for (size_t i = 0; i < n; i++)
		text[i] = byte(f);
	if (what & 16) {
		static const char name[] = "00000001.xml.gz";

		n = (size_t)snprintf((char *)text, sizeof text, "%s%c%u 1",
		    name, 0, what & 128 ? 100u : 4000000000u);
	}
	if (what & 32)
		frame_put_data(&o, (type >> 5) % 3 == FRAME_BIN32, text, n,
		    (enum frame_end)(ZCRCE + p[0] % 4));
	return o.n;
}

static void step(struct fuzz *f)
{
	uint8_t op = byte(f), buf[512];
	size_t n = 0;

	switch (op % 4) {
	case 0:
		for (n = 0; n < op / 4u && f->n > 0; n++)
			buf[n] = byte(f);
		break;
	case 1:
	case 2:
		n = make_frame(f, buf, sizeof buf);
		break;
	case 3:
		f->now += op * 50u;
		break;
	}
	MUST(zm_feed(f->z, buf, n, f->now) == n);
	drain(f, op & 128);
	if (zm_deadline(f->z) <= f->now)
		zm_tick(f->z, f->now);
	drain(f, op & 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.p = data, .n = size, .now = 1000};
	struct zm_conf c;
	uint8_t how = byte(&f);

	zm_conf_init(&c);
	snprintf(c.site, sizeof c.site, "%s", how & 4 ? "ann" : "");
	snprintf(c.peer, sizeof c.peer, "%s", how & 8 ? "hub" : "");
	c.window = how & 16 ? 2048 : 0;
	c.crc16 = how & 32;
	c.escape_controls = how & 64;
	f.z = zm_new(&c, (enum zm_side)(how & 3), f.now);
	MUST(f.z != NULL);
	drain(&f, false);
	while (f.n > 0 && !f.ended)
		step(&f);
	/* Left alone it ends, within its own time limits. */
	for (int i = 0; i < 500 && !f.ended; i++) {
		uint64_t at = zm_deadline(f.z);

		MUST(at != UINT64_MAX);
		f.now = at > f.now ? at : f.now + 1;
		zm_tick(f.z, f.now);
		drain(&f, false);
	}
	MUST(f.ended);
	zm_free(f.z);
	return 0;
}
