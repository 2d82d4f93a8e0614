/* One call, inside the dialer: shared by the call*.c files only.
 *
 *	call_loop.c    the one poll loop
 *	call_events.c  what the protocol asks -> who is there, send, receive
 *	call_send.c    outbox -> protocol
 *	call_recv.c    protocol -> inbox
 *	call_pack.c    the packer as a process of its own
 *	call_report.c  status file, progress line, call log
 *	call_run.c     one call on an open port, from first byte to result
 */
#ifndef MODEM_CALL_P_H
#define MODEM_CALL_P_H

#include <sys/types.h>

#include "modem/call.h"
#include "modem/call_line.h"
#include "modem/port.h"
#include "modem/zmodem.h"
#include "spool/call_log.h"
#include "spool/spool_inbox.h"
#include "spool/spool_part.h"

/* How far ahead of the wire we are; see call_loop.c. */
struct call_pace {
	double rate;  /* bytes a second; 0: not known, no limit */
	double ahead; /* bytes written that the wire cannot have taken yet */
	uint64_t last_ms;
};

struct call_send {
	struct spool_list list; /* the outbox as it was last seen */
	size_t at;              /* next entry of list */
	uint64_t number;        /* being sent; 0: none */
	uint64_t last;          /* the highest number that was offered */
	uint64_t size;          /* of number */
	int fd;                 /* of number; -1 */
	bool wanted;            /* the protocol waits for an offer */
	bool ended;             /* we have said "no more" */
	int64_t bundles_done, bytes_done, bytes_total, bundles_total;
};

struct call_recv {
	struct spool_known *known; /* owned; NULL before the peer is known */
	struct spool_part *part;   /* owned; NULL: none open */
	struct spool_source source;
	uint64_t number;             /* being received; 0: none */
	uint64_t sync_ms;            /* when the partial is to be synced next */
	uint64_t kept;               /* number of the partial that stays ... */
	uint64_t kept_at, kept_size; /* ... and how much of it */
	int64_t bundles_done, bytes_done, bytes_total;
	bool again; /* offered is here already */
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
	double rate; /* bytes a second, fuller direction, smoothed */
	uint64_t next_ms;
};

struct call {
	struct call_site *site;         /* borrowed */
	const struct config_line *line; /* borrowed; stdio: may be a stand-in */
	const struct config_peer *peer; /* borrowed; NULL: not known yet */
	const char *insist;             /* answer --peer; NULL */
	bool outgoing, no_pack;
	bool yielded;           /* a collision was seen */
	bool met;               /* ZM_EV_PEER came and was accepted */
	bool over;              /* nothing more to do on this line */
	bool safe;              /* zm_safe() when it ended */
	uint64_t give_up_ms;    /* failed: time left for last bytes */
	const char *result;     /* fixed early: "max-call"; or NULL */
	struct port *port;      /* borrowed */
	struct zm *zm;          /* owned */
	struct spool_lock lock; /* SPOOL_LOCK_CALL */
	struct err err;         /* why it failed; ERR_NONE */
	char first[80];         /* the first bytes that came */
	size_t first_n;
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
/* Exchange on an open port until it is over. */
void call_exchange(struct call *c, struct port *port);
/* Both ends may have called each other: one becomes the answerer. */
void call_check_collision(struct call *c);
/* Say how it ended: message, status, call log; the exit code.  A call that
 * did not begin has its reason in c->err. */
int call_finish(struct call *c);
/* Everything that the call holds. */
void call_free(struct call *c);

void call_loop(struct call *c);   /* call_loop.c */
void call_events(struct call *c); /* call_events.c */

/* call_send.c: each may end the call through zm_abort. */
int call_send_open(struct call *c, struct err *e);
void call_send_next(struct call *c);
void call_send_data(struct call *c, const struct zm_event *ev);
void call_send_done(struct call *c, const struct zm_event *ev);
void call_send_close(struct call *c);

/* call_recv.c */
int call_recv_open(struct call *c, struct err *e);
void call_recv_offer(struct call *c, const struct zm_event *ev);
void call_recv_data(struct call *c, const struct zm_event *ev);
void call_recv_end(struct call *c, const struct zm_event *ev);
void call_recv_cut(struct call *c);
void call_recv_tick(struct call *c, uint64_t now_ms);
void call_recv_close(struct call *c);

/* call_pack.c */
void call_pack_start(struct call *c);
/* Has it ended, or waited long enough?  Then "no more" may be said. */
bool call_pack_over(struct call *c, uint64_t now_ms);

/* call_report.c */
/* f may be NULL: then there is no status. */
void call_note(struct status_file *f, const char *key, const char *value);
void call_state(struct status_file *f, const char *state, const char *message);
void call_report_start(struct call *c);
void call_report_tick(struct call *c, uint64_t now_ms, bool force);
void call_report_safe(struct call *c);
void call_report_end(struct call *c, const char *state, const char *result,
    int exit_code, const char *message);
/* 201733 as "201,733". */
#define CALL_NUMBER_TEXT 32
const char *call_number(uint64_t n, char out[CALL_NUMBER_TEXT]);

#endif
