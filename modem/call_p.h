/* One call, inside the dialer: shared by the call*.c files only.
 *
 *	call_loop.c      the one poll loop
 *	call_send.c      what is in the outbox, in order
 *	call_recv.c      what comes, into the inbox
 *	call_disk.c      durable steps, off the loop
 *	call_exchange.c  the exchange   } modem/session.h
 *	call_zm.c        ZMODEM         }
 *	call_pack.c      the packer as a process of its own
 *	call_hook.c      what a hook is told
 *	call_report.c    status file, progress line, call log
 *	call_run.c       one call on an open port, from first byte to result
 *	call_modem.c     before and after it, where there is a modem
 *	call_login.c     login scripts
 */
#ifndef MODEM_CALL_P_H
#define MODEM_CALL_P_H

#include <sys/types.h>

#include "modem/call.h"
#include "modem/call_disk.h"
#include "modem/call_line.h"
#include "modem/due.h"
#include "modem/port.h"
#include "modem/session.h"
#include "spool/call_log.h"
#include "spool/spool_inbox.h"
#include "spool/spool_part.h"

#define CALL_FIRST_MAX 512  /* bytes each way that tell who is there */
#define CALL_REFUSE_MS 1000 /* the first refusal on a line waits so long */

/* How far ahead of the wire we are; see call_loop.c. */
struct call_pace {
	double rate;  /* bytes a second; 0: not known, no limit */
	double ahead; /* bytes written that the wire cannot have taken yet */
	uint64_t last_ms;
};

struct call_send {
	struct spool_list list; /* a part of the outbox */
	size_t at;              /* next entry of list */
	uint64_t last;          /* the highest number that was handed out */
	uint64_t look_ms;       /* not before then the outbox is read again */
	uint64_t number;        /* open in fd; 0: none */
	int fd;                 /* -1 */
	bool ready;             /* the outbox may be looked at */
	int64_t seen, seen_bytes; /* handed out */
	int64_t bundles_done, bytes_done, bytes_total, bundles_total;
};

struct call_recv {
	struct spool_known *known; /* owned; NULL before the peer is known */
	struct spool_part *part;   /* owned; NULL: none open */
	struct spool_source source;
	uint64_t number;             /* being received; 0: none */
	uint64_t sync_ms;            /* when the partial is to be synced next */
	bool syncing;                /* the disk is at it */
	uint64_t kept;               /* number of the partial that stays ... */
	uint64_t kept_at, kept_size; /* ... and how much of it */
	int64_t bundles_done, bytes_done, bytes_total;
};

struct call_pack {
	pid_t pid;            /* 0: not running */
	uint64_t deadline_ms; /* after this the call no longer waits */
};

struct call_report {
	struct status_file *status; /* borrowed from the line; may be NULL */
	struct call_record record;
	uint64_t start_ms; /* connected */
	uint64_t sample_ms, sample_in, sample_out;
	double rate_in, rate_out; /* bytes a second, smoothed */
	uint64_t next_ms;
};

struct call {
	struct call_site *site;         /* borrowed */
	const struct config_line *line; /* borrowed; stdio: may be a stand-in */
	const struct config_peer *peer; /* borrowed; NULL: not known yet */
	const char *insist;             /* answer --peer; NULL */
	const struct due_call *due;     /* outgoing: what stood before it;
	                                 * borrowed; NULL */
	int64_t limit_s;        /* connected; 0: none */
	bool outgoing, no_pack, by_clock;
	bool met;               /* we know who is there, and accept it */
	bool refused;           /* answerer: the last hello was; the caller may
	                         * hang up, or try another key */
	bool over;              /* nothing more to do on this line */
	bool safe;              /* when it ended */
	uint64_t *refuse_ms;    /* answerer: how long its line's next refusal
	                         * waits; borrowed; NULL */
	uint64_t hold_ms;       /* nothing is written until then; 0 */
	uint64_t give_up_ms;    /* failed: time left for last bytes */
	const char *result;     /* fixed early: "max-call"; or NULL */
	struct port *port;      /* borrowed */
	struct call_modem *modem; /* connected by it; borrowed; NULL */
	uint64_t began_ms;      /* the exchange did */
	const struct session_ops *ops; /* NULL before it starts */
	void *session;          /* owned by ops */
	struct call_disk *disk; /* owned; NULL before the peer is known */
	struct spool_lock lock; /* SPOOL_LOCK_CALL */
	struct err err;         /* why it failed; ERR_NONE */
	struct err why;         /* why we end it early; ERR_NONE */
	char first[CALL_FIRST_MAX]; /* the first bytes that came ... */
	char said[CALL_FIRST_MAX];  /* ... and that went out */
	size_t first_n, said_n;
	struct call_pace pace;
	struct call_send send;
	struct call_recv recv;
	struct call_pack pack;
	struct call_report report;
};

