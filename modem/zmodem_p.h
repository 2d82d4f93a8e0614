/* Inside of zmodem*.c only: the machine's state and its internal calls.
 * zmodem.c holds the session (who sends when, timers, events, the end),
 * zmodem_send.c a batch that goes out, zmodem_recv.c one that comes in. */
#ifndef MODEM_ZMODEM_P_H
#define MODEM_ZMODEM_P_H

#include "modem/frame.h"
#include "modem/zmodem.h"

/* The first frame's bytes by which dialsync sites know each other; real rz
 * and sz look at none of them (doc/ZMODEM.md, "Two dialsync sites"). */
#define ZM_MAGIC0 'd'    /* ZRQINIT, ZFIN: ZP0, ZP1, ZP2 = version */
#define ZM_MAGIC1 's'
#define ZM_VERSION 1
#define ZM_BIT_CALLER 1  /* ZRQINIT, ZFIN: ZP3 */
#define ZM_BIT_ANSWERER 2
#define ZM_BIT_MORE 4    /* ZFIN: my batch follows */
#define ZM_BIT_REFUSED 8 /* ZFERR, before the cancel: not with this site */
#define ZM_INIT_MARK 0x50 /* ZRINIT: high half of ZF1 */
#define ZM_INIT_CALLER 0x04
#define ZM_INIT_ANSWERER 0x08
#define ZM_INIT_COUNT 0x03 /* files stored in this batch, modulo 4 */

/* ZRINIT's ZF0, ZFILE's ZF0, ZSINIT's ZF0 (Forsberg, chapter 11) */
#define ZM_CANFDX 0x01
#define ZM_CANOVIO 0x02
#define ZM_CANFC32 0x20
#define ZM_ESCCTL 0x40
#define ZM_ESC8 0x80
#define ZM_TESCCTL 0x40
#define ZM_CBIN 1
#define ZM_CRESUM 3

#define ZM_KEEP_MS 5000   /* sign of life while our process is busy */
#define ZM_STALE_MS 3000  /* a younger repeated ZRINIT is an old one */
/* The window starts small and follows the delay of the answers, which is
 * mostly what waits in modems and drivers ahead of the wire. */
#define ZM_WINDOW_START 4096
#define ZM_QUICK_MS 2000
#define ZM_SLOW_MS 5000
#define ZM_STUCK_MAX 30   /* repeats without any progress */
/* No login banner is so long: whatever sends it never comes to a frame. */
#define ZM_JUNK_MAX (64 * 1024)
#define ZM_QUEUE 8
#define ZM_OUT_ROOM (48 * 1024)

enum zm_st {
	ZM_ST_OPEN,    /* the first frame decides who sends */
	ZM_ST_BACK,    /* plain peer: ours is sent, one may come back */
	ZM_ST_S_INIT,  /* ZRQINIT sent: ZRINIT */
	ZM_ST_S_NAME,  /* ZSINIT sent: ZACK */
	ZM_ST_S_NEXT,  /* the process: next file? */
	ZM_ST_S_FILE,  /* ZFILE sent: ZRPOS, ZSKIP, ZCRC */
	ZM_ST_S_CRC,   /* the process: bytes for ZCRC */
	ZM_ST_S_DATA,  /* sending */
	ZM_ST_S_EOF,   /* ZEOF sent: ZRINIT */
	ZM_ST_S_FIN,   /* ZFIN sent: ZFIN */
	ZM_ST_R_INIT,  /* ZRINIT sent: ZFILE, ZSINIT, ZFIN */
	ZM_ST_R_OFFER, /* the process: take this file? */
	ZM_ST_R_CRC,   /* ZCRC sent: ZCRC */
	ZM_ST_R_DATA,  /* ZRPOS sent: ZDATA, ZEOF */
	ZM_ST_R_STORE, /* the process: is it stored? */
	ZM_ST_R_FIN,   /* ZFIN sent: "OO" */
	ZM_ST_DONE,
	ZM_ST_FAILED
};

