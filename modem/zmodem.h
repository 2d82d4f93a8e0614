/* Classic ZMODEM (Chuck Forsberg, 1988) as a machine without input/output:
 * bytes and milliseconds go in, bytes and events come out.  It opens, reads,
 * sleeps, logs and exits nothing.  doc/ZMODEM.md has the states, what is
 * sent, what is accepted, and the rules between two dialsync sites.
 *
 * The loop around it:
 *   poll until zm_deadline()            (line readable; writable if zm_out)
 *   zm_feed() what came, or zm_tick()
 *   while (zm_event(z, &ev)) answer it  (always all of them)
 *   write what zm_out() has, zm_sent() what was taken, events again
 * Until ZM_EV_DONE (all is out: hang up) or ZM_EV_FAILED.
 *
 * Events ask, calls answer.  An answer may come at any later time; meanwhile
 * the machine keeps the line alive.  An answer that was not asked for is
 * ignored and returns -1.  Nothing here blocks; memory is taken by zm_new()
 * only (about 200 KB). */
#ifndef MODEM_ZMODEM_H
#define MODEM_ZMODEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ZM_NAME_MAX 255   /* of a file */
#define ZM_SITE_MAX 32    /* TEXT_NAME_MAX */
#define ZM_FEED_MAX 16384 /* that much zm_feed() always takes at once */
#define ZM_BLOCK_MAX 8192 /* largest data subpacket */
#define ZM_NO_SIZE UINT64_MAX

enum zm_side {
	ZM_CALLER,   /* sends first, then receives (a plain peer may differ) */
	ZM_ANSWERER, /* receives first, then sends */
	ZM_SENDER,   /* one batch as plain sz does, then done */
	ZM_RECEIVER  /* one batch as plain rz does, then done */
};

struct zm_conf {
	char site[ZM_SITE_MAX + 1]; /* our name; "": do not say */
	char peer[ZM_SITE_MAX + 1]; /* whom we mean to reach; "": anyone */
	uint32_t block;       /* largest subpacket we send, 128 to 8192 */
	uint32_t window;      /* most bytes unacknowledged; 0: no limit */
	uint32_t timeout_ms;  /* repeat after so long without an answer */
	uint32_t silence_ms;  /* give up after so long without anything */
	uint32_t open_ms;     /* silence before "rz\r" for a plain peer */
	uint32_t swap_ms;     /* left to a plain peer for a batch back */
	uint64_t max_file;    /* larger files are skipped (at most 4 GB - 1) */
	bool crc16;           /* never CRC-32 */
	bool escape_controls; /* ask it to escape all controls; we do too */
	bool any_name;        /* offer every name, not only zm_name_ok() ones */
	bool resume;          /* sender: ask a plain rz to resume its part */
};

/* The defaults: block 1024, window 32768, 10 s, 60 s, 3 s, 10 s, 1 GB. */
void zm_conf_init(struct zm_conf *c);

enum zm_event_type {
	/* Who is there; once, before the first file either way.  name: the
	 * dialsync site (it may be wrong: ZMODEM proves nothing; with
	 * conf.peer set it is the same); "": a dialsync site that did not
	 * say; NULL: a plain rz or sz.  No answer; zm_abort() refuses. */
	ZM_EV_PEER,
	/* Our side: answer zm_offer() or zm_no_more(), now or later.  Comes
	 * at the start (also to the answerer, whose offer then waits for its
	 * turn) and after each ZM_EV_FILE_SENT. */
	ZM_EV_WANT_FILE,
	/* Answer zm_data() with 1 to n bytes of file `number` from off on.
	 * Asked one at a time, also twice for the same place. */
	ZM_EV_WANT_DATA,
	/* File `number` is through: acknowledged (the peer answered the end
	 * of the file; a dialsync peer has stored it), or it was skipped. */
	ZM_EV_FILE_SENT,
	/* name, size (or ZM_NO_SIZE), mtime: answer zm_accept() or zm_skip().
	 * The name is only bytes from the peer; never use it as a path
	 * unless zm_name_ok() or a check of your own says so. */
	ZM_EV_FILE_OFFERED,
	/* The peer offered what was skipped here: bad name or size (name). */
	ZM_EV_FILE_REFUSED,
	/* Checked bytes p[0..n-1] at off.  In order, without gaps; only the
	 * first after zm_accept() may be at 0 instead of the accepted offset
	 * (the prefix was not the same): then truncate. */
	ZM_EV_GOT_DATA,
	/* The file is whole at size bytes: sync, rename, then zm_stored().
	 * Only then the peer is told. */
	ZM_EV_FILE_END,
	/* The sender began anew: close the part and keep it. */
	ZM_EV_FILE_CUT,
	/* zm_safe() has become true: say "You can hang up now." */
	ZM_EV_SAFE,
	/* The session is over and all bytes are out: hang up.  Not always
	 * safe: zm_safe(), zm_stats() tell. */
	ZM_EV_DONE,
	/* err says why: ERR_AGAIN (silence, cancelled by the peer), ERR_PEER,
	 * ERR_REFUSED (not the site that was meant), ERR_SYSTEM (a file
	 * cannot be read), ERR_CALLER.  Write what
	 * zm_out() still has (the cancel sequence), then hang up. */
	ZM_EV_FAILED
};