/* call_run.c */
void call_init(struct call *c, struct call_site *s);
void call_use_line(struct call *c, const struct call_line *l);
/* The peer is known: take its lock, look at its spool, start its packer. */
int call_take_peer(struct call *c, const struct config_peer *p, struct err *e);
/* It is there: from now on the disk may change.  how: for the log, or NULL. */
void call_meet(struct call *c, const char *how);
/* What the first bytes each way tell of the far end. */
struct who_is_there;
void call_who(const struct call *c, struct who_is_there *w);
/* Exchange on an open port until it is over. */
void call_exchange(struct call *c, struct port *port);
/* The disk's results, to the receiver and the protocol. */
void call_results(struct call *c);
/* End the call before its time; what is being stored is stored, and told,
 * before. */
void call_stop(struct call *c, enum session_stop reason, enum err_kind kind,
    const char *why);
/* The same when something here does not work. */
void call_fail(struct call *c, const struct err *e);
/* Say how it ended: message, status, call log; the exit code.  A call that
 * did not begin has its reason in c->err. */
int call_finish(struct call *c);
/* Everything that the call holds. */
void call_free(struct call *c);

void call_loop(struct call *c); /* call_loop.c */

/* call_send.c */
enum call_next {
	CALL_NEXT_BUNDLE, /* entry: offer it */
	CALL_NEXT_LATER,  /* there may be more soon */
	CALL_NEXT_NONE    /* all that is ready was handed out */
};
int call_send_open(struct call *c, struct err *e);
/* The next bundle of the outbox, each once, in order. */
enum call_next call_send_next(struct call *c, struct spool_entry *entry);
/* Up to n bytes of a bundle; 0 or -1: it cannot be read there (a warning was
 * given). */
ssize_t call_send_read(
    struct call *c, uint64_t number, uint64_t offset, void *p, size_t n);
/* The peer has stored it: it may leave the outbox if remove is true. */
void call_send_done(struct call *c, uint64_t number, uint64_t size,
    bool remove);
void call_send_close(struct call *c);

/* call_recv.c: a bundle at a time.  -1: the call cannot go on receiving; e
 * has the reason. */
int call_recv_open(struct call *c, struct err *e);
/* Begin number, or go on at *offset of an earlier call's partial. */
int call_recv_begin(struct call *c, uint64_t number,
    const struct spool_source *source, uint64_t *offset, struct err *e);
/* The same bundle once more, from its first byte. */
int call_recv_anew(struct call *c, struct err *e);
int call_recv_data(struct call *c, uint64_t offset, const uint8_t *p, size_t n,
    struct err *e);
/* All of it is here: to the disk; ops->stored() tells how that went. */
void call_recv_end(struct call *c);
/* No more of it in this call: sync what has come. */
void call_recv_cut(struct call *c);
void call_recv_result(struct call *c, const struct call_disk_result *r);
void call_recv_tick(struct call *c, uint64_t now_ms);
void call_recv_close(struct call *c);

/* call_pack.c */
void call_pack_start(struct call *c);
/* Has it ended, or waited long enough?  Then "no more" may be said. */
bool call_pack_over(struct call *c, uint64_t now_ms);

/* call_hook.c */
void call_hook(struct call *c, enum hook_event event);

/* call_report.c */
/* What the modem said when it was connected; else the device, but for a modem
 * that was not. */
const char *call_connect_text(const struct call *c);
/* f may be NULL: then there is no status. */
void call_note(struct status_file *f, const char *key, const char *value);
void call_state(struct status_file *f, const char *state, const char *message);
/* It is connected: its time runs. */
void call_report_start(struct call *c);
void call_report_tick(struct call *c, uint64_t now_ms, bool force);
void call_report_safe(struct call *c);
void call_report_end(struct call *c, const char *state, const char *result,
    int exit_code, const char *message);
/* 201733 as "201,733". */
#define CALL_NUMBER_TEXT 32
const char *call_number(uint64_t n, char out[CALL_NUMBER_TEXT]);

#endif