struct zm_send {
	bool have;         /* an offer waits, or is being sent */
	bool no_more;
	bool file_asked, data_asked;
	char name[ZM_NAME_MAX + 1];
	uint32_t size, number;
	int64_t mtime;
	bool crc32, duplex, overlap; /* what the receiver can */
	uint32_t buffer;   /* its buffer, 0: streams */
	uint32_t pos;      /* next byte to send */
	uint32_t high;     /* sent so far at most */
	uint32_t acked;    /* the peer has all before */
	uint32_t last_w;   /* where the last ZCRCW was */
	uint32_t last_q;   /* where the last ZACK was asked for */
	uint32_t window;   /* most unacknowledged now; 0: no limit */
	uint32_t timed_q;  /* this ZACK's delay is measured ... */
	uint64_t timed_at; /* ... from here; 0: none */
	uint32_t block;    /* subpacket size now */
	uint32_t good;     /* acknowledged since block last changed */
	bool frame_open;   /* ZDATA is out, subpackets may follow */
	bool need_w;       /* next subpacket: ZCRCW */
	bool waiting;      /* for the ZACK to it */
	bool repeated;     /* ZEOF went out more than once */
	uint64_t file_at;  /* when ZFILE or ZFIN went out */
	uint32_t want;     /* offset asked of the process */
	uint32_t crc_n, crc_pos, crc;
};

struct zm_recv {
	enum frame_type frame; /* whose data comes now; ZTYPES: nobody's */
	char name[ZM_NAME_MAX + 1];
	uint64_t size;     /* ZM_NO_SIZE: not said */
	int64_t mtime;
	uint32_t pos;      /* next byte wanted */
	uint32_t part, part_crc; /* of zm_accept_same() */
	bool in_frame;     /* a ZDATA at pos is open */
	bool open;         /* a file is accepted and not ended */
	bool last_ok;      /* answer to a repeated ZEOF */
	uint8_t count;     /* stored in this batch */
	uint64_t rpos_at;  /* when ZRPOS went out */
};

struct zm {
	struct zm_conf conf;
	enum zm_side side;
	enum zm_st st;
	uint64_t now;
	uint64_t timer_at, swap_until;
	uint32_t timer_ms;     /* its length, to start it again */
	uint32_t silent_ms;    /* sum of timers that ran out unheard */
	uint32_t stuck;        /* repeats since the last progress */
	bool dialsync;         /* so is the peer */
	bool peer_told;
	bool heard;            /* a header has come */
	bool turned_away;      /* the peer has refused us: not said back */
	bool second;           /* the second batch has begun */
	bool mine_ended, peers_ended; /* batches */
	bool safe_told, end_told;
	struct err err;
	struct zm_send s;
	struct zm_recv r;
	struct zm_stats stats;
	struct zm_event queue[ZM_QUEUE];
	unsigned q_first, q_n;
	char peer[ZM_SITE_MAX + 1];
	char refused[ZM_NAME_MAX + 1];
	struct frame_parser parser;
	struct frame_out out;
	size_t out_sent;       /* of out.p[0 .. out.n-1] */
	size_t in_at, in_n;
	uint8_t in[ZM_FEED_MAX];
	uint8_t out_room[ZM_OUT_ROOM];
};

/* --- zmodem.c --- */
void zm_go(struct zm *z, enum zm_st st, uint32_t timer_ms);
void zm_timer(struct zm *z, uint32_t ms);
void zm_progress(struct zm *z);
struct zm_event *zm_push(struct zm *z, enum zm_event_type t);
void zm_fail(struct zm *z, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Another repeat without progress: fails when there were too many. */
bool zm_repeat(struct zm *z);
void zm_put_hex(struct zm *z, enum frame_type t, const uint8_t p[4]);
void zm_put_hex_pos(struct zm *z, enum frame_type t, uint32_t pos);
void zm_put_rqinit(struct zm *z, bool rz);
void zm_put_fin(struct zm *z, bool more);
/* What came is what we sent: fails. */
void zm_echo(struct zm *z);
void zm_tell_peer(struct zm *z, const char *name);
bool zm_flags_theirs(struct zm *z, const struct frame_header *h);
void zm_my_batch_ended(struct zm *z, bool more);
void zm_peers_batch_ended(struct zm *z);

/* --- zmodem_send.c --- */
void zm_send_start(struct zm *z, const struct frame_header *rinit);
void zm_send_next(struct zm *z);
void zm_send_header(struct zm *z, const struct frame_header *h);
void zm_send_timeout(struct zm *z);
bool zm_send_wants_data(const struct zm *z, uint32_t *n);

/* --- zmodem_recv.c --- */
void zm_recv_start(struct zm *z);
void zm_recv_header(struct zm *z, const struct frame_header *h);
void zm_recv_data(struct zm *z);
void zm_recv_bad(struct zm *z, bool in_data);
void zm_recv_timeout(struct zm *z);

#endif