struct zm_event {
	enum zm_event_type type;
	const char *name;     /* PEER, FILE_OFFERED, FILE_REFUSED: borrowed */
	uint32_t number;      /* WANT_DATA, FILE_SENT: as in zm_offer() */
	bool acknowledged;    /* FILE_SENT; false: skipped */
	uint64_t off;         /* WANT_DATA, GOT_DATA */
	const uint8_t *p;     /* GOT_DATA: borrowed until the next zm_event() */
	size_t n;             /* GOT_DATA: bytes; WANT_DATA: most bytes */
	uint64_t size;        /* FILE_OFFERED (as said), FILE_END (as came) */
	int64_t mtime;        /* FILE_OFFERED; 0: not said */
	const struct err *err; /* FAILED: borrowed until zm_free() */
};

struct zm_stats {
	uint64_t bytes_out, bytes_in;   /* on the wire */
	uint64_t data_out, data_in;     /* file bytes; data_out with repeats */
	uint64_t resent;                /* file bytes that were sent again */
	uint64_t data_acked;            /* of the current file: offset the peer
	                                 * has confirmed (ZACK, ZRPOS) */
	uint32_t errors;                /* bad frames, repeats, timeouts */
	uint32_t sent, acknowledged, sent_skipped;      /* files */
	uint32_t received, stored, not_stored, refused; /* files */
};

struct zm; /* opaque */

/* NULL: no memory.  now_ms: any clock that never goes back. */
struct zm *zm_new(const struct zm_conf *c, enum zm_side side, uint64_t now_ms);
void zm_free(struct zm *z);

/* Bytes from the line.  Takes all of n <= ZM_FEED_MAX if the events were
 * drained since the last call; returns how many it took. */
size_t zm_feed(struct zm *z, const void *p, size_t n, uint64_t now_ms);
void zm_tick(struct zm *z, uint64_t now_ms);
/* When to zm_tick() next, if nothing comes; UINT64_MAX: never. */
uint64_t zm_deadline(const struct zm *z);

/* Bytes for the line, borrowed until the next call; 0: none.  Data is only
 * asked for while less than one subpacket waits here, so taking it slowly
 * paces the sender. */
size_t zm_out(const struct zm *z, const uint8_t **p);
void zm_sent(struct zm *z, size_t n, uint64_t now_ms);

/* The next event, or false. */
bool zm_event(struct zm *z, struct zm_event *ev);

/* Answers: 0, or -1 when not asked for or not possible (name empty or too
 * long or with a '/', size of 4 GB or more, data elsewhere or too much). */
int zm_offer(struct zm *z, const char *name, uint64_t size, int64_t mtime,
    uint32_t number);
/* Our batch is over.  Also allowed before ZM_EV_WANT_FILE. */
int zm_no_more(struct zm *z);
/* n bytes at off; the size given in zm_offer() tells the end.  n == 0 (it
 * cannot be read, or became shorter): the session fails. */
int zm_data(struct zm *z, uint64_t off, const uint8_t *p, size_t n);
/* Go on at off (<= size; == size: we have it all, ZM_EV_FILE_END follows). */
int zm_accept(struct zm *z, uint64_t off);
/* As zm_accept(), but first the sender is asked whether the CRC-32 (zlib's)
 * of its first off bytes is crc; else the file starts at 0. */
int zm_accept_same(struct zm *z, uint64_t off, uint32_t crc);
int zm_skip(struct zm *z);
/* In answer to ZM_EV_FILE_END; false: the peer is told "skipped". */
int zm_stored(struct zm *z, bool ok);

/* Cancel: 8 CAN go out and ZM_EV_FAILED follows with this kind and text. */
void zm_abort(struct zm *z, enum err_kind kind, const char *why);

/* "You can hang up now": both batches have ended, everything received was
 * answered zm_stored(true), everything sent was acknowledged.  Derived from
 * these facts each time; stays true if the line then breaks. */
bool zm_safe(const struct zm *z);
/* The other end is a dialsync site (known after ZM_EV_PEER). */
bool zm_is_dialsync(const struct zm *z);
void zm_stats(const struct zm *z, struct zm_stats *s);
/* For messages: "sending", "waiting for the peer", ... never NULL. */
const char *zm_state(const struct zm *z);

/* One path component NNNNNNNN.xml.gz: 8 digits, or up to 16 without a zero in
 * front.  The number's range is the process's business. */
bool zm_name_ok(const char *name);

#endif
